import type { News } from "./announce.ts";
import { findingsAtRest } from "./changes.ts";
import type { Deps } from "../deps.ts";
import type { Lease } from "../lease.ts";
import type { Observation } from "./observation.ts";
import type { Outcome } from "../outcome.ts";
import type { Target } from "./plan.ts";
import type { Pod } from "../pod/pod.ts";
import type { Change, NetworkRecord } from "../store/contacts.ts";

/** A step that has the lease of its network and has looked at it: what every move is given. */
export interface Step {
  readonly deps: Deps;
  readonly target: Target;
  readonly lease: Lease;
  readonly record: NetworkRecord;
  readonly seen: Observation;
}

/** What a move returns: how the step ends, of which nothing is written or told yet. `conclude` does both. */
export interface Ending {
  readonly outcome: Outcome;
  /** For the store, when the lease is given back. Absent: there is no lease, or not any more; nothing is written. */
  readonly change?: Change;
  /** For people, once that is written. */
  readonly tell?: readonly News[];
  /** Pods that must be told before: where one cannot be, the step is held, and this is written instead. */
  readonly first?: {
    readonly movedOut: readonly Pod[];
    /** Nobody is left, and they take along what is stored. */
    readonly isLast?: boolean;
    readonly ifUntold: Change;
  };
}

/**
 * Nothing is changed in the network: what was seen is written, and a leftover intent stays. `unfinished`: so does that
 * of this step, for the next one to find.
 */
export function hold(
  { record, seen }: Pick<Step, "record"> & Partial<Pick<Step, "seen">>,
  outcome: Outcome,
  unfinished = false,
): Ending {
  const keepIntent = unfinished || record.intent !== undefined;
  return {
    outcome,
    change: { ...(seen && findingsAtRest(seen)), keepIntent },
    ...(seen?.joiner && { tell: [{ tag: "held", pod: seen.joiner.pod, outcome }] }),
  };
}
