import type { Contact } from "../contacts/contacts.ts";
import { UNDER_WAY_MS } from "../timing.ts";
import { chainOf } from "./chain.ts";
import {
  again,
  bytesOf,
  type Cast,
  type Entries,
  missed,
  partMs,
  type Place,
  sendToSeed,
  type Stage,
  type Stopped,
  stoppedBy,
  tooLarge,
} from "./stage.ts";

export interface Frozen {
  readonly tag: "frozen";
  /** What the frozen peers held. */
  readonly histories: readonly Entries[];
  readonly peers: readonly FrozenPeer[];
}

interface FrozenPeer {
  readonly place: Place;
  /** The other one on its list. */
  readonly partner: Place;
  /** Digest of the newest entry that it was given. */
  readonly digest: string;
}

/** How often a peer that a Persist under way has thawed is frozen again. */
const FREEZES = 5;

/**
 * Joiners first, then A, the first of the list, and whoever leaves: each keeps its own history and gets a list of
 * itself and a partner on a chain that nobody else has. From then on every Persist is refused, before anything has
 * changed: elsewhere by A, which is notified first, and at A by its partner.
 */
export async function freeze(stage: Stage, cast: Cast, a: Contact, b: Contact): Promise<Frozen | Stopped> {
  const joiners = cast.joiners.filter((joiner) => joiner !== a);
  const first = await freezeAll(stage, joiners, (place) => (place === b ? a : b));
  if (first.tag !== "frozen") return first;
  const second = await freezeAll(stage, [a, ...cast.leavers], () => b);
  if (second.tag !== "frozen") return second;
  await stage.deps.clock.sleep(UNDER_WAY_MS);
  const thawed = await refreeze(stage, [...first.peers, ...second.peers]);
  if (thawed.tag !== "frozen") return thawed;
  const brought = cast.carry ? first.histories : [];
  return { ...thawed, histories: [...brought, ...second.histories, ...thawed.histories] };
}

async function freezeAll(
  stage: Stage,
  places: readonly Place[],
  partnerOf: (place: Place) => Place,
): Promise<Frozen | Stopped> {
  const ends = await Promise.all(places.map((place) => freezeOne(stage, place, partnerOf(place))));
  return (
    ends.find((end) => end.tag !== "frozen") ?? {
      tag: "frozen",
      histories: ends.flatMap((end) => (end.tag === "frozen" ? end.histories : [])),
      peers: ends.flatMap((end) => (end.tag === "frozen" ? end.peers : [])),
    }
  );
}

async function freezeOne(stage: Stage, place: Place, partner: Place): Promise<Frozen | Stopped> {
  const { lightpeer, settings, newToken } = stage.deps;
  const timeoutMs = partMs(stage.deps, 0);
  const lost = await stage.ensure(timeoutMs);
  if (lost) return stoppedBy(lost);
  const history = await lightpeer.history(place.address, settings.historyLimit, timeoutMs);
  if (history.tag === "too-large") return tooLarge(stage, place, false);
  if (history.tag === "failed") return missed(place, `no history from ${place.address}: ${history.message}`);
  const { entries, digest } = history;
  stage.seed.serve(place.address, chainOf(newToken(), entries, [partner.address, place.address]));
  const stopped = await sendToSeed(stage, place, partMs(stage.deps, bytesOf(entries)));
  return stopped ?? { tag: "frozen", histories: [entries], peers: [{ place, partner, digest }] };
}

/** A Persist that began before its peer was frozen may end by putting that peer back on the old chain. */
async function refreeze(stage: Stage, frozen: readonly FrozenPeer[]): Promise<Frozen | Stopped> {
  const histories: Entries[] = [];
  let open = frozen;
  for (let left = FREEZES; left > 0; left -= 1) {
    const timeoutMs = partMs(stage.deps, 0);
    const answers = await Promise.all(
      open.map(({ place }) => stage.deps.lightpeer.newest(place.address, timeoutMs)),
    );
    const thawed = open.filter((peer, index) => {
      const answer = answers[index];
      return answer?.tag !== "newest" || answer.digest !== peer.digest;
    });
    if (thawed.length === 0) return { tag: "frozen", histories, peers: frozen };
    const partners = new Map(thawed.map(({ place, partner }) => [place, partner]));
    const ends = await freezeAll(stage, [...partners.keys()], (place) => partners.get(place) ?? place);
    if (ends.tag !== "frozen") return ends;
    histories.push(...ends.histories);
    open = ends.peers;
  }
  return again([], "applications go on storing at peers that are being moved");
}
