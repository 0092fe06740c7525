import { announceHold, announceLeftOut, announceMember, announceReform } from "./announce.ts";
import { type Cause, isUnfinished } from "./cause.ts";
import type { Contact } from "../store/contacts.ts";
import { isMember } from "./plan.ts";
import { clusterHeld } from "./cluster-held.ts";
import { giveBack } from "../lease.ts";
import { contactOf, findings, findingsAtRest, logEntry } from "./changes.ts";
import { held, type Outcome, type Subject } from "../outcome.ts";
import type { Peer } from "../pod/peer.ts";
import type { Pod } from "../pod/pod.ts";
import { reform, type ReformEnd } from "./reform/reform.ts";
import { shadowsAfter } from "./shadows.ts";
import type { Step } from "./step.ts";
import { tellStrays } from "./strays.ts";

type Whole = Extract<ReformEnd, { tag: "whole" }>;

/** What a re-form is about, for everybody who reads of it. */
type About = Subject & { readonly network: string };

/**
 * Puts a network right by re-forming it: what was left half-done, what is broken, and who cannot come in plainly.
 * All living members take part, the joiner, and the one that a step which died was for.
 */
export async function reformNetwork(step: Step, cause: Cause): Promise<Outcome> {
  const { deps, wish, lease, scene } = step;
  const { leaver } = wish;
  const { joiner } = scene;
  const about: About = { network: lease.network, ...(joiner && { pod: joiner.pod }) };
  if (deps.settings.reform === "off") {
    const message = `${cause.text}, and KLIGHT_REFORM is off`;
    return stopped(step, held("NeedsReform", message, about, 30), isUnfinished(cause));
  }
  const members = scene.members
    .map(({ contact }) => contact)
    .filter(({ incarnation }) => incarnation !== leaver?.incarnation);
  const joining = await joinersOf(step, members);
  if (members.length + joining.length === 0) return emptied(step, about);
  const joiners = joining.map(({ peer }) => contactOf(peer, null, deps.clock.now()));
  const leavers = leaver ? [leaver] : [];
  const participants = { members, joiners, leavers, looked: scene.looked, carry: wish.carry ?? true };
  const end = await reform(
    deps,
    lease,
    participants,
    about.pod && `${about.pod.namespace}/${about.pod.name}`,
  );
  if (end.tag === "held")
    return stopped(step, { ...end.outcome, ...about }, end.touched || isUnfinished(cause));
  const untold = await tellStrays(step);
  if (untold) return stopped(step, { ...clusterHeld(untold, lease.network), ...about }, true);
  return reformed(step, about, { end, joining, cause });
}

interface Done {
  readonly end: Whole;
  readonly joining: readonly Arrival[];
  readonly cause: Cause;
}

async function reformed(step: Step, about: About, { end, joining, cause }: Done): Promise<Outcome> {
  const { deps, lease, record, scene } = step;
  const generation = record.generation + 1;
  const message = describe(end, about.network, cause.text);
  const whole = { ...about, name: "reformed", reason: "Reformed", message, generation } as const;
  const log = logEntry(whole, deps.clock.now());
  // The bottom of the stack is the head of the list.
  const change = {
    stack: end.list.toReversed(),
    hung: [],
    ...(await shadowsAfter(step, end)),
    generation,
    newest: end.newest,
    log,
  };
  const late = await giveBack(deps, lease, change);
  if (late) return { ...late, ...about };
  await announceReform(deps, { pods: podsOf(step, end.list), cause, message });
  const out = [...scene.lost, ...end.leftOut];
  const isOut = (pod: Pod): boolean => out.some(({ incarnation }) => incarnation === pod.incarnation);
  for (const pod of podsOf(step, out).filter(isOut)) await announceLeftOut(deps, pod, about.network);
  const isIn = ({ incarnation }: Pod): boolean => end.list.some((part) => part.incarnation === incarnation);
  // A member that is brought in once more says something else until now.
  const arrived = new Map(
    [...joining, ...(scene.joiner ? [scene.joiner] : [])].map(({ pod }) => [pod.uid, pod]),
  );
  let outcome: Outcome = whole;
  for (const pod of [...arrived.values()].filter(isIn)) {
    const announced = await announceMember(deps, pod, { ...whole, pod });
    if (pod.uid === scene.joiner?.pod.uid) outcome = announced;
  }
  if (scene.joiner === undefined || isIn(scene.joiner.pod)) return outcome;
  return held("PeerNotAnswering", `the joiner did not do its part: ${message}`, about, 10);
}

/** Nobody is left: whoever comes next founds the network again. */
async function emptied({ deps, lease, scene }: Step, about: About): Promise<Outcome> {
  const late = await giveBack(deps, lease, {
    ...findings(scene),
    stack: [],
    hung: [],
    waitedFor: [],
    deaths: false,
  });
  return late ?? { ...about, name: "left", reason: "Left", message: `nobody is left in ${about.network}` };
}

interface Arrival {
  readonly pod: Pod;
  readonly peer: Peer;
}

/**
 * The joiner of this step and the one of a step that died. When the last member goes to another network, everybody who
 * waits: what it holds stays with them.
 */
async function joinersOf(
  { deps, wish, record, scene }: Step,
  members: readonly Contact[],
): Promise<readonly Arrival[]> {
  const { joiner } = scene;
  const own = joiner?.probe === "serving" && !isMember(scene, joiner) ? [joiner] : [];
  const isLast = wish.leaver !== undefined && members.length === 0;
  const waiting = scene.pods.filter(
    ({ uid, namespace, name, incarnation }) =>
      (isLast || `${namespace}/${name}` === record.intent?.pod) &&
      uid !== scene.joiner?.pod.uid &&
      // A list that is behind shows it here still.
      uid !== wish.leaver?.uid &&
      !members.some((member) => member.incarnation === incarnation),
  );
  const arrivals = await Promise.all(waiting.map((pod) => arrivalOf(deps, pod)));
  return [...arrivals.flat(), ...own];
}

async function arrivalOf({ lightpeer, settings }: Step["deps"], pod: Pod): Promise<readonly Arrival[]> {
  if (pod.admission.tag !== "peer") return [];
  const { peer } = pod.admission;
  const probe = await lightpeer.probe(peer.address, settings.probeTimeoutMs);
  return probe === "serving" ? [{ pod, peer }] : [];
}

async function stopped(step: Step, outcome: Outcome, unfinished: boolean): Promise<Outcome> {
  const { deps, lease, record, scene } = step;
  const keepIntent = unfinished || record.intent !== undefined;
  await giveBack(deps, lease, {
    ...findingsAtRest(scene),
    keepIntent,
    log: logEntry(outcome, deps.clock.now()),
  });
  if (scene.joiner) await announceHold(deps, scene.joiner.pod, outcome);
  return outcome;
}

/** Pods of these contacts, as far as they are known. */
const podsOf = ({ scene }: Step, contacts: readonly Contact[]): readonly Pod[] =>
  contacts.flatMap(({ uid }) => scene.pods.find((pod) => pod.uid === uid) ?? []);

function describe({ list, leftOut, entries, refusedMs }: Whole, network: string, cause: string): string {
  const without = leftOut.length > 0 ? `, without ${leftOut.map(({ name }) => name).join(", ")}` : "";
  const refused = `writes were refused for ${Math.round(refusedMs)} ms`;
  return `${network} was re-formed because ${cause}: ${list.length} peers${without}, ${entries} entries, ${refused}`;
}
