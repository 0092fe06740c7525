import { announceMovedOut } from "./announce.ts";
import { networkBefore } from "../pod/network-before.ts";
import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Intent } from "../store/contacts.ts";
import type { PodName } from "../outcome.ts";
import type { Pod } from "../pod/pod.ts";
import type { Step } from "./step.ts";

/**
 * Peers that may have been in this network and are of another one: one of its contacts, or one that a step which died
 * was for. Only what their pods say of it leads to a re-form of their own network, which may have them as members that
 * do not know it; so what cannot be told is not done with.
 */
export async function tellStrays(step: Step): Promise<ClusterFailure | undefined> {
  const { deps, wish, lease, record, scene } = step;
  const moved = scene.moved.filter(({ incarnation }) => incarnation !== wish.leaver?.incarnation);
  for (const place of [...moved, ...podOf(record.intent)]) {
    const asked = await deps.cluster.getPod(place);
    if (asked.tag === "failed") return asked;
    const { pod } = asked;
    const failed = pod && isStray(pod, lease.network) && (await announceMovedOut(deps, pod, lease.network));
    if (failed) return failed;
  }
  return undefined;
}

/** The pod that a step which died was for. */
export const podOf = (intent: Intent | undefined): readonly PodName[] => {
  const [namespace, name] = intent?.pod?.split("/") ?? [];
  return namespace === undefined || name === undefined ? [] : [{ namespace, name }];
};

/** A pod that runs for another network and does not say yet that its peer was in this one. */
const isStray = (pod: Pod, network: string): boolean =>
  pod.network !== undefined &&
  pod.network !== network &&
  pod.address !== undefined &&
  networkBefore(pod) !== network;
