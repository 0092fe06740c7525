import { announceMovedOut } from "./announce.ts";
import { networkBefore } from "./before.ts";
import type { ClusterFailure } from "./cluster/cluster.ts";
import type { Step } from "./step.ts";

/**
 * Peers that may have been in this network and are of another one: one of its contacts, or one that a step which died
 * was for. Only what their pods say of it leads to a re-form of their own network, which may have them as members that
 * do not know it; so what cannot be told is not done with.
 */
export async function tellStrays({
  deps,
  wish,
  lease,
  record,
  scene,
}: Step): Promise<ClusterFailure | undefined> {
  const [namespace, name] = record.intent?.pod?.split("/") ?? [];
  const half = namespace !== undefined && name !== undefined ? [{ namespace, name }] : [];
  const moved = scene.moved.filter(({ incarnation }) => incarnation !== wish.leaver?.incarnation);
  for (const place of [...moved, ...half]) {
    const asked = await deps.cluster.getPod(place);
    if (asked.tag === "failed") return asked;
    const pod = asked.tag === "pod" ? asked.pod : undefined;
    const isStray = pod?.network !== undefined && pod.network !== lease.network && pod.address !== undefined;
    if (!isStray || networkBefore(pod) === lease.network) continue;
    const failed = await announceMovedOut(deps, pod, lease.network);
    if (failed) return failed;
  }
  return undefined;
}
