import type { Facts } from "./facts.ts";

/** The names of what must never be otherwise, and what was seen where it was. */
export interface Violation {
  readonly invariant: string;
  readonly message: string;
}

/** A step ends within this time, ms: a Trigger gives up waiting for it then. */
export const BOUND_MS = 120_000;

type Invariant = (facts: Facts) => readonly string[];

const clock = (at: number): string => `${((at - Date.UTC(2026, 0, 1)) / 1_000).toFixed(3)} s`;

const sameSet = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && new Set([...a, ...b]).size === a.length;

/** Each network's living peers form one network with one history: real Persists prove it. */
export const livingPeersFormOneNetwork: Invariant = ({ networks }) =>
  networks.flatMap(({ network, broken }) => (broken === undefined ? [] : [`${network}: ${broken}`]));

/** The stack is exactly the members. */
export const stackIsItsMembers: Invariant = ({ networks }) =>
  networks
    .filter(({ lives, stack }) => !sameSet(lives, stack))
    .map(
      ({ network, lives, stack }) => `${network}: members [${lives.join(", ")}], stack [${stack.join(", ")}]`,
    );

/** No peer is in a network of another key: lists name members alone, and no join goes to a stranger. */
export const noPeerInAnotherNetwork: Invariant = ({ networks, joins }) => [
  ...networks.flatMap(({ network, members, lists }) =>
    lists
      .filter((list) => list.some((address) => !members.includes(address)))
      .map((list) => `${network}: a list is [${list.join(", ")}], members are [${members.join(", ")}]`),
  ),
  ...joins
    .filter(({ foreign }) => foreign)
    .map(
      ({ at, joiner, contact }) => `${clock(at)}: ${joiner} was joined through ${contact} of another network`,
    ),
];

/** No plain JoinNetwork of a peer into a network that lists it. */
export const noJoinOfAListedPeer: Invariant = ({ joins }) =>
  joins
    .filter(({ plain, listed }) => plain && listed)
    .map(
      ({ at, joiner, contact }) => `${clock(at)}: ${joiner} was joined through ${contact}, which lists it`,
    );

/** Never a self join. */
export const noSelfJoin: Invariant = ({ joins }) =>
  joins
    .filter(({ joiner, contact }) => joiner === contact)
    .map(({ at, joiner }) => `${clock(at)}: ${joiner} was joined to itself`);

/** Never two changes of one network at once. */
export const oneChangeAtATime: Invariant = ({ clashes }) =>
  clashes.map(({ at, first, second }) => `${clock(at)}: ${first} while ${second}`);

/** No plain join while a member hangs. */
export const noJoinWhileAMemberHangs: Invariant = ({ joins }) =>
  joins
    .filter(({ plain, hanging }) => plain && hanging.length > 0)
    .map(({ at, joiner, contact, hanging }) => {
      const who = hanging.join(", ");
      return `${clock(at)}: ${joiner} was joined through ${contact} while ${who} was hanging`;
    });

/** No plain join while members clean up: a death is waited out before the last look. */
export const noJoinSoonAfterADeath: Invariant = ({ joins }) =>
  joins
    .filter(({ plain, dead }) => plain && dead.length > 0)
    .map(
      ({ at, joiner, contact, dead }) =>
        `${clock(at)}: ${joiner} was joined through ${contact}, soon after the death of ${dead.join(", ")}`,
    );

/** No living contact is dropped. */
export const noLivingContactIsDropped: Invariant = ({ drops }) =>
  drops
    .filter(({ because }) => because === undefined)
    .map(
      ({ at, network, contact, how }) =>
        `${clock(at)}: ${contact.name} off the stack of ${network} by ${how}`,
    );

/** No network is founded while a pod of it says that it is in and is not proven to be gone, whether it answers or not. */
export const noSecondFounder: Invariant = ({ foundings }) =>
  foundings
    .filter(({ beside }) => beside.length > 0)
    .map(({ at, network, contact, beside }) => {
      return `${clock(at)}: ${contact.name} founded ${network} beside ${beside.join(", ")}`;
    });

/** No entry of one network is ever at a peer of another. */
export const noEntryAtAnotherNetwork: Invariant = ({ strangers }) =>
  strangers.map(
    ({ at, entry, pod, network }) => `${clock(at)}: "${entry}" came to ${pod}, which is of ${network}`,
  );

/** No history leaves to an address that is not a participant's. */
export const noHistoryLeaves: Invariant = ({ leaks }) =>
  leaks.map(({ at, entry, to }) => `${clock(at)}: "${entry}" was sent to ${to}`);

/** A network in which nothing goes wrong has its pods in within this time, whatever goes on in others, ms. */
const NEIGHBOUR_MS = 10_000;

/** A bad network delays no other by more than its bound. */
export const noNetworkDelaysAnother: Invariant = ({ waits }) =>
  waits
    .filter(({ ms }) => ms > NEIGHBOUR_MS)
    .map(({ pod, network, ms }) => `${pod} of ${network}, where all is well, waited ${Math.round(ms)} ms`);

/**
 * An entry whose Persist was acknowledged is in the history at the end, unless all that held it died: in that of its
 * network, or of one to which a relabelled peer has brought it.
 */
export const noAcknowledgedEntryIsLost: Invariant = ({ entries, carried, networks }) =>
  entries
    .filter(({ network, entry, lost }) => {
      const places = new Set([network, ...(carried.get(entry) ?? [])]);
      const ends = networks.filter((each) => places.has(each.network) && each.members.length > 0);
      return lost === undefined && ends.length > 0 && !ends.some((end) => end.entries.has(entry));
    })
    .map(({ network, entry, at }) => `${network}: "${entry}", acknowledged at ${clock(at)}, is nowhere`);

/** Every step ends within its bound, with an outcome. */
export const everyStepEnds: Invariant = ({ steps }) =>
  steps
    .filter(({ disturbed }) => disturbed !== "died")
    .flatMap(({ what, startedAt, endedAt, error, outcomes, disturbed }) => {
      const name = `${what}, begun at ${clock(startedAt)},`;
      if (error !== undefined)
        return [`${name} threw ${error instanceof Error ? error.message : JSON.stringify(error)}`];
      if (endedAt === undefined) return [`${name} never ended`];
      if (outcomes.length === 0 && what !== "sweep") return [`${name} ended without an outcome`];
      const late = disturbed === "no" && endedAt - startedAt > BOUND_MS;
      return late ? [`${name} took ${Math.round(endedAt - startedAt)} ms`] : [];
    });

export const invariants = {
  livingPeersFormOneNetwork,
  stackIsItsMembers,
  noPeerInAnotherNetwork,
  noJoinOfAListedPeer,
  noSelfJoin,
  oneChangeAtATime,
  noJoinWhileAMemberHangs,
  noJoinSoonAfterADeath,
  noLivingContactIsDropped,
  noSecondFounder,
  noEntryAtAnotherNetwork,
  noHistoryLeaves,
  noNetworkDelaysAnother,
  noAcknowledgedEntryIsLost,
  everyStepEnds,
} as const satisfies Readonly<Record<string, Invariant>>;

export type InvariantName = keyof typeof invariants;

/** All that is wrong with a run. */
export const violationsOf = (facts: Facts): readonly Violation[] =>
  Object.entries(invariants).flatMap(([invariant, check]) =>
    check(facts).map((message) => ({ invariant, message })),
  );
