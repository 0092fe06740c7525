import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Step } from "./move.ts";
import type { PodName } from "../outcome.ts";
import { networkBefore } from "../pod/network-before.ts";
import type { Pod } from "../pod/pod.ts";
import type { Intent } from "../store/contacts.ts";

/**
 * Pods of other networks whose peers may have been in this one: a contact of it, or whom a step that died was for. Only
 * what their pods say of it leads to a re-form of their own network, which may have them as members that do not know it.
 */
export async function movedOut({
  deps,
  target,
  lease,
  record,
  seen,
}: Step): Promise<{ readonly tag: "pods"; readonly pods: readonly Pod[] } | ClusterFailure> {
  const moved = seen.moved.filter(({ incarnation }) => incarnation !== target.leaver?.incarnation);
  const pods: Pod[] = [];
  for (const name of [...moved, ...podsOfIntent(record.intent)]) {
    const asked = await deps.cluster.getPod(name);
    if (asked.tag === "failed") return asked;
    if (asked.pod && isUntold(asked.pod, lease.network)) pods.push(asked.pod);
  }
  return { tag: "pods", pods };
}

/** The pod that a step which died was for. */
export const podsOfIntent = (intent: Intent | undefined): readonly PodName[] => {
  const [namespace, name] = intent?.pod?.split("/") ?? [];
  return namespace === undefined || name === undefined ? [] : [{ namespace, name }];
};

/** A pod that runs for another network and does not say yet that its peer was in this one. */
const isUntold = (pod: Pod, network: string): boolean =>
  pod.network !== undefined &&
  pod.network !== network &&
  pod.address !== undefined &&
  networkBefore(pod) !== network;
