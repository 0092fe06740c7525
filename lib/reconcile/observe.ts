import { clusterHeld } from "./cluster-held.ts";
import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Deps } from "../deps.ts";
import { type Health, healthOf, isAddressTaken, type Signs } from "./health.ts";
import type { Looked } from "../lease.ts";
import { readPods, type PodsOfNetwork } from "./network-pods.ts";
import { held, type Outcome } from "../outcome.ts";
import type { Probe } from "../peers/lightpeer.ts";
import type { Target } from "./plan.ts";
import type { Peer } from "../pod/peer.ts";
import type { Pod } from "../pod/pod.ts";
import type { Contact, NetworkRecord } from "../store/contacts.ts";
import { QUIET_MS } from "../timing.ts";
import { stillWaitedFor } from "./waited-for.ts";

/** A contact with its pod as the list of the API server shows it; undefined: not listed. */
export interface KnownContact {
  readonly contact: Contact;
  readonly pod: Pod | undefined;
}

/** The pod that a step is for, as it is now. */
export interface Joiner {
  readonly pod: Pod;
  readonly peer: Peer;
  readonly probe: Probe;
}

/** The state of a network when a step looked at it. */
export interface Observation {
  /** Pods of this network. */
  readonly pods: readonly Pod[];
  readonly joiner: Joiner | undefined;
  /** Contacts that live, oldest first. */
  readonly members: readonly KnownContact[];
  readonly dead: readonly Contact[];
  readonly hung: readonly Contact[];
  readonly lost: readonly Contact[];
  readonly replaced: readonly Contact[];
  readonly moved: readonly Contact[];
  /** Addresses of contacts that did not answer, whatever has become of them. */
  readonly silent: readonly string[];
  /** Addresses of peers that the network has gone on without while they hung. */
  readonly waitedFor: readonly string[];
  /** One of them does not hang any more, which may have disturbed the others. */
  readonly stirred: boolean;
  readonly looked: Looked;
  /** The store had lost the stack, and it is put together again from the pods' conditions. */
  readonly restored: boolean;
}

/** `stop`: there is nothing to do for this joiner, or nothing can be done now. */
export type Look =
  | { readonly tag: "seen"; readonly seen: Observation }
  | { readonly tag: "stop"; readonly outcome: Outcome; readonly seen?: Observation };

/** Rounds of probes until a network that keeps losing members is left for later. */
const ROUNDS = 4;

/**
 * Reads again all that a step decides on: pods, then the health of all contacts and the joiner at once. A death is
 * waited out before the last probe, for its network is cleaning up; nothing should pass between that probe and a join.
 * After every wait the pods are read anew: an address may have gone to another pod meanwhile.
 */
export async function observe(deps: Deps, target: Target, record: NetworkRecord): Promise<Look> {
  if (record.quietMs > 0) await deps.clock.sleep(record.quietMs);
  let dead: readonly Contact[] = [];
  let back: readonly Contact[] = [];
  let known: readonly Contact[] | undefined = record.stack.length > 0 ? record.stack : undefined;
  for (let left = ROUNDS; ; left -= 1) {
    const round = await observeOnce(deps, target, { known, hung: record.hung });
    if (round.tag === "stop") return round;
    const { died, alive, found } = round;
    dead = dead.concat(died);
    const seen: Observation = {
      ...found,
      replaced: [...found.replaced, ...back],
      waitedFor: waitedForBy(target, record),
      stirred: target.stirred !== undefined,
      dead,
      restored: record.stack.length === 0 && dead.length + alive.length > 0,
    };
    if (!isCleaningUp(round, left === ROUNDS ? record.hung : {})) return { tag: "seen", seen };
    if (left === 0) {
      const message = `members of ${target.network} go away one after the other, ${died[0]?.name} last`;
      return { tag: "stop", outcome: held("NotQuiet", message, { network: target.network }), seen };
    }
    await deps.clock.sleep(QUIET_MS);
    const again = await comeBack(deps, dead);
    back = back.concat(again);
    dead = dead.filter((contact) => !again.includes(contact));
    known = alive.toReversed();
  }
}

/** How long somebody who has come back to the address of a dead contact may take to answer, ms. */
const BACK_MS = 250;

/** A process may be back before the others have noticed its death: they keep it on their lists, and it is another. */
async function comeBack(
  { lightpeer, settings }: Deps,
  dead: readonly Contact[],
): Promise<readonly Contact[]> {
  if (settings.reform === "off") return [];
  const probes = await Promise.all(dead.map(({ address }) => lightpeer.probe(address, BACK_MS)));
  const isAlive = new Set<Probe | undefined>(["serving", "not-serving"]);
  return dead.filter((_, index) => isAlive.has(probes[index]));
}

/** The network's own, and those of the network that the joiner comes from. */
const waitedForBy = ({ stirred = [], from }: Target, record: NetworkRecord): readonly string[] =>
  [...stillWaitedFor(record), ...(from?.waitedFor ?? [])].filter((address) => !stirred.includes(address));

/**
 * After a death; or after a member hung, which kept the others from noticing one. Without either there is nothing to
 * wait out, and the last death leaves nobody who cleans up. `hung`: who was known to hang before this look.
 */
const isCleaningUp = ({ died, alive, found }: Round, hung: NetworkRecord["hung"]): boolean =>
  alive.length > 0 && (died.length > 0 || found.members.some(({ contact }) => contact.incarnation in hung));

/** What nothing is known against yet, newest first; undefined: the store has lost it. `hung` as in a record. */
interface Before {
  readonly known: readonly Contact[] | undefined;
  readonly hung: NetworkRecord["hung"];
}

/** One reading and one round of probes. `alive`: contacts that are not dead, oldest first. */
interface Round {
  readonly tag: "round";
  readonly died: readonly Contact[];
  readonly alive: readonly Contact[];
  readonly found: Omit<Observation, "dead" | "restored" | "waitedFor" | "stirred">;
}

async function observeOnce(
  deps: Deps,
  target: Target,
  before: Before,
): Promise<Round | Extract<Look, { tag: "stop" }>> {
  const from = deps.clock.now();
  const read = await readPods(deps, target, before.known);
  if (read.tag === "stop") return read;
  const probed = await probeAll(deps, read, { network: target.network, hung: before.hung });
  if (probed.tag === "failed") return { tag: "stop", outcome: clusterHeld(probed, target.network) };
  const { died, found } = probed;
  const alive = read.remaining.map(({ contact }) => contact).filter((contact) => !died.includes(contact));
  const looked = { from, to: deps.clock.now() };
  return { tag: "round", died, alive, found: { ...found, pods: read.pods, looked } };
}

interface Probed {
  readonly tag: "probed";
  readonly died: readonly Contact[];
  readonly found: Omit<Round["found"], "pods" | "looked">;
}

async function probeAll(
  deps: Deps,
  read: PodsOfNetwork,
  about: { readonly network: string; readonly hung: NetworkRecord["hung"] },
): Promise<Probed | ClusterFailure> {
  const { joiner, remaining } = read;
  const probing = joiner && deps.lightpeer.probe(joiner.peer.address, deps.settings.probeTimeoutMs);
  const asked = await Promise.all(
    remaining.map((member, index) => {
      const younger = remaining.slice(index + 1).map(({ contact }) => contact);
      const isTaken = isAddressTaken(member.contact, [...younger, ...(joiner ? [joiner.peer] : [])]);
      return signsOf(deps, { ...about, isTaken }, member);
    }),
  );
  const probe = await probing;
  const failure = asked.find((each) => each.tag === "failed");
  if (failure !== undefined) return failure;
  const signs = asked.flatMap((each) => (each.tag === "signs" ? [each.signs] : []));
  const health = signs.map(healthOf);
  const those = (which: Health): KnownContact[] => remaining.filter((_, index) => health[index] === which);
  const contacts = (which: Health): Contact[] => those(which).map(({ contact }) => contact);
  // Where nothing can be re-formed, who is replaced is waited out like the dead.
  const isOff = deps.settings.reform === "off";
  return {
    tag: "probed",
    died: [...contacts("dead"), ...(isOff ? contacts("replaced") : [])],
    found: {
      joiner: joiner && { ...joiner, probe: probe ?? "silent" },
      members: those("living"),
      replaced: isOff ? [] : contacts("replaced"),
      hung: contacts("hung"),
      lost: contacts("lost"),
      moved: contacts("moved"),
      silent: remaining
        .filter((_, index) => signs[index]?.probe === "silent")
        .map(({ contact }) => contact.address),
    },
  };
}

interface AboutContact {
  readonly network: string;
  readonly hung: NetworkRecord["hung"];
  /** A younger process has its address. */
  readonly isTaken: boolean;
}

async function signsOf(
  deps: Deps,
  { network, hung, isTaken }: AboutContact,
  member: KnownContact,
): Promise<{ readonly tag: "signs"; readonly signs: Signs } | ClusterFailure> {
  const { contact } = member;
  const known = { silentMs: hung[contact.incarnation] ?? 0, now: deps.clock.now() };
  if (isTaken) return { tag: "signs", signs: { ...known, life: "gone", pod: undefined, probe: undefined } };
  const probe = await deps.lightpeer.probe(contact.address, deps.settings.probeTimeoutMs);
  const found = await lifeOf(deps, network, member, probe);
  if (found.tag === "failed") return found;
  const { life, pod } = found;
  return { tag: "signs", signs: { ...known, now: deps.clock.now(), life, pod, probe } };
}

/** A list can be behind: what it does not show is asked for by name before a contact that answers is dropped. */
async function lifeOf(
  deps: Deps,
  network: string,
  { contact, pod }: KnownContact,
  probe: Probe,
): Promise<
  { readonly tag: "life"; readonly life: Signs["life"]; readonly pod: Pod | undefined } | ClusterFailure
> {
  const isThisLife = (candidate: Pod | undefined): candidate is Pod =>
    candidate?.uid === contact.uid && candidate.incarnation === contact.incarnation;
  if (isThisLife(pod)) return { tag: "life", life: "same", pod };
  if (probe === "refused") return { tag: "life", life: "gone", pod };
  const asked = await deps.cluster.getPod(contact);
  if (asked.tag === "failed") return asked;
  if (!isThisLife(asked.pod)) return { tag: "life", life: "gone", pod: asked.pod };
  return { tag: "life", life: asked.pod.network === network ? "same" : "elsewhere", pod: asked.pod };
}
