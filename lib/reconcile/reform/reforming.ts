import type { Contact } from "../../store/contacts.ts";
import type { Deps } from "../../deps.ts";
import type { Lease, Looked } from "../../lease.ts";
import type { JoinEnd, Seed } from "../../peers/lightpeer.ts";
import { held, type Held } from "../../outcome.ts";

/** Who takes part in a re-form. */
export interface Participants {
  /** Living members, oldest first. */
  readonly members: readonly Contact[];
  /** Peers that come in. */
  readonly joiners: readonly Contact[];
  /** Peers that go to another network: their history stays, and nobody can store through them meanwhile. */
  readonly leavers: readonly Participant[];
  readonly looked: Looked;
  /** False: what the joiners hold belongs to the network that they come from, and stays there. */
  readonly carry: boolean;
}

/** What the moves of one re-form share. */
export interface Reforming {
  readonly deps: Deps;
  readonly lease: Lease;
  readonly seed: Seed;
  /** Makes sure that the lease covers `ms` more. Undefined: it does. */
  readonly ensure: (ms: number) => Promise<Held | undefined>;
  /** Asks the store whether the lease is still there, and renews it to `ms` from now. Undefined: it is. */
  readonly renew: (ms: number) => Promise<Held | undefined>;
}

/** A peer that takes part; leavers are no contacts. */
export type Participant = Pick<Contact, "uid" | "namespace" | "name" | "address" | "incarnation">;

/** A peer that the network goes on without: alive, and still on its old chain. */
export interface StayedOut {
  readonly participant: Participant;
  readonly why: string;
}

export const allOf = ({ members, joiners, leavers }: Participants): readonly Participant[] => [
  ...members,
  ...joiners,
  ...leavers,
];

/**
 * An attempt that does not reach its end. `again`: these did not do their part; try once more, perhaps without them.
 * `touched`: peers of the network may have been changed already.
 */
export type Stopped = {
  readonly missing: readonly Participant[];
  readonly touched: boolean;
  /** What the longest history costs to hold, bytes, where peers have been busy with it. */
  readonly largest?: number;
} & ({ readonly tag: "again"; readonly message: string } | { readonly tag: "held"; readonly outcome: Held });

export const attemptAgain = (missing: readonly Participant[], message: string): Stopped => ({
  tag: "again",
  missing,
  message,
  touched: true,
});

export const missed = (participant: Participant, message: string): Stopped =>
  attemptAgain([participant], message);

export const stoppedBy = (outcome: Held, touched = true): Stopped => ({
  tag: "held",
  outcome,
  touched,
  missing: [],
});

/** A JoinNetwork at the seed that ended before its peer came. */
export function joinStopped(reforming: Reforming, participant: Participant, end: JoinEnd): Stopped {
  const { address } = participant;
  if (end.tag === "joined")
    return missed(participant, `${address} says that it has joined, and did not come`);
  if (end.tag === "unclear")
    return missed(participant, `${address} did not come for its chain: ${end.message}`);
  const message = `${address} cannot use klight's seed at ${reforming.seed.address}: ${end.message}`;
  const outcome = held("SeedUnreachable", message, { network: reforming.lease.network }, 30);
  return { ...stoppedBy(outcome, false), missing: [participant] };
}

export function tooLarge(reforming: Reforming, { address }: Participant, touched: boolean): Stopped {
  const limit = reforming.deps.settings.historyLimit;
  const message = `the history at ${address} is over KLIGHT_HISTORY_LIMIT (${limit} bytes)`;
  return stoppedBy(held("HistoryTooLarge", message, { network: reforming.lease.network }, 60), touched);
}

export const namesOf = (parts: readonly Participant[]): string => parts.map(({ name }) => name).join(", ");

/**
 * What klight and its peers move in a ms at the least, bytes, also where the processor is busy with other things: a tenth
 * of what two quiet cores do. What takes longer has failed.
 */
const BYTES_PER_MS = 4 * 1_024;

/** `ms` for an answer, and the time for what must be moved before it comes. */
export const withBytes = (ms: number, bytes: number): number => ms + Math.ceil(bytes / BYTES_PER_MS);

/** How long the peers may take for one part of a re-form in which so much is moved, of all of them together, ms. */
export const partMs = ({ settings }: Deps, bytes = 0): number =>
  withBytes(Math.min(settings.joinTimeoutMs, 5_000), bytes);

/** So many peers are read from or sent to at once: each has some of the longest messages under way. */
const PEERS_AT_ONCE = 8;

/** Does it for all, for a few at a time; in their order. */
export async function forEach<Item, Done>(
  items: readonly Item[],
  work: (item: Item) => Promise<Done>,
): Promise<readonly Done[]> {
  const done: Done[] = [];
  const left = items.entries();
  const workers = Array.from({ length: PEERS_AT_ONCE }, async () => {
    for (const [index, item] of left) done[index] = await work(item);
  });
  await Promise.all(workers);
  return done;
}
