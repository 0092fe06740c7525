import type { Cause } from "../../lib/reconcile/cause.ts";
import type { Intent } from "../../lib/store/contacts.ts";
import type { AttributesOf } from "./metrics.ts";

/** What the calls of one step in one network tell about a re-form in it. Times in ms of `performance.now()`. */
export interface Turn {
  /** What was last written as being under way. */
  intent?: Intent["kind"];
  opened?: number;
  closed?: number;
  /** Where klight's seed is reached, while it is open. */
  seed?: string;
  /** When the first peer was sent for, and the last one told that the network is live. */
  frozen?: number;
  live?: number;
  cause?: Cause["kind"];
}

interface Reformed {
  readonly ms: number;
  readonly attributes: AttributesOf<"reformDuration">;
  /** Absent: the network did not go live. */
  readonly refusedMs?: number;
}

/** The re-form of a turn; undefined: there was none. A visit opens the seed too. */
export function reformOf(turn: Turn, now: number): Reformed | undefined {
  const { intent, opened, closed = now, frozen = 0, live = 0, cause } = turn;
  if (intent !== "reform" || opened === undefined) return undefined;
  const attributes =
    cause === undefined
      ? { "klight.reform.end": "not-whole" }
      : { "klight.reform.end": "whole", "klight.reform.cause": cause };
  const refusedMs = live - frozen;
  return { ms: closed - opened, attributes, ...(refusedMs > 0 && { refusedMs }) };
}
