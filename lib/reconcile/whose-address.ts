import { clusterHeld } from "../cluster/cluster-held.ts";
import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Deps } from "../deps.ts";
import { held, type Held } from "../outcome.ts";
import { sharerOf } from "../pod/shared-address.ts";
import { parseAddress } from "../peers/address.ts";
import type { Joiner } from "./observation.ts";
import { sharedHeld } from "./plan.ts";
import type { Contact } from "../store/contacts.ts";
import { networkBefore } from "../pod/network-before.ts";
import type { Pod } from "../pod/pod.ts";

/**
 * Does another pod that runs have the address and port of this one? Then neither is touched. Nor is this one, where the
 * same answer shows it with another label. Not asked for a peer that has been in a network at this address. Undefined:
 * nothing that klight may see speaks against it.
 */
export async function sharedBy(
  { cluster }: Pick<Deps, "cluster">,
  network: string,
  { pod, peer }: Pick<Joiner, "pod" | "peer">,
): Promise<Held | undefined> {
  if (wasInHere(pod)) return undefined;
  const about = { pod, network };
  const here = await podsAt(cluster, peer);
  if (here.tag === "failed") return { ...clusterHeld(here), ...about };
  if (here.itself && here.itself.network !== network) {
    const message = `${pod.name} has got another label since the pods of ${network} were read`;
    return held("LookTooOld", message, about);
  }
  return here.other && sharedHeld(peer, here.other, about);
}

/** The pods with an address, as the API server shows them now. */
interface PodsAt {
  readonly tag: "pods";
  readonly itself: Pod | undefined;
  /** Another one that runs: whatever answers there may be its process. */
  readonly other: Pod | undefined;
}

export async function podsAt(
  cluster: Deps["cluster"],
  { uid, address }: Pick<Contact, "uid" | "address">,
): Promise<PodsAt | ClusterFailure> {
  const { host } = parseAddress(address) ?? {};
  if (host === undefined) return { tag: "pods", itself: undefined, other: undefined };
  const listed = await cluster.listPods({ ip: host });
  if (listed.tag === "failed") return listed;
  return {
    tag: "pods",
    itself: listed.pods.find((each) => each.uid === uid),
    other: sharerOf({ uid, address }, listed.pods),
  };
}

const wasInHere = (pod: Pod): boolean =>
  networkBefore(pod) !== undefined && (pod.joined?.address ?? pod.address) === pod.address;
