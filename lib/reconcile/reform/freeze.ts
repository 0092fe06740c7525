import type { Guest, JoinEnd } from "../../peers/lightpeer.ts";
import { covers } from "../../lease.ts";
import { headOf } from "./chain.ts";
import { again, type Cast, joinStopped, missed, type Place, type Stage, type Stopped } from "./stage.ts";

/** A peer in whose JoinNetwork klight holds the door: it has a new list, and still its old chain. */
export interface Frozen {
  readonly place: Place;
  /** Name of its new chain: that of the network, or one of its own for a peer that leaves. */
  readonly token: string;
  readonly guest: Guest;
  /** How its JoinNetwork ends. */
  readonly joining: Promise<JoinEnd>;
}

/** One round of freezing. */
export interface Freezing {
  /** Name of the chain that the network gets. */
  readonly token: string;
  /** How long each JoinNetwork may take, ms: until its peer has the whole chain. */
  readonly timeoutMs: number;
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
export async function freeze(stage: Stage, cast: Cast, freezing: Freezing): Promise<Stopped | undefined> {
  const { members, joiners, leavers } = cast;
  const before = await sendForAll(stage, cast, { places: joiners, freezing });
  if (before) return before;
  freezing.since = stage.deps.clock.now();
  const first = await sendForAll(stage, cast, { places: members.slice(0, 1), freezing });
  if (first) return first;
  const others = await sendForAll(stage, cast, { places: [...members.slice(1), ...leavers], freezing });
  // Some are frozen by now, so one that cannot reach the seed is one that does not do its part.
  return others?.tag === "held" && !others.touched ? again(others.missing, others.outcome.message) : others;
}

interface Group {
  readonly places: readonly Place[];
  readonly freezing: Freezing;
}

async function sendForAll(
  stage: Stage,
  cast: Cast,
  { places, freezing }: Group,
): Promise<Stopped | undefined> {
  const ends = await Promise.all(places.map((place) => sendFor(stage, cast, { place, freezing })));
  const stopped = ends.filter((end) => end !== undefined);
  const [first] = stopped;
  if (first === undefined) return undefined;
  const missing = stopped.flatMap((end) => end.missing);
  return { ...(stopped.find(({ tag }) => tag === "held") ?? first), missing };
}

async function sendFor(
  stage: Stage,
  cast: Cast,
  { place, freezing }: { readonly place: Place; readonly freezing: Freezing },
): Promise<Stopped | undefined> {
  const { deps, lease, seed } = stage;
  const { timeoutMs, frozen } = freezing;
  const token = isLeaver(cast, place) ? deps.newToken() : freezing.token;
  if (!covers(deps, lease, timeoutMs)) return missed(place, "the lease ran short");
  const guest = seed.expect(place.address, headOf(token, frozenList(stage, cast, place)));
  const givenUp = new AbortController();
  const joining = deps.lightpeer.join(place.address, seed.address, timeoutMs, givenUp.signal);
  const late = deps.clock.sleep(COME_MS).then(() => LATE);
  const end = await Promise.race([guest.came, joining, late]);
  if (end !== "came") {
    guest.turnAway();
    // A peer that hangs would find the call when it wakes up.
    givenUp.abort();
    return joinStopped(stage, place, end);
  }
  frozen.push({ place, token, guest, joining });
  return undefined;
}

/**
 * Should klight die now, the others drop the seed as they drop a member that died: members find their network again,
 * joiners stand alone, and whoever leaves refuses writes, because somebody on its list is on another chain.
 */
function frozenList({ seed }: Stage, cast: Cast, place: Place): readonly string[] {
  const { members, joiners } = cast;
  const addresses = members.map(({ address }) => address);
  if (members.some((member) => member === place)) return [seed.address, ...addresses];
  const partner = isLeaver(cast, place) ? (members[0] ?? joiners[0]) : undefined;
  return [seed.address, ...(partner ? [partner.address] : []), place.address];
}

const isLeaver = ({ leavers }: Cast, place: Place): boolean => leavers.some((leaver) => leaver === place);
