import type { Cause } from "../../lib/cause.ts";
import type { Intent } from "../../lib/contacts/contacts.ts";
import type { AttributesOf } from "./metrics.ts";

/** What the calls of one step in one network tell about a re-form in it. Times in ms of `performance.now()`. */
export interface Turn {
  /** What was last written as being under way. */
  intent?: Intent["kind"];
  opened?: number;
  closed?: number;
  /** Where klight's seed is reached, while it is open. */
  seed?: string;
  /** When the first peer was frozen, and the last one moved. */
  firstMoved?: number;
  lastMoved?: number;
  cause?: Cause["kind"];
}

interface Reformed {
  readonly ms: number;
  readonly attributes: AttributesOf<"reformDuration">;
  /** Absent: at most one peer was moved, so nobody was kept from storing. */
  readonly refusedMs?: number;
}

/** The re-form of a turn; undefined: there was none. A visit opens the seed too. */
export function reformOf(turn: Turn, now: number): Reformed | undefined {
  const { intent, opened, closed = now, firstMoved = 0, lastMoved = 0, cause } = turn;
  if (intent !== "reform" || opened === undefined) return undefined;
  const attributes =
    cause === undefined
      ? { "klight.reform.end": "not-whole" }
      : { "klight.reform.end": "whole", "klight.reform.cause": cause };
  const refusedMs = lastMoved - firstMoved;
  return { ms: closed - opened, attributes, ...(refusedMs > 0 && { refusedMs }) };
}
