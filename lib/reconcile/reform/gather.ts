import { mergeHistories } from "./history.ts";
import type { Frozen } from "./freeze.ts";
import {
  again,
  type Participants,
  type Entries,
  missed,
  partMs,
  type Participant,
  type Reforming,
  type Stopped,
  tooLarge,
} from "./reforming.ts";

/** How much there is to hand over, before anything is touched. */
export interface Measured {
  readonly tag: "measured";
  /** Of the longest history that was read. */
  readonly bytes: number;
}

/** Everything that is stored, now that nobody can store any more. */
export interface Gathered {
  readonly tag: "gathered";
  /** The one history of the network. */
  readonly entries: Entries;
  /** What each frozen peer holds, and the digest of its newest entry. */
  readonly held: ReadonlyMap<Participant, { readonly entries: Entries; readonly digest: string }>;
}

const bytesOf = (entries: Entries): number => entries.reduce((sum, entry) => sum + entry.byteLength, 0);

/** Reads the histories of a member and of the joiners, for one that is too large must show before a peer is frozen. */
export async function measure(
  reforming: Reforming,
  { members, joiners }: Participants,
): Promise<Measured | Stopped> {
  const { lightpeer, settings } = reforming.deps;
  const those = [...members.slice(0, 1), ...joiners];
  const timeoutMs = partMs(reforming.deps, settings.historyLimit);
  const read = await Promise.all(
    those.map(({ address }) => lightpeer.history(address, settings.historyLimit, timeoutMs)),
  );
  let bytes = 0;
  for (const [index, participant] of those.entries()) {
    const history = read[index];
    if (history?.tag === "too-large") return tooLarge(reforming, participant, false);
    if (history?.tag !== "history")
      return missed(participant, `no history from ${participant.address}: ${history?.message}`);
    bytes = Math.max(bytes, bytesOf(history.entries));
  }
  return { tag: "measured", bytes };
}

/** The longest history, then what only others hold. What a joiner does not carry along stays where it comes from. */
export async function gather(
  reforming: Reforming,
  participants: Participants,
  frozen: readonly Frozen[],
  timeoutMs: number,
): Promise<Gathered | Stopped> {
  const { deps } = reforming;
  // A little more than the limit: the network is frozen already, and was measured.
  const limit = 2 * deps.settings.historyLimit;
  const isLeftBehind = (participant: Participant): boolean =>
    !participants.carry && participants.joiners.some((joiner) => joiner === participant);
  const those = frozen
    .map(({ participant }) => participant)
    .filter((participant) => !isLeftBehind(participant));
  const read = await Promise.all(
    those.map(({ address }) => deps.lightpeer.history(address, limit, timeoutMs)),
  );
  const held = new Map<Participant, { entries: Entries; digest: string }>();
  const silent: Stopped[] = [];
  for (const [index, participant] of those.entries()) {
    const history = read[index];
    if (history?.tag === "too-large") return tooLarge(reforming, participant, true);
    if (history?.tag === "history") held.set(participant, history);
    else silent.push(missed(participant, `no history from ${participant.address}: ${history?.message}`));
  }
  const [first] = silent;
  if (first?.tag === "again")
    return again(
      silent.flatMap(({ missing }) => missing),
      first.message,
    );
  const entries = mergeHistories([...held.values()].map((history) => history.entries));
  return { tag: "gathered", entries, held };
}
