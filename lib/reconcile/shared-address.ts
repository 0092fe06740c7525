import { clusterHeld } from "../cluster/cluster-held.ts";
import type { Deps } from "../deps.ts";
import type { Held } from "../outcome.ts";
import { parseAddress } from "../peers/address.ts";
import type { Joiner } from "./observation.ts";
import { sharedHeld } from "./plan.ts";
import { networkBefore } from "../pod/network-before.ts";
import { endedForGood, type Pod } from "../pod/pod.ts";

/**
 * Another pod that runs, of any network, with the address and port of this one: as two on the host's network of one node
 * have, or as a defect of a network plugin makes. What answers there may be the process of either, so neither is touched.
 * One that has lost its label counts, as long as this life of it was in a network. Not asked for a peer that has been in a
 * network at this address. Undefined: there is none that klight may see.
 */
export async function sharedBy(
  { cluster }: Pick<Deps, "cluster">,
  network: string,
  { pod, peer }: Pick<Joiner, "pod" | "peer">,
): Promise<Held | undefined> {
  const { host } = parseAddress(peer.address) ?? {};
  if (host === undefined || wasInHere(pod)) return undefined;
  const about = { pod, network };
  const listed = await cluster.listPods({ ip: host });
  if (listed.tag === "failed") return { ...clusterHeld(listed), ...about };
  const runsHere = (each: Pod): boolean =>
    each.address === peer.address &&
    !endedForGood(each) &&
    (each.network !== undefined || networkBefore(each) !== undefined);
  const other = listed.pods.find((each) => each.uid !== pod.uid && runsHere(each));
  return other && sharedHeld(peer, other, about);
}

const wasInHere = (pod: Pod): boolean =>
  networkBefore(pod) !== undefined && (pod.joined?.address ?? pod.address) === pod.address;
