import { held, type Outcome } from "../../outcome.ts";
import { costOf, type Lightpeer, MAX_ENTRY_BYTES } from "../../peers/lightpeer.ts";
import { Entries, type History, mergeHistories } from "./history.ts";
import type { Frozen } from "./freeze.ts";
import {
  forEach,
  missed,
  type Participant,
  type Participants,
  partMs,
  type Reforming,
  type Stopped,
  stoppedBy,
  tooLarge,
} from "./reforming.ts";

/** How much there is to hand over, before anything is touched. */
export interface Measured {
  readonly tag: "measured";
  /** What the longest history that was read costs to hold. */
  readonly bytes: number;
}

/** Everything that is stored, now that nobody can store any more. */
export interface Gathered {
  readonly tag: "gathered";
  /** The one history of the network. */
  readonly entries: History;
  /** What each frozen peer holds, and the digest of its newest entry. */
  readonly held: ReadonlyMap<Participant, { readonly entries: History; readonly digest: string }>;
  /** Peers with an entry that no other peer can take, and its length, bytes. It stays with them. */
  readonly tooLong: ReadonlyMap<Participant, number>;
}

const isTooLong = ({ byteLength }: Uint8Array): boolean => byteLength > MAX_ENTRY_BYTES;

/**
 * How large the histories of a member and of the joiners are, for what cannot be handed over must show before a peer is
 * frozen. Nothing of them is kept.
 */
export async function measure(
  reforming: Reforming,
  { members, joiners }: Participants,
): Promise<Measured | Stopped> {
  const those = [...members.slice(0, 1), ...joiners];
  const ends = await forEach(those, (participant) => measureOne(reforming, participant));
  const stopped = ends.find((end) => end.tag !== "measured");
  if (stopped) return stopped;
  const measured = ends.flatMap((end) => (end.tag === "measured" ? [end] : []));
  // What a member cannot pass on does not stop the others; but a joiner brings it along.
  const others = members.length > 1 ? measured.slice(1) : measured;
  const stuck = others.find(({ tooLong }) => tooLong > 0);
  if (stuck) return stoppedBy(entryTooLong(reforming, stuck.participant, stuck.tooLong), false);
  return { tag: "measured", bytes: Math.max(0, ...measured.map(({ bytes }) => bytes)) };
}

async function measureOne(
  reforming: Reforming,
  participant: Participant,
): Promise<(Measured & { readonly participant: Participant; readonly tooLong: number }) | Stopped> {
  const { lightpeer, settings } = reforming.deps;
  const { address } = participant;
  let [bytes, tooLong] = [0, 0];
  const history = await lightpeer.history(address, partMs(reforming.deps, settings.historyLimit), (entry) => {
    bytes += costOf(entry);
    if (isTooLong(entry)) tooLong = Math.max(tooLong, entry.byteLength);
    return bytes > settings.historyLimit ? "enough" : "more";
  });
  if (history.tag === "too-large") return tooLarge(reforming, participant, false);
  if (history.tag === "failed") return missed(participant, `no history from ${address}: ${history.message}`);
  return { tag: "measured", bytes, tooLong, participant };
}

/**
 * The longest history, then what only others hold. What a joiner does not carry along stays where it comes from, and an
 * entry that no other peer can take stays at its peer.
 */
export async function gather(
  reforming: Reforming,
  { joiners, carry }: Participants,
  frozen: readonly Frozen[],
  timeoutMs: number,
): Promise<Gathered | Stopped> {
  const those = frozen
    .map(({ participant }) => participant)
    .filter((participant) => carry || !joiners.some((joiner) => joiner === participant));
  const read = await readHistories(reforming, those, timeoutMs);
  const large = read.find(({ end }) => end.tag === "too-large");
  if (large) return tooLarge(reforming, large.participant, true);
  const silent = read.flatMap(({ participant, end }) =>
    end.tag === "failed"
      ? [missed(participant, `no history from ${participant.address}: ${end.message}`)]
      : [],
  );
  const [first] = silent;
  if (first) return { ...first, missing: silent.flatMap(({ missing }) => missing) };
  return {
    tag: "gathered",
    entries: mergeHistories(read.map(({ own }) => own.filter((entry) => !isTooLong(entry)))),
    held: new Map(
      read.map(({ participant, own, end }) => [
        participant,
        { entries: own, digest: end.tag === "history" ? end.digest : "" },
      ]),
    ),
    tooLong: new Map(
      read.flatMap(({ participant, own }) => {
        const longest = Math.max(0, ...own.filter(isTooLong).map(({ byteLength }) => byteLength));
        return longest > 0 ? [[participant, longest] as const] : [];
      }),
    ),
  };
}

interface PeerHistory {
  readonly participant: Participant;
  readonly own: History;
  readonly end: Awaited<ReturnType<Lightpeer["history"]>>;
}

function readHistories(
  { deps: { lightpeer, settings } }: Reforming,
  those: readonly Participant[],
  timeoutMs: number,
): Promise<readonly PeerHistory[]> {
  const entries = new Entries();
  // A little more than the limit: the network is frozen already, and was measured.
  const limit = 1.25 * settings.historyLimit;
  return forEach(those, async (participant) => {
    const own: Uint8Array[] = [];
    const end = await lightpeer.history(participant.address, timeoutMs, (entry) => {
      own.push(entries.keep(entry));
      return entries.bytes > limit ? "enough" : "more";
    });
    return { participant, own, end };
  });
}

/** Nobody else is left who could go on without this peer. */
export function entryTooLong(
  { lease }: Reforming,
  { name, address }: Participant,
  bytes: number,
): Extract<Outcome, { name: "held" }> {
  const message = `${name} at ${address} holds an entry of ${bytes} bytes, and peers can pass on ${MAX_ENTRY_BYTES} at most`;
  return held("EntryTooLong", message, { network: lease.network }, 60);
}
