import { within } from "../../clock.ts";
import type { ExpectedPeer, JoinEnd } from "../../peers/lightpeer.ts";
import { covers } from "../../lease.ts";
import { headOf } from "./chain.ts";
import {
  attemptAgain,
  type Participants,
  joinStopped,
  missed,
  type Participant,
  type Reforming,
  type Stopped,
} from "./reforming.ts";

/** A peer whose JoinNetwork klight keeps open: it has a new list, and still its old chain. */
export interface Frozen {
  readonly participant: Participant;
  /** Name of its new chain: that of the network, or one of its own for a peer that leaves. */
  readonly token: string;
  readonly call: ExpectedPeer;
  /** How its JoinNetwork ends. */
  readonly joining: Promise<JoinEnd>;
}

/** One attempt at freezing. */
export interface Freezing {
  /** Name of the chain that the network gets. */
  readonly token: string;
  /** What the longest history costs to hold, bytes: each peer is busy with as much before and after it is asked. */
  readonly largest: number;
  /** What all of them together have to tell or to take in, bytes. */
  readonly bytes: number;
  /** When each JoinNetwork must be over, ms of the clock: its peer has the whole chain by then. */
  readonly until: number;
  /** Who has come. */
  readonly frozen: Frozen[];
  /** When the network began to refuse writes, ms of the clock. */
  since: number;
}

/** So long a peer may take to come to the seed, ms: the others are frozen meanwhile. */
const COME_MS = 4_000;

const LATE: JoinEnd = { tag: "unclear", message: `it has not come within ${COME_MS} ms` };

/**
 * Sends for every peer and hands it one block: a list with klight's seed on top. A lightpeer takes a list as soon as it
 * arrives, and a chain only when the stream ends. While klight keeps the stream open, the peer is on its old chain and
 * tells the seed first of every block that it makes; the seed refuses, so nothing is stored, and nothing has changed.
 *
 * Joiners first, then one member, then all: a seed that cannot be reached shows before the network is touched.
 * Undefined: all have come.
 */
export async function freeze(
  reforming: Reforming,
  participants: Participants,
  freezing: Freezing,
): Promise<Stopped | undefined> {
  const { members, joiners, leavers } = participants;
  const before = await sendForAll(reforming, participants, { those: joiners, freezing });
  if (before) return before;
  freezing.since = reforming.deps.clock.now();
  const first = await sendForAll(reforming, participants, { those: members.slice(0, 1), freezing });
  if (first) return first;
  const others = await sendForAll(reforming, participants, {
    those: [...members.slice(1), ...leavers],
    freezing,
  });
  // Some are frozen by now, so one that cannot reach the seed is one that does not do its part.
  return others?.tag === "held" && !others.touched
    ? attemptAgain(others.missing, others.outcome.message)
    : others;
}

interface Group {
  readonly those: readonly Participant[];
  readonly freezing: Freezing;
}

async function sendForAll(
  reforming: Reforming,
  participants: Participants,
  { those, freezing }: Group,
): Promise<Stopped | undefined> {
  const ends = await Promise.all(
    those.map((participant) => sendFor(reforming, participants, { participant, freezing })),
  );
  const stopped = ends.filter((end) => end !== undefined);
  const [first] = stopped;
  if (first === undefined) return undefined;
  const missing = stopped.flatMap((end) => end.missing);
  return { ...(stopped.find(({ tag }) => tag === "held") ?? first), missing };
}

async function sendFor(
  reforming: Reforming,
  participants: Participants,
  { participant, freezing }: { readonly participant: Participant; readonly freezing: Freezing },
): Promise<Stopped | undefined> {
  const { deps, lease, seed } = reforming;
  const { until, frozen } = freezing;
  const timeoutMs = until - deps.clock.now();
  const token = isLeaver(participants, participant) ? deps.newToken() : freezing.token;
  if (!covers(deps, lease, timeoutMs)) return missed(participant, "the lease ran short");
  const call = seed.expect(
    participant.address,
    headOf(token, frozenList(reforming, participants, participant)),
  );
  const givenUp = new AbortController();
  const joining = deps.lightpeer.join(participant.address, seed.address, timeoutMs, givenUp.signal);
  const end = await within(deps.clock, COME_MS, Promise.race([call.arrived, joining]));
  if (end !== "arrived") {
    call.refuse();
    // A peer that hangs would find the call when it wakes up.
    givenUp.abort();
    return joinStopped(reforming, participant, end === "late" ? LATE : end);
  }
  frozen.push({ participant, token, call, joining });
  return undefined;
}

/**
 * Should klight die now, the others drop the seed as they drop a member that died: members find their network again,
 * joiners stand alone, and whoever leaves refuses writes, because somebody on its list is on another chain.
 */
function frozenList(
  { seed }: Reforming,
  participants: Participants,
  participant: Participant,
): readonly string[] {
  const { members, joiners } = participants;
  const addresses = members.map(({ address }) => address);
  if (members.some((member) => member === participant)) return [seed.address, ...addresses];
  const partner = isLeaver(participants, participant) ? (members[0] ?? joiners[0]) : undefined;
  return [seed.address, ...(partner ? [partner.address] : []), participant.address];
}

const isLeaver = ({ leavers }: Participants, participant: Participant): boolean =>
  leavers.some((leaver) => leaver === participant);
