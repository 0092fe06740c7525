import type { Contact } from "../../store/contacts.ts";
import type { Deps } from "../../deps.ts";
import type { Held, Lease } from "../../lease.ts";
import type { JoinEnd, Seed } from "../../peers/lightpeer.ts";
import { held } from "../../outcome.ts";
import type { Looked } from "../scene.ts";

/** Who takes part in a re-form. */
export interface Cast {
  /** Living members, oldest first. */
  readonly members: readonly Contact[];
  /** Peers that come in. */
  readonly joiners: readonly Contact[];
  /** Peers that go to another network: their history stays, and nobody can store through them meanwhile. */
  readonly leavers: readonly Place[];
  readonly looked: Looked;
  /** False: what the joiners hold belongs to the network that they come from, and stays there. */
  readonly carry: boolean;
}

/** What the moves of one re-form share. */
export interface Stage {
  readonly deps: Deps;
  readonly lease: Lease;
  readonly seed: Seed;
  /** Makes sure that the lease covers `ms` more. Undefined: it does. */
  readonly ensure: (ms: number) => Promise<Held | undefined>;
  /** Asks the store whether the lease is still there, and renews it to `ms`. Undefined: it is. */
  readonly renew: (ms: number) => Promise<Held | undefined>;
}

/** A peer that takes part; leavers are no contacts. */
export type Place = Pick<Contact, "uid" | "namespace" | "name" | "address" | "incarnation">;

/** Stored payloads, newest first. */
export type Entries = readonly Uint8Array[];

/**
 * A round that does not reach its end. `again`: these did not do their part; play once more, perhaps without them.
 * `touched`: peers of the network may have been changed already.
 */
export type Stopped = { readonly missing: readonly Place[]; readonly touched: boolean } & (
  { readonly tag: "again"; readonly message: string } | { readonly tag: "held"; readonly outcome: Held }
);

export const again = (missing: readonly Place[], message: string): Stopped => ({
  tag: "again",
  missing,
  message,
  touched: true,
});

export const missed = (place: Place, message: string): Stopped => again([place], message);

export const stoppedBy = (outcome: Held, touched = true): Stopped => ({
  tag: "held",
  outcome,
  touched,
  missing: [],
});

/** A JoinNetwork at the seed that ended before its peer came. */
export function joinStopped(stage: Stage, place: Place, end: JoinEnd): Stopped {
  const { address } = place;
  if (end.tag === "joined") return missed(place, `${address} says that it has joined, and did not come`);
  if (end.tag === "unclear") return missed(place, `${address} did not come for its chain: ${end.message}`);
  const message = `${address} cannot use klight's seed at ${stage.seed.address}: ${end.message}`;
  const outcome = held("SeedUnreachable", message, { network: stage.lease.network }, 30);
  return { ...stoppedBy(outcome, false), missing: [place] };
}

export function tooLarge(stage: Stage, { address }: Place, touched: boolean): Stopped {
  const limit = stage.deps.settings.historyLimit;
  const message = `the history at ${address} is over KLIGHT_HISTORY_LIMIT (${limit} bytes)`;
  return stoppedBy(held("HistoryTooLarge", message, { network: stage.lease.network }, 60), touched);
}

export const namesOf = (parts: readonly Place[]): string => parts.map(({ name }) => name).join(", ");

/** How long one peer may take for its part, ms: grows with what it has to tell or to take in. */
export const partMs = (deps: Deps, bytes: number): number =>
  Math.min(deps.settings.joinTimeoutMs, 5_000 + Math.ceil(bytes / 1_024));
