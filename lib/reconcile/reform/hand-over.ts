import { covers } from "../../lease.ts";
import { UNDER_WAY_AT_MOST_MS, UNDER_WAY_MS } from "../../timing.ts";
import type { Freezing, Frozen } from "./freeze.ts";
import { entryTooLong, gather, type Gathered } from "./gather.ts";
import { liveMs } from "./go-live.ts";
import { sendAll } from "./send-chains.ts";
import { stillThere } from "./still-there.ts";
import {
  allOf,
  attemptAgain,
  missed,
  type Participant,
  type Participants,
  partMs,
  type Reforming,
  type StayedOut,
  type Stopped,
  stoppedBy,
  withBytes,
} from "./reforming.ts";

interface HandedOver {
  readonly tag: "handed-over";
  readonly entries: number;
  readonly out: readonly StayedOut[];
}

/**
 * Gathers what the frozen peers hold and gives it to all of them. The moment their streams end they are on the new
 * chain, and that only if nothing was stored since the gathering: a Persist that began before its peer was frozen may
 * end late, and a health check may bring an old list back.
 *
 * A peer stays out that holds what cannot be handed over, and one that does not take in its chain in time: its own chain
 * stays whole with it, and what it tries to store the others refuse, who are on another one.
 */
export async function handOver(
  reforming: Reforming,
  participants: Participants,
  freezing: Freezing,
): Promise<Stopped | HandedOver> {
  const { deps, lease } = reforming;
  const { frozen, bytes, largest } = freezing;
  const needed = Math.max(0, freezing.until - deps.clock.now()) + liveMs(reforming, freezing);
  // All have come, and whoever has come stays until its stream ends: who is at its address now is who gets the history.
  const [lost, gone] = await Promise.all([
    reforming.renew(needed),
    stillThere(deps, lease.network, allOf(participants)),
    waitForPersists(reforming, frozen),
  ]);
  // A store that is away tells nothing, and the lease may be long enough all the same.
  if (lost?.reason === "LeaseLost") return stoppedBy(lost);
  if (gone) return stoppedBy(gone);
  const gathered = await gather(reforming, participants, frozen, partMs(deps, bytes));
  if (gathered.tag !== "gathered") return gathered;
  const sent = await handToAll(reforming, participants, { freezing, gathered });
  if (sent.tag !== "sent") return sent;
  const { taken, out } = sent;
  const changed = await changedSince(reforming, { taken, gathered, largest });
  if (changed) return attemptAgain([], `${changed} has stored or is silent since it was asked`);
  if (!covers(deps, lease, liveMs(reforming, freezing))) return attemptAgain([], "the lease ran short");
  const failed = await finish(taken);
  return failed ?? { tag: "handed-over", entries: gathered.entries.length, out };
}

interface Sent {
  readonly tag: "sent";
  /** Who has all of its chain, and only waits for its end. */
  readonly taken: readonly Frozen[];
  readonly out: readonly StayedOut[];
}

/** Sends each its chain; who stays out is refused. */
async function handToAll(
  reforming: Reforming,
  participants: Participants,
  { freezing, gathered }: { readonly freezing: Freezing; readonly gathered: Gathered },
): Promise<Stopped | Sent> {
  const { frozen } = freezing;
  const stuck = stayOut(reforming, participants, { frozen, gathered });
  if (stuck.tag !== "stayed-out") return stuck;
  const able = withoutStayedOut(frozen, stuck.out);
  const late = await sendAll(reforming, freezing, { able, gathered });
  const taken = withoutStayedOut(able, late);
  if (late.length > 0 && !taken.some(({ participant }) => isOfMembers(participants, participant))) {
    return attemptAgain(
      late.map(({ participant }) => participant),
      late.map(({ why }) => why).join("; "),
    );
  }
  const out = [...stuck.out, ...late];
  for (const { participant, call } of frozen) if (hasStayedOut(out, participant)) call.refuse();
  return { tag: "sent", taken, out };
}

const hasStayedOut = (those: readonly StayedOut[], participant: Participant): boolean =>
  those.some((each) => each.participant === participant);

const withoutStayedOut = (frozen: readonly Frozen[], out: readonly StayedOut[]): readonly Frozen[] =>
  frozen.filter(({ participant }) => !hasStayedOut(out, participant));

const isOfMembers = ({ members }: Participants, participant: Participant): boolean =>
  members.some((member) => member === participant);

/** Whoever holds an entry that nobody else can take, as long as another member can go on without it. */
function stayOut(
  reforming: Reforming,
  participants: Participants,
  { frozen, gathered }: { readonly frozen: readonly Frozen[]; readonly gathered: Gathered },
): { readonly tag: "stayed-out"; readonly out: readonly StayedOut[] } | Stopped {
  const { tooLong } = gathered;
  const [first] = tooLong;
  if (first === undefined) return { tag: "stayed-out", out: [] };
  const goOn = frozen.some(
    ({ participant }) => isOfMembers(participants, participant) && !tooLong.has(participant),
  );
  if (!goOn) return stoppedBy(entryTooLong(reforming, ...first));
  const out = [...tooLong].map(([participant, bytes]) => ({
    participant,
    why: entryTooLong(reforming, participant, bytes).message,
  }));
  return { tag: "stayed-out", out };
}

/** Ends the streams. Undefined: all have joined. */
async function finish(taken: readonly Frozen[]): Promise<Stopped | undefined> {
  for (const { call } of taken) call.finish();
  const ends = await Promise.all(taken.map(({ joining }) => joining));
  const failed = taken.flatMap(({ participant }, index) => {
    const end = ends[index];
    return end?.tag === "joined"
      ? []
      : [missed(participant, `${participant.address} did not take its chain: ${end?.message}`)];
  });
  const [first] = failed;
  return first && { ...first, missing: failed.flatMap(({ missing }) => missing) };
}

/**
 * For what was under way when its peer was frozen. A Persist tells one member after the other, so peers that are slow to
 * answer now get longer.
 */
async function waitForPersists({ deps }: Reforming, frozen: readonly Frozen[]): Promise<void> {
  const { clock, lightpeer, settings } = deps;
  const from = clock.now();
  await Promise.all(
    frozen.map(({ participant }) => lightpeer.probe(participant.address, settings.probeTimeoutMs)),
  );
  const tookMs = clock.now() - from;
  const enoughMs = Math.min((frozen.length + 1) * tookMs, UNDER_WAY_AT_MOST_MS);
  await clock.sleep(Math.max(UNDER_WAY_MS, enoughMs) - tookMs);
}

interface TakenIn {
  readonly taken: readonly Frozen[];
  readonly gathered: Gathered;
  readonly largest: number;
}

/** The address of a peer whose newest entry is not what it was; they are busy with what they take in. */
async function changedSince(
  { deps }: Reforming,
  { taken, gathered, largest }: TakenIn,
): Promise<string | undefined> {
  const timeoutMs = withBytes(deps.settings.probeTimeoutMs, largest);
  const same = await Promise.all(
    taken.map(async ({ participant }) => {
      const before = gathered.held.get(participant);
      if (before === undefined) return [];
      const newest = await deps.lightpeer.newest(participant.address, timeoutMs);
      return newest.tag === "newest" && newest.digest === before.digest ? [] : [participant.address];
    }),
  );
  return same.flat()[0];
}
