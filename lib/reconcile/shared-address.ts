import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Deps } from "../deps.ts";
import { parseAddress } from "../peers/address.ts";
import type { Joiner } from "./observation.ts";
import type { Pod } from "../pod/pod.ts";

/**
 * Another pod that runs, of any network, with the address and port of this one: as two on the host's network of one node
 * have, or as a defect of a network plugin makes. What answers there may be the process of either. Undefined: there is none
 * that klight may see.
 */
export async function otherAtAddress(
  { cluster }: Deps,
  { pod, peer }: Pick<Joiner, "pod" | "peer">,
): Promise<{ readonly tag: "other"; readonly other: Pod | undefined } | ClusterFailure> {
  const { host } = parseAddress(peer.address) ?? {};
  if (host === undefined) return { tag: "other", other: undefined };
  const listed = await cluster.listPods({ ip: host });
  if (listed.tag === "failed") return listed;
  const other = listed.pods.find(
    ({ uid, address, finished }) => uid !== pod.uid && address === peer.address && !finished,
  );
  return { tag: "other", other };
}
