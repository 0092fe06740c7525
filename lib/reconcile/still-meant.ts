import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Deps } from "../deps.ts";
import type { Leaver, Target } from "./plan.ts";
import type { Pod } from "../pod/pod.ts";
import type { NetworkRecord } from "../store/contacts.ts";

/**
 * Another step may have moved the leaver already. Or its process has ended, and the next one may be in another network
 * already. Or it is of this network again, and stays.
 */
export async function stillMeant(
  deps: Deps,
  { leaver, ...target }: Target,
  { stack }: NetworkRecord,
): Promise<{ readonly tag: "meant"; readonly target: Target } | ClusterFailure> {
  if (leaver === undefined) return { tag: "meant", target };
  const left = { tag: "meant", target: { ...target, hasLeft: leaver } } as const;
  const isMember = stack.some(({ incarnation }) => incarnation === leaver.incarnation);
  if (!isMember) return left;
  const asked = await deps.cluster.getPod(leaver);
  if (asked.tag === "failed") return asked;
  const { pod } = asked;
  if (!isStill(pod, leaver)) return left;
  return {
    tag: "meant",
    target: pod.network === target.network ? target : { ...target, leaver: { ...leaver, pod } },
  };
}

/** Is this the life that was to leave, where it was? Somebody else may answer at an address that was its own. */
const isStill = (pod: Pod | undefined, { uid, incarnation, address }: Leaver): pod is Pod =>
  pod?.uid === uid && pod.incarnation === incarnation && pod.address === address && !pod.finished;
