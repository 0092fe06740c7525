import { type Cause, cause } from "./cause.ts";
import type { Contact, NetworkRecord } from "../store/contacts.ts";
import type { Settings } from "../deps.ts";
import { sharedInWords } from "../pod/shared-address.ts";
import { networkBefore } from "../pod/network-before.ts";
import type { Freshness, Newest } from "../peers/lightpeer.ts";
import { held, type PodLife, type Subject, type Held } from "../outcome.ts";
import { GIVE_UP_MS } from "../timing.ts";
import type { Joiner, KnownContact, Observation } from "./observation.ts";
import type { Pod } from "../pod/pod.ts";

/** What a step is to bring about. */
export interface Target {
  readonly network: string;
  /** The pod whose peer should be in. */
  readonly joiner?: Pod;
  /** Where the joiner comes from, if it was in another network. */
  readonly from?: Origin;
  /** A peer that goes to another network. */
  readonly leaver?: Leaver;
  /** A leaver that is not a member any more. */
  readonly hasLeft?: Leaver;
  /** Re-form in any case. */
  readonly cause?: Cause;
  /** Addresses of peers that hung when the network went on without them, and do not any more. */
  readonly stirred?: readonly string[];
  /** A quiet network with a death may be visited. */
  readonly mayVisit?: boolean;
}

export interface Leaver extends Pick<Contact, "uid" | "namespace" | "name" | "address" | "incarnation"> {
  /** Its pod, as the step has seen it. */
  readonly pod?: Pod;
}

/** What matters of the network that a joiner comes from. */
export interface Origin {
  /** The life that was in it. */
  readonly incarnation: string;
  readonly network: string;
  /** True: it takes along what it holds. False: that stays with those it leaves, unless its pod says that nobody has it. */
  readonly carry: boolean;
  /** Addresses of peers that hung when that network went on without them: it may be waiting for them. */
  readonly waitedFor: readonly string[];
  /** Addresses of the others there: it may be waiting for one that hangs, though nobody knows yet. */
  readonly others: readonly string[];
}

type HoldOrReform =
  { readonly tag: "hold"; readonly outcome: Held } | { readonly tag: "reform"; readonly cause: Cause };

/** What a step does next. `ask`: the joiner and a contact, then decide again; `rest`: nothing but to write it down. */
export type Plan =
  | HoldOrReform
  | { readonly tag: "found" | "ask"; readonly joiner: Joiner }
  | { readonly tag: "visit" | "rest" };

/** How the joiner comes in. `join`: plainly; `newest` is the digest of the contact's newest entry before it. */
export type JoinPlan = HoldOrReform | { readonly tag: "join"; readonly newest: string };

/** What the joiner and the contact said before a join. */
export interface Answers {
  readonly joiner: Freshness;
  /** Not asked where the network has one member: that one may be fresh. */
  readonly contact: Freshness | undefined;
  readonly newest: Newest;
}

const holdPlan = (...args: Parameters<typeof held>): HoldOrReform => ({
  tag: "hold",
  outcome: held(...args),
});

/** The first decision, from what was seen; pure. */
export function plan(target: Target, seen: Observation, record: NetworkRecord, settings: Settings): Plan {
  const { joiner, members } = seen;
  const outcome = holdForSilence(target, withoutSilentJoiner(seen, record, settings));
  if (outcome) return { tag: "hold", outcome };
  const must = causeOf(target, seen, record) ?? causeAlone(seen, target);
  // Without a member there is nobody whom re-forming would help, and it is off.
  const isMoot = settings.reform === "off" && members.length === 0;
  if (must && !isMoot) return { tag: "reform", cause: must };
  if (needsVisit(target, seen, record)) return { tag: "visit" };
  if (joiner === undefined || isMember(seen, joiner)) return { tag: "rest" };
  return { tag: members.length > 0 ? "ask" : "found", joiner };
}

/** What was left half-done is settled without a joiner that has gone silent over it: the others may list it already. */
function withoutSilentJoiner(
  seen: Observation,
  { intent }: NetworkRecord,
  { reform }: Settings,
): Observation {
  const mustSettle = intent !== undefined && seen.members.length > 0 && reform === "on";
  return mustSettle ? { ...seen, joiner: undefined } : seen;
}

/**
 * Nothing read-only shows whether the clean-ups after a death have raced, be it known of before or just seen; nor whether
 * the others reach a member that klight does not.
 */
const needsVisit = (
  { mayVisit = false }: Target,
  { members, dead, stirred, unreachable }: Observation,
  { deaths }: NetworkRecord,
): boolean =>
  unreachable.length > 0 || (mayVisit && (deaths || dead.length > 0 || stirred) && members.length > 0);

/** Is the joiner on the stack already, in this life? The event may have shown an earlier one. */
export const isMember = ({ members }: Observation, { peer }: Joiner): boolean =>
  members.some(({ contact }) => contact.uid === peer.uid && contact.incarnation === peer.incarnation);

/** A join while somebody does not answer would break the network, and so would going on as if nobody were there. */
function holdForSilence(target: Target, seen: Observation): Held | undefined {
  const { hung, joiner, shared } = seen;
  const subject = { network: target.network, ...(joiner && { pod: joiner.pod }) };
  const [twice] = shared;
  if (twice) return sharedHeld(twice.contact, twice.other, subject);
  const [silent] = hung;
  if (silent) return held("MemberHung", `${placeOf(silent)} does not answer, its pod looks well`, subject, 5);
  const [cutOff] = mayGoOnWithout(target, seen) ? [] : [...seen.unreachable, ...seen.givenUp];
  if (cutOff) {
    const message = `klight gets no answer from ${placeOf(cutOff)}, and the API server says that it runs`;
    return held("MemberUnreachable", message, subject, 5);
  }
  if (joiner && joiner.probe !== "serving") {
    const message = `the peer at ${joiner.peer.address} says ${joiner.probe} to a health check`;
    return held("JoinerNotServing", message, subject, 5);
  }
  return undefined;
}

/** Two pods that run with one address: nobody knows which of them a process there belongs to. */
export const sharedHeld = (
  one: PodLife & { readonly address: string },
  other: PodLife,
  subject: Subject,
): Held => ({
  ...held("AddressShared", sharedInWords(one, other), subject, 30),
  beside: [one, other],
});

const placeOf = ({ namespace, name, address }: Pick<Contact, "namespace" | "name" | "address">): string =>
  `${namespace}/${name} at ${address}`;

/**
 * May the network go on without those of its members that run and cannot be asked? Only where another one answers, and
 * after so long: where none does, they are the network, for as long as it takes.
 */
function mayGoOnWithout({ leaver }: Target, seen: Observation): boolean {
  const { members, readdressed, unreachableMs } = seen;
  const others = members.filter(({ contact }) => contact.incarnation !== leaver?.incarnation);
  return others.length + readdressed.length > 0 && unreachableMs >= GIVE_UP_MS;
}

/** A joiner that stands alone, but not as a process that never was in a network: others may still be on its list. */
function causeAlone({ joiner, members }: Observation, { network }: Target): Cause | undefined {
  if (!joiner || members.length > 0) return undefined;
  const before = networkBefore(joiner.pod);
  const isItsOwn = before === network && joiner.pod.joined?.status === "True";
  if (before === undefined || isItsOwn) return undefined;
  return cause("was-elsewhere", `${joiner.peer.name} was in a network before`);
}

/** Why the network must be re-formed before anything else, if it must. */
function causeOf(target: Target, seen: Observation, { intent }: NetworkRecord): Cause | undefined {
  const { leaver } = target;
  if (intent)
    return cause("half-done", `a ${intent.kind} for ${intent.pod ?? "the network"} was left half-done`);
  const gone = causeOfGone(seen);
  if (gone) return gone;
  if (leaver && seen.members.length > 0) return cause("moved-away", `${leaver.name} goes to another network`);
  return target.cause;
}

/** Somebody who was in is not any more, or elsewhere, and the others may not know it. */
function causeOfGone(seen: Observation): Cause | undefined {
  // Where nobody else is left, nobody has those that are gone on a list, and the joiner founds the network.
  const isFounder = seen.joiner !== undefined && seen.members.length === 0;
  const [lost] = isFounder ? [] : [...seen.lost, ...seen.givenUp];
  const [replaced] = isFounder ? [] : seen.replaced;
  const [moved] = seen.moved;
  const [readdressed] = seen.readdressed;
  if (lost) return cause("given-up", `${lost.namespace}/${lost.name} has not answered for too long`);
  if (replaced)
    return cause(
      "replaced",
      `${replaced.name} was a member at ${replaced.address}, and another process is there now`,
    );
  if (readdressed) return cause("new-address", `${placeOf(readdressed)} has another address now`);
  if (moved) return cause("moved-away", `${moved.namespace}/${moved.name} has gone to another network`);
  return undefined;
}

/** The second decision, from what the peers said; pure. */
export function planJoin(
  seen: Observation,
  record: NetworkRecord,
  settings: Settings,
  { network, joiner, answers }: { network: string; joiner: Joiner; answers: Answers },
): JoinPlan {
  const { pod, peer } = joiner;
  const subject = { network, pod };
  const contact = contactsToTry(seen)[0]?.contact.name;
  const must = causeOfChains(joiner, answers, contact) ?? causeOfLists(seen, settings, peer);
  if (must) return { tag: "reform", cause: must };
  const silent = silentOne(answers, peer.name, contact);
  if (silent !== undefined)
    return holdPlan("PeerNotAnswering", `${silent} does not answer a question`, subject);
  const newest = answers.newest.tag === "newest" ? answers.newest.digest : "";
  const safe = seen.members.length > 1 && causeOfSafeJoin(settings, record.newest !== newest);
  return safe ? { tag: "reform", cause: safe } : { tag: "join", newest };
}

/** A chain where there should be none, or none where there should be one. */
function causeOfChains(joiner: Joiner, answers: Answers, contact: string | undefined): Cause | undefined {
  if (hasChain(joiner, answers.joiner)) return cause("has-chain", `${joiner.peer.name} has a chain already`);
  return answers.contact === "fresh" ? cause("lost-chain", `${contact} has lost its chain`) : undefined;
}

/** Members' lists may have somebody on them of whom the store does not know. */
function causeOfLists(
  { waitedFor, restored }: Observation,
  { reform }: Settings,
  { name, address }: Joiner["peer"],
): Cause | undefined {
  if (reform === "off") return undefined;
  // They may have waited for it to answer, and have gone back to a list from before just now.
  if (waitedFor.includes(address)) return cause("was-waited-for", `${name} is where a member has hung`);
  // Put together again from what pods say, the stack may lack a member that hangs and is on the others' lists.
  return restored ? cause("store-lost", "the store had lost who is in it") : undefined;
}

function silentOne({ joiner, contact, newest }: Answers, itself: string, other?: string): string | undefined {
  if (joiner === "silent") return itself;
  return contact === "silent" || newest.tag === "failed" ? other : undefined;
}

/** A peer that cannot be asked is believed by its records. */
const hasChain = ({ pod }: Joiner, answer: Freshness): boolean =>
  answer === "chained" || (answer === "unimplemented" && networkBefore(pod) !== undefined);

/** A plain join races with an application that stores; a re-form refuses writes for a moment instead. */
function causeOfSafeJoin({ reform, joinMode }: Settings, storing: boolean): Cause | undefined {
  if (reform === "off" || joinMode === "plain") return undefined;
  if (joinMode === "reform") return cause("configured", "KLIGHT_JOIN makes every join a re-form");
  return storing ? cause("storing", "an application stores in it") : undefined;
}

/** Contacts in the order in which they are tried: newest first, those being deleted late, the oldest last. */
export function contactsToTry({ members, joiner }: Observation): readonly KnownContact[] {
  const [oldest, ...others] = members.filter(({ contact }) => contact.address !== joiner?.peer.address);
  const newestFirst = others.toReversed();
  const staying = newestFirst.filter(({ pod }) => !pod?.deleting);
  const leaving = newestFirst.filter(({ pod }) => pod?.deleting);
  return [...staying, ...leaving, ...(oldest ? [oldest] : [])];
}
