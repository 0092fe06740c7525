import type { Outcome } from "../outcome.ts";
import { formatJoined, type JoinedCondition } from "../pod/condition.ts";
import { networkBefore } from "../pod/network-before.ts";
import type { Pod } from "../pod/pod.ts";

/** Outcomes by which a peer is in. */
export type In = Extract<Outcome, { name: "founded" | "joined" | "reformed" }>;

/** The condition of a pod whose peer is in. */
export function conditionIn(outcome: In, pod: Pod): JoinedCondition {
  const { reason, message, network, generation } = outcome;
  return formatJoined({
    status: "True",
    reason,
    message,
    ...ofThisPod(pod),
    generation,
    ...(network !== undefined && { network }),
    ...(outcome.name === "joined" && { via: outcome.via }),
  });
}

/** What the condition of a pod whose peer is not in says. */
export interface OutWords {
  readonly reason: string;
  readonly message: string;
  /** A network whose history it alone has. */
  readonly carries: string | undefined;
}

/** The condition of a pod whose peer is not in its network, or not any more. */
export function conditionOut(pod: Pod, { reason, message, carries }: OutWords): JoinedCondition {
  const { network } = pod;
  const was = networkBefore(pod);
  return formatJoined({
    status: "False",
    reason,
    message,
    ...ofThisPod(pod),
    ...(network !== undefined && { network }),
    ...(was !== undefined && was !== network && { was }),
    carries,
  });
}

/** What every condition keeps: whose life it is about and where, and the last request that was answered, or it would be done again. */
export const ofThisPod = ({
  incarnation,
  address,
  joined,
}: Pod): { readonly incarnation: string; readonly address?: string; readonly reform?: string } => ({
  incarnation,
  ...(address !== undefined && { address }),
  ...(joined?.reform !== undefined && { reform: joined.reform }),
});
