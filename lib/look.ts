import { networkBefore } from "./before.ts";
import type { ClusterFailure } from "./cluster/cluster.ts";
import { type Round, verdictOf } from "./contact-life.ts";
import type { Contact, NetworkRecord } from "./contacts/contacts.ts";
import type { Deps } from "./deps.ts";
import { clusterHeld } from "./hold.ts";
import { whereOf } from "./network-key.ts";
import { held, type Outcome } from "./outcome.ts";
import type { Peer } from "./peer.ts";
import type { Pod } from "./pod.ts";
import type { Scene, Seen, Verdict } from "./scene.ts";
import { shadowsOf } from "./shadows.ts";
import { QUIET_MS } from "./timing.ts";

/** Probe rounds until a network that keeps losing members is left for later. */
const ROUNDS = 4;

/** `stop`: there is nothing to do for this joiner, or nothing can be done now. */
export type Look =
  | { readonly tag: "scene"; readonly scene: Scene }
  | { readonly tag: "stop"; readonly outcome: Outcome; readonly scene?: Scene };

export interface Subject {
  readonly network: string;
  /** The pod that should be in, as the event showed it. */
  readonly joiner?: Pod;
  /** Addresses of peers that hung when the network went on without them, and do not any more. */
  readonly stirred?: readonly string[];
  /** Addresses of such peers that the joiner brings along: it may be waiting for them. */
  readonly shadows?: readonly string[];
}

/**
 * Reads again all that a step decides on: pods, then the health of all contacts and the joiner at once. A death is
 * waited out before the last probe, for its network is cleaning up; nothing should pass between that probe and a join.
 * After every wait the pods are read anew: an address may have gone to another pod meanwhile.
 */
export async function look(deps: Deps, subject: Subject, record: NetworkRecord): Promise<Look> {
  const { network, stirred = [], shadows: brought = [] } = subject;
  const shadows = [...shadowsOf(record), ...brought].filter((address) => !stirred.includes(address));
  if (record.quietMs > 0) await deps.clock.sleep(record.quietMs);
  const dead: Contact[] = [];
  let known: readonly Contact[] | undefined = record.stack.length > 0 ? record.stack : undefined;
  for (let left = ROUNDS; ; left -= 1) {
    const seen = await lookOnce(deps, subject, { known, hung: record.hung });
    if ("outcome" in seen) return { tag: "stop", outcome: seen.outcome };
    const { died, alive, ...found } = seen;
    dead.push(...died);
    const restored = record.stack.length === 0 && dead.length + alive.length > 0;
    const scene: Scene = { ...found, shadows, stirred: stirred.length > 0, dead: [...dead], restored };
    // Who hung kept the others from noticing deaths: they clean up now.
    const woken = left === ROUNDS && found.members.some(({ contact }) => contact.incarnation in record.hung);
    // Without a death there is nothing to wait out; and the last one leaves nobody who cleans up.
    if ((died.length === 0 && !woken) || alive.length === 0) return { tag: "scene", scene };
    if (left === 0) {
      const message = `members of ${network} go away one after the other, ${died[0]?.name} last`;
      return { tag: "stop", outcome: held("NotQuiet", message, { network }), scene };
    }
    await deps.clock.sleep(QUIET_MS);
    known = alive.toReversed();
  }
}

/** What nothing is known against yet, newest first; undefined: the store has lost it. `hung` as in a record. */
interface Known {
  readonly known: readonly Contact[] | undefined;
  readonly hung: NetworkRecord["hung"];
}

/** One reading and one round of probes. `alive`: contacts that are not dead, oldest first. */
type Seeing = Omit<Scene, "dead" | "restored" | "shadows" | "stirred"> & {
  readonly died: readonly Contact[];
  readonly alive: readonly Contact[];
};

async function lookOnce(
  deps: Deps,
  subject: Subject,
  { known, hung }: Known,
): Promise<Seeing | { readonly outcome: Outcome }> {
  const { network } = subject;
  const from = deps.clock.now();
  const read = await readPods(deps, subject, known);
  if ("outcome" in read) return read;
  const probed = await probeAll(deps, { ...read, network, hung });
  if ("tag" in probed) return { outcome: clusterHeld(probed, network) };
  const { died } = probed;
  const alive = read.remaining.map(({ contact }) => contact).filter((contact) => !died.includes(contact));
  return { ...probed, pods: read.pods, alive, looked: { from, to: deps.clock.now() } };
}

/** The pods of the network, and what they say of the joiner and of the contacts known, newest first. */
async function readPods(
  deps: Deps,
  subject: Subject,
  known: readonly Contact[] | undefined,
): Promise<Pick<Round, "pods" | "joiner" | "remaining"> | { readonly outcome: Outcome }> {
  const { network } = subject;
  const { namespace, networkId } = whereOf(network);
  const inNamespace = namespace === undefined ? {} : { namespace };
  // Without a stack a pod of another network may say that its peer is still in this one.
  const listed = await deps.cluster.listPods(known ? { ...inNamespace, networkId } : inNamespace);
  if (listed.tag === "failed") return { outcome: clusterHeld(listed, network) };
  const pods = listed.tag === "pods" ? listed.pods.filter((pod) => pod.network === network) : undefined;
  const joiner = await currentJoiner(deps, subject, { pods, known });
  if (joiner !== undefined && "outcome" in joiner) return joiner;
  const all = listed.tag === "pods" ? listed.pods : [];
  const stack = known ?? stackFromConditions(deps, network, all, joiner);
  const remaining = stack
    .toReversed()
    .map((contact) => ({ contact, pod: pods?.find((pod) => pod.uid === contact.uid) }));
  return { pods, joiner, remaining };
}

type Probed = Pick<Scene, "joiner" | "members" | "hung" | "lost" | "replaced" | "moved" | "silent"> & {
  readonly died: readonly Contact[];
};

async function probeAll(deps: Deps, round: Round): Promise<Probed | ClusterFailure> {
  const { joiner, remaining } = round;
  const probing = joiner && deps.lightpeer.probe(joiner.peer.address, deps.settings.probeTimeoutMs);
  const found = await Promise.all(remaining.map((member) => verdictOf(deps, round, member)));
  const probe = await probing;
  const failure = found.find((each) => each.tag === "failed");
  if (failure !== undefined) return failure;
  const judged = found.flatMap((each) => (each.tag === "judged" ? [each] : []));
  const those = (verdict: Verdict): Seen[] =>
    remaining.filter((_, index) => judged[index]?.verdict === verdict);
  // Where nothing can be re-formed, who is replaced is waited out like the dead.
  const isOff = deps.settings.reform === "off";
  const contacts = (verdict: Verdict): Contact[] => those(verdict).map(({ contact }) => contact);
  return {
    joiner: joiner && { ...joiner, probe: probe ?? "silent" },
    members: those("living"),
    died: [...contacts("dead"), ...(isOff ? contacts("replaced") : [])],
    replaced: isOff ? [] : contacts("replaced"),
    hung: contacts("hung"),
    lost: contacts("lost"),
    moved: contacts("moved"),
    silent: remaining
      .filter((_, index) => judged[index]?.probe === "silent")
      .map(({ contact }) => contact.address),
  };
}

/** The joiner as it is now. Only its identity was believed of the event. */
async function currentJoiner(
  deps: Deps,
  { network, joiner }: Subject,
  seen: Listed,
): Promise<{ pod: Pod; peer: Peer } | { outcome: Outcome } | undefined> {
  if (joiner === undefined) return undefined;
  const found = await findPod(deps, joiner, seen);
  if (found !== undefined && "tag" in found) return { outcome: clusterHeld(found, network) };
  if (found?.network !== network) {
    const message = `${joiner.namespace}/${joiner.name} is not a pod of ${network} any more`;
    return { outcome: { name: "ignored", reason: "PodGone", message, pod: joiner, network } };
  }
  if (found.admission.tag === "peer") return { pod: found, peer: found.admission.peer };
  const { reason, message } = found.admission;
  return { outcome: { name: "ignored", reason, message, pod: joiner, network } };
}

/** What the list has of the network, and what the store has. */
interface Listed {
  readonly pods: readonly Pod[] | undefined;
  readonly known: readonly Contact[] | undefined;
}

/** A list can be behind: a pod that it does not show, or in another life than the stack, is asked for by name. */
async function findPod(
  deps: Deps,
  joiner: Pod,
  { pods, known = [] }: Listed,
): Promise<Pod | ClusterFailure | undefined> {
  if (pods === undefined) return joiner;
  const listed = pods.find(({ uid }) => uid === joiner.uid);
  const life = known.find(({ uid }) => uid === joiner.uid)?.incarnation ?? listed?.incarnation;
  if (listed !== undefined && listed.incarnation === life) return listed;
  const asked = await deps.cluster.getPod(joiner);
  if (asked.tag === "failed") return asked;
  return asked.tag === "pod" && asked.pod?.uid === joiner.uid ? asked.pod : undefined;
}

/** The stack as the pods' own conditions tell it, for a store that has lost it; oldest last, as a stack is. */
function stackFromConditions(
  deps: Deps,
  network: string,
  pods: readonly Pod[],
  joiner: { readonly pod: Pod } | undefined,
): readonly Contact[] {
  const joinedAt = new Date(deps.clock.now()).toISOString();
  return pods.flatMap((pod) => {
    const { uid, namespace, name, address, incarnation, joined } = pod;
    const isMember = joined?.status === "True" && networkBefore(pod) === network;
    if (!isMember || address === undefined || uid === joiner?.pod.uid) return [];
    return [{ uid, namespace, name, address, incarnation, via: joined.via ?? null, joinedAt }];
  });
}
