import type { News } from "./announce.ts";
import { type Arrival, arrivalsOf } from "./arrivals.ts";
import { type Cause, isUnfinished } from "./cause.ts";
import { contactOf, findings, findingsAtRest } from "./changes.ts";
import { clusterHeld } from "../cluster/cluster-held.ts";
import { type Ending, hold, type Step } from "./move.ts";
import { lastOnes, movedOut, notYetElsewhere } from "./moved-out.ts";
import type { Observation } from "./observation.ts";
import { held, type Subject, type Held, type Outcome, subjectOf } from "../outcome.ts";
import { carriedBy } from "../pod/network-before.ts";
import type { Pod } from "../pod/pod.ts";
import { reform, type ReformEnd } from "./reform/reform.ts";
import type { Participants } from "./reform/reforming.ts";
import type { Contact } from "../store/contacts.ts";
import { waitedForAfter } from "./waited-for.ts";

type WholeEnd = Extract<ReformEnd, { tag: "whole" }>;

/** What a re-form is about, for everybody who reads of it. */
type NetworkSubject = Subject & { readonly network: string };

/**
 * Puts a network right by re-forming it: what was left half-done, what is broken, and who cannot come in plainly.
 * All living members take part, the joiner, and the one that a step which died was for.
 */
export async function repair(step: Step, cause: Cause): Promise<Ending> {
  const { deps, lease, seen } = step;
  const about: NetworkSubject = { network: lease.network, ...(seen.joiner && { pod: seen.joiner.pod }) };
  if (deps.settings.reform === "off") {
    const message = `${cause.text}, and KLIGHT_REFORM is off`;
    return hold(step, held("NeedsReform", message, about, 30), isUnfinished(cause));
  }
  const { members, leavers } = await participantsOf(step);
  const { arrivals, stranger } = await arrivalsOf(step, members);
  if (members.length + arrivals.length === 0) return emptied(step, about, stranger);
  const joiners = arrivals.map(({ peer }) => contactOf(peer, null, deps.clock.now()));
  const participants = { members, joiners, leavers, looked: seen.looked, carry: doesCarry(step) };
  const end = await toldReform(step, participants, cause);
  if (end.tag === "held") return hold(step, { ...end.outcome, ...about }, end.touched || isUnfinished(cause));
  // Nobody who was in it took part: what is stored in it is with those that go, who could not be asked.
  const isLast = members.length === 0 && leavers.every(({ address }) => end.uncome.includes(address));
  const gone = await (isLast ? lastOnes(step) : movedOut(step));
  if (gone.tag === "failed") return hold(step, { ...clusterHeld(gone, lease.network), ...about }, true);
  const first = { movedOut: gone.pods, isLast, ifUntold: { ...findingsAtRest(seen), keepIntent: true } };
  return { ...(await reformed(step, about, { end, arrivals, stranger, cause })), first };
}

/** The re-form, which whoever counts them is told of. */
async function toldReform(
  { deps, lease, seen: { joiner } }: Step,
  participants: Participants,
  cause: Cause,
): Promise<ReformEnd> {
  const from = deps.clock.now();
  const end = await reform(deps, lease, participants, joiner?.pod);
  const isWhole = end.tag === "whole";
  const ms = deps.clock.now() - from;
  deps.onReform?.({ cause, isWhole, ms, refusedMs: isWhole ? end.refusedMs : 0 });
  return end;
}

/** Living members, and those of them that go to another network: what they hold stays with the others. */
async function participantsOf(step: Step): Promise<Pick<Participants, "members" | "leavers">> {
  const { leaver } = step.target;
  const members = step.seen.members.map(({ contact }) => contact);
  const moved = await notYetElsewhere(step);
  const isOther = ({ incarnation }: Contact): boolean => incarnation !== leaver?.incarnation;
  return {
    members: members.filter(isOther),
    leavers: [...(leaver ? [leaver] : []), ...moved.filter(isOther)],
  };
}

/**
 * Does the joiner take along what it holds? What was stored in a network that ended with it, is with nobody else; nor is
 * what a new life of it has been told alone, before anybody knew that it is one.
 */
function doesCarry({ target: { from }, seen: { joiner } }: Step): boolean {
  if (from === undefined || from.carry) return true;
  const pod = joiner?.pod;
  return pod !== undefined && (pod.incarnation !== from.incarnation || carriedBy(pod) === from.network);
}

interface Reformed {
  readonly end: WholeEnd;
  readonly arrivals: readonly Arrival[];
  readonly stranger: Held | undefined;
  readonly cause: Cause;
}

async function reformed(step: Step, about: NetworkSubject, how: Reformed): Promise<Ending> {
  const { end, arrivals, stranger, cause } = how;
  const { record, seen } = step;
  const { joiner } = seen;
  const generation = record.generation + 1;
  const message = describeWhole(end, about.network, cause.text);
  const whole = { ...about, name: "reformed", reason: "Reformed", message, generation } as const;
  // The bottom of the stack is the head of the list.
  const stack = end.list.toReversed();
  const change = { stack, hung: [], ...(await waitedForAfter(step, end)), generation, newest: end.newest };
  // A member that is brought in once more says something else until now.
  const came = new Set([...arrivals, ...(joiner ? [joiner] : [])].map(({ pod }) => pod));
  const isIn = (pod: Pod): boolean => isAmong(end.list, pod);
  const tell: Ending["tell"] = [
    { tag: "re-formed", pod: podsOf(seen.pods, stack)[0], cause, message },
    ...newsOfLeftOut(seen, about.network, end),
    ...[...came].filter(isIn).map((pod) => ({ tag: "in", pod, outcome: { ...whole, pod } }) as const),
  ];
  if (joiner === undefined || isIn(joiner.pod)) return { outcome: whole, change, tell };
  const outcome =
    stranger ?? held("PeerNotAnswering", `the joiner did not do its part: ${message}`, about, 10);
  return { outcome, change, tell: [...tell, { tag: "held", pod: joiner.pod, outcome }] };
}

/** Who was in and runs, and the network has gone on without. */
const newsOfLeftOut = (
  { pods, lost, givenUp, unreachable, readdressed }: Observation,
  network: string,
  end: Pick<WholeEnd, "list" | "leftOut">,
): readonly News[] =>
  pods
    .filter((pod) => isAmong([...lost, ...givenUp, ...unreachable, ...readdressed, ...end.leftOut], pod))
    .filter((pod) => !isAmong(end.list, pod))
    .map((pod) => ({
      tag: "out",
      pod,
      reason: "LeftOut",
      message: `${network} was re-formed without ${pod.name}: ${
        end.leftOut.find((contact) => isAmong([contact], pod))?.why ??
        "it did not answer, or not where it was"
      }`,
    }));

/**
 * Nobody is left: whoever comes next founds the network again. Who hangs is remembered, for a peer that has gone to another
 * network may wait for it there.
 */
function emptied(step: Step, about: NetworkSubject, stranger: Held | undefined): Promise<Ending> {
  const { seen } = step;
  const { joiner } = seen;
  const waitedFor = [...new Set([...seen.waitedFor, ...seen.silent])];
  const change = { ...findings(seen), stack: [], hung: [], waitedFor, deaths: false };
  const tell = newsOfLeftOut(seen, about.network, { list: [], leftOut: [] });
  if (stranger && joiner)
    return withLast(step, {
      outcome: stranger,
      change,
      tell: [...tell, { tag: "held", pod: joiner.pod, outcome: stranger }],
    });
  return withLast(step, { outcome: nobodyLeft(about), change, tell });
}

export const nobodyLeft = (about: NetworkSubject): Outcome => ({
  ...about,
  name: "left",
  reason: "Left",
  message: `nobody is left in ${about.network}`,
});

/** The end of a step that leaves nobody in: before that is written, those that go say that the history goes with them. */
export async function withLast(step: Step, ending: Ending): Promise<Ending> {
  const last = await lastOnes(step);
  if (last.tag === "failed") return hold(step, { ...clusterHeld(last), ...subjectOf(ending.outcome) });
  if (last.pods.length === 0) return ending;
  return {
    ...ending,
    first: { movedOut: last.pods, isLast: true, ifUntold: { ...hold(step, ending.outcome).change } },
  };
}

/** Pods of these contacts, as far as they are known. */
const podsOf = (pods: readonly Pod[], contacts: readonly Contact[]): readonly Pod[] =>
  contacts.flatMap(({ uid }) => pods.find((pod) => pod.uid === uid) ?? []);

const isAmong = (lives: readonly Contact[], { uid, incarnation }: Pod): boolean =>
  lives.some((life) => life.uid === uid && life.incarnation === incarnation);

function describeWhole(
  { list, leftOut, entries, refusedMs }: WholeEnd,
  network: string,
  cause: string,
): string {
  const without = leftOut.length > 0 ? `, without ${leftOut.map(({ name }) => name).join(", ")}` : "";
  const refused = `writes were refused for ${Math.round(refusedMs)} ms`;
  return `${network} was re-formed because ${cause}: ${list.length} peers${without}, ${entries} entries, ${refused}`;
}
