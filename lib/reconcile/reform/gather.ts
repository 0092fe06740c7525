import { mergeHistories } from "./history.ts";
import type { Frozen } from "./freeze.ts";
import {
  again,
  type Cast,
  type Entries,
  missed,
  partMs,
  type Place,
  type Stage,
  type Stopped,
  tooLarge,
} from "./stage.ts";

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
  readonly held: ReadonlyMap<Place, { readonly entries: Entries; readonly digest: string }>;
}

const bytesOf = (entries: Entries): number => entries.reduce((sum, entry) => sum + entry.byteLength, 0);

/** Reads the histories of a member and of the joiners, for one that is too large must show before a peer is frozen. */
export async function measure(stage: Stage, { members, joiners }: Cast): Promise<Measured | Stopped> {
  const { lightpeer, settings } = stage.deps;
  const places = [...members.slice(0, 1), ...joiners];
  const timeoutMs = partMs(stage.deps, settings.historyLimit);
  const read = await Promise.all(
    places.map(({ address }) => lightpeer.history(address, settings.historyLimit, timeoutMs)),
  );
  let bytes = 0;
  for (const [index, place] of places.entries()) {
    const history = read[index];
    if (history?.tag === "too-large") return tooLarge(stage, place, false);
    if (history?.tag !== "history")
      return missed(place, `no history from ${place.address}: ${history?.message}`);
    bytes = Math.max(bytes, bytesOf(history.entries));
  }
  return { tag: "measured", bytes };
}

/** The longest history, then what only others hold. What a joiner does not carry along stays where it comes from. */
export async function gather(
  stage: Stage,
  cast: Cast,
  frozen: readonly Frozen[],
  timeoutMs: number,
): Promise<Gathered | Stopped> {
  const { deps } = stage;
  // A little more than the limit: the network is frozen already, and was measured.
  const limit = 2 * deps.settings.historyLimit;
  const isLeftBehind = (place: Place): boolean =>
    !cast.carry && cast.joiners.some((joiner) => joiner === place);
  const places = frozen.map(({ place }) => place).filter((place) => !isLeftBehind(place));
  const read = await Promise.all(
    places.map(({ address }) => deps.lightpeer.history(address, limit, timeoutMs)),
  );
  const held = new Map<Place, { entries: Entries; digest: string }>();
  const silent: Stopped[] = [];
  for (const [index, place] of places.entries()) {
    const history = read[index];
    if (history?.tag === "too-large") return tooLarge(stage, place, true);
    if (history?.tag === "history") held.set(place, history);
    else silent.push(missed(place, `no history from ${place.address}: ${history?.message}`));
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
