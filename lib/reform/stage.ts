import type { Contact } from "../contacts/contacts.ts";
import type { Deps } from "../deps.ts";
import { covers, type Held, type Lease } from "../lease.ts";
import type { Seed } from "../lightpeer/lightpeer.ts";
import { held } from "../outcome.ts";

/** Who takes part in a re-form. */
export interface Cast {
  /** Living members, oldest first. */
  readonly members: readonly Contact[];
  /** Peers that come in. */
  readonly joiners: readonly Contact[];
  /** Peers that go to another network: their history stays, and nobody can store through them meanwhile. */
  readonly leavers: readonly { readonly address: string }[];
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
}

/** A peer that takes part; leavers are no contacts. */
export type Place = Contact | { readonly address: string };

/** Stored payloads, newest first. */
export type Entries = readonly Uint8Array[];

/**
 * A round that does not reach its end. `again`: these did not do their part; play once more, perhaps without them.
 * `touched`: peers of the network may have been changed already.
 */
export type Stopped =
  | {
      readonly tag: "again";
      readonly missing: readonly Contact[];
      readonly message: string;
      readonly touched: true;
    }
  | { readonly tag: "held"; readonly outcome: Held; readonly touched: boolean };

export const again = (missing: readonly Contact[], message: string): Stopped => ({
  tag: "again",
  missing,
  message,
  touched: true,
});

export const missed = (place: Place, message: string): Stopped =>
  again("uid" in place ? [place] : [], message);

export const stoppedBy = (outcome: Held, touched = true): Stopped => ({ tag: "held", outcome, touched });

export function tooLarge(stage: Stage, { address }: Place, touched: boolean): Stopped {
  const limit = stage.deps.settings.historyLimit;
  const message = `the history at ${address} is over KLIGHT_HISTORY_LIMIT (${limit} bytes)`;
  return stoppedBy(held("HistoryTooLarge", message, { network: stage.lease.network }, 60), touched);
}

export const bytesOf = (entries: Entries): number =>
  entries.reduce((sum, entry) => sum + entry.byteLength, 0);
export const namesOf = (parts: readonly Contact[]): string => parts.map(({ name }) => name).join(", ");

/** How long one peer may take for its part, ms: grows with what it has to take in. */
export const partMs = (deps: Deps, bytes: number): number =>
  Math.min(deps.settings.joinTimeoutMs, 5_000 + Math.ceil(bytes / 1_024));

/** JoinNetwork at the seed. Undefined: the peer has taken its chain. */
export async function sendToSeed(
  stage: Stage,
  place: Place,
  timeoutMs: number,
): Promise<Stopped | undefined> {
  const lost = await stage.ensure(timeoutMs);
  if (lost) return stoppedBy(lost);
  if (!covers(stage.deps, stage.lease, timeoutMs)) return missed(place, "the lease ran short");
  const end = await stage.deps.lightpeer.join(place.address, stage.seed.address, timeoutMs);
  switch (end.tag) {
    case "joined":
      return undefined;
    case "unclear":
      return missed(place, `${place.address} did not take its chain: ${end.message}`);
    case "unreachable":
    case "denied": {
      const message = `${place.address} cannot use klight's seed at ${stage.seed.address}: ${end.message}`;
      return stoppedBy(held("SeedUnreachable", message, { network: stage.lease.network }, 30), false);
    }
  }
}
