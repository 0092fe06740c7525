import { joinedInThisLife } from "../pod/pod.ts";
import { clusterHeld } from "../cluster/cluster-held.ts";
import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Deps } from "../deps.ts";
import { type ContactHealth, healthOfContact } from "./contact-health.ts";
import { type Health, takerOf } from "./health.ts";
import { type PodsOfNetwork, readNetworkPods } from "./network-pods.ts";
import type { Observation } from "./observation.ts";
import { held, type Outcome } from "../outcome.ts";
import type { Probe } from "../peers/lightpeer.ts";
import type { Target } from "./plan.ts";
import type { Contact, NetworkRecord } from "../store/contacts.ts";
import { QUIET_MS } from "../timing.ts";
import { stillWaitedFor } from "./waited-for.ts";

/** `stop`: there is nothing to do for this joiner, or nothing can be done now. */
export type Look =
  | { readonly tag: "seen"; readonly seen: Observation }
  | { readonly tag: "stop"; readonly outcome: Outcome; readonly seen?: Observation };

/** Rounds of probes until a network that keeps losing members is left for later. */
const ROUNDS = 4;

/** Of these, so many look again at who is unreachable: the kubelet tells within seconds that a process has ended. */
const ROUNDS_UNREACHABLE = 2;

/**
 * Reads again all that a step decides on: pods, then the health of all contacts and the joiner at once. A death is
 * waited out before the last probe, for its network is cleaning up; nothing should pass between that probe and a join.
 * After every wait the pods are read anew: an address may have gone to another pod meanwhile.
 */
export async function observe(deps: Deps, target: Target, record: NetworkRecord): Promise<Look> {
  if (record.quietMs > 0) await deps.clock.sleep(record.quietMs);
  let dead: readonly Contact[] = [];
  let back: readonly Contact[] = [];
  let isRestored = record.stack.length === 0;
  let before: Before = { known: isRestored ? undefined : record.stack, hung: record.hung, refused: [] };
  for (let left = ROUNDS; ; left -= 1) {
    const round = await observeOnce(deps, target, before);
    if (round.tag === "stop") return round;
    dead = dead.concat(round.died);
    const seen = summedUp(round, { target, record, dead, back, isRestored });
    const wait = whyWait(round, before, { left, mayRestore: !isRestored });
    if (wait === "nothing") return { tag: "seen", seen };
    if (left === 0) return { tag: "stop", outcome: notQuiet(target, round), seen };
    if (wait === "quiet") await deps.clock.sleep(QUIET_MS);
    const again = await comeBack(deps, dead);
    back = back.concat(again);
    dead = dead.filter((contact) => !again.includes(contact));
    isRestored ||= wait === "restore";
    const refused = round.found.unreachable.map(({ incarnation }) => incarnation);
    const known = wait === "restore" ? undefined : round.alive.toReversed();
    before = { known, hung: record.hung, refused };
  }
}

interface SoFar {
  readonly target: Target;
  readonly record: NetworkRecord;
  readonly dead: readonly Contact[];
  /** Contacts that were dead, and at whose address somebody answers again. */
  readonly back: readonly Contact[];
  readonly isRestored: boolean;
}

const summedUp = (
  { found, alive }: Round,
  { target, record, dead, back, isRestored }: SoFar,
): Observation => ({
  ...found,
  replaced: [...found.replaced, ...back],
  waitedFor: waitedForBy(target, record),
  stirred: target.stirred !== undefined,
  dead,
  restored: isRestored && dead.length + alive.length > 0,
});

function notQuiet({ network }: Target, { died, found }: Round): Outcome {
  const [last] = [...died, ...found.unreachable];
  return held("NotQuiet", `members of ${network} go away one after the other, ${last?.name} last`, {
    network,
  });
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
 * Why to look once more. `quiet`: after a death, or after a member hung, which kept the others from noticing one, the
 * others clean up; not where nobody is left who does. Likewise after a refusal, for the pod may show by then that it was a
 * death: when it was, the refusal does not tell, for a firewall may have been before it. `restore`: all contacts are gone,
 * and other pods say that they are members: they are the stack.
 */
function whyWait(
  { died, alive, found, claims }: Round,
  { hung }: Before,
  { left, mayRestore }: { readonly left: number; readonly mayRestore: boolean },
): "nothing" | "quiet" | "restore" {
  if (alive.length === 0) return claims && mayRestore ? "restore" : "nothing";
  const isAwake = left === ROUNDS && found.members.some(({ contact }) => contact.incarnation in hung);
  const mayEnd = found.unreachable.length > 0 && left > ROUNDS - ROUNDS_UNREACHABLE;
  return died.length > 0 || isAwake || mayEnd ? "quiet" : "nothing";
}

/** What a round starts from. */
interface Before {
  /** Contacts that nothing is known against yet, newest first; undefined: the store has lost them. */
  readonly known: readonly Contact[] | undefined;
  /** For how long contacts have been known not to answer, ms by incarnation. */
  readonly hung: NetworkRecord["hung"];
  /** Who was unreachable in the round before, by incarnation. */
  readonly refused: readonly string[];
}

/** One reading and one round of probes. */
interface Round {
  readonly tag: "round";
  readonly died: readonly Contact[];
  /** Contacts that are not dead, oldest first. */
  readonly alive: readonly Contact[];
  readonly found: Omit<Observation, "dead" | "restored" | "waitedFor" | "stirred">;
  /** Pods that run, are no contacts and say that they are members. */
  readonly claims: boolean;
}

async function observeOnce(
  deps: Deps,
  target: Target,
  before: Before,
): Promise<Round | Extract<Look, { tag: "stop" }>> {
  const from = deps.clock.now();
  const read = await readNetworkPods(deps, target, before.known);
  if (read.tag === "stop") return read;
  const { joiner } = read;
  const [probe, answers] = await Promise.all([
    joiner && deps.lightpeer.probe(joiner.peer.address, deps.settings.probeTimeoutMs),
    askContacts(deps, target.network, read, before),
  ]);
  const failure = answers.find(({ tag }) => tag === "failed");
  if (failure?.tag === "failed") return { tag: "stop", outcome: clusterHeld(failure, target.network) };
  const known = answers.filter(({ tag }) => tag === "health") as readonly ContactHealth[];
  const found = {
    pods: read.pods,
    joiner: joiner && { ...joiner, probe: probe ?? "silent" },
    ...byHealth(known),
    looked: { from, to: deps.clock.now() },
  };
  // Where nothing can be re-formed, who is replaced is waited out like the dead.
  const isOff = deps.settings.reform === "off";
  const died = [...deadOf(known), ...(isOff ? found.replaced : [])];
  const alive = known.map(({ contact }) => contact).filter((contact) => !died.includes(contact));
  return {
    tag: "round",
    died,
    alive,
    claims: anyClaims(read),
    found: { ...found, ...(isOff && { replaced: [] }) },
  };
}

const askContacts = (
  deps: Deps,
  network: string,
  { joiner, remaining }: PodsOfNetwork,
  { hung, refused }: Before,
): Promise<readonly (ContactHealth | ClusterFailure)[]> =>
  Promise.all(
    remaining.map((member, index) => {
      const { contact } = member;
      const younger = remaining.slice(index + 1).map((each) => each.contact);
      const taker = takerOf(contact, [...younger, ...(joiner ? [joiner.peer] : [])]);
      const wasSilent = contact.incarnation in hung || refused.includes(contact.incarnation);
      const silentMs = hung[contact.incarnation] ?? 0;
      // Alone it may never have had a chain.
      const mayBeFresh = remaining.length === 1 || !wasSilent;
      return healthOfContact(deps, member, { network, taker, silentMs, mayBeFresh });
    }),
  );

/** Do pods that run, and are no contacts, say that they are members? */
const anyClaims = ({ pods, joiner, remaining }: PodsOfNetwork): boolean =>
  pods.some(
    (pod) =>
      joinedInThisLife(pod) &&
      pod.uid !== joiner?.pod.uid &&
      !remaining.some(({ contact }) => contact.uid === pod.uid),
  );

const deadOf = (known: readonly ContactHealth[]): readonly Contact[] =>
  known.filter(({ health }) => health === "dead").map(({ contact }) => contact);

function byHealth(known: readonly ContactHealth[]): Omit<Round["found"], "pods" | "joiner" | "looked"> {
  const of = (which: Health): readonly ContactHealth[] => known.filter(({ health }) => health === which);
  const contacts = (which: Health): readonly Contact[] => of(which).map(({ contact }) => contact);
  return {
    members: of("living"),
    replaced: contacts("replaced"),
    lost: contacts("lost"),
    hung: contacts("hung"),
    givenUp: contacts("given-up"),
    unreachable: contacts("unreachable"),
    unreachableMs: Math.min(Infinity, ...of("unreachable").map(({ silentMs }) => silentMs)),
    readdressed: contacts("readdressed"),
    moved: contacts("moved"),
    shared: of("shared").flatMap(({ contact, taker }) => (taker ? [{ contact, other: taker }] : [])),
    silent: known.filter(isUnheard).map(({ contact }) => contact.address),
  };
}

/** Of one that has gone to another network and to another address: whoever answers at the old one is somebody else. */
const isUnheard = ({ contact, pod, health, probe }: ContactHealth): boolean =>
  probe === "silent" || (health === "moved" && pod?.address !== contact.address);
