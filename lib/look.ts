import type { ClusterFailure } from "./cluster/cluster.ts";
import { joinedInThisLife } from "./condition.ts";
import { type Round, verdictOf } from "./contact-life.ts";
import type { Contact, NetworkRecord } from "./contacts/contacts.ts";
import type { Deps } from "./deps.ts";
import { clusterHeld } from "./hold.ts";
import { whereOf } from "./network-key.ts";
import { held, type Outcome } from "./outcome.ts";
import type { Peer } from "./peer.ts";
import type { Pod } from "./pod.ts";
import type { Scene, Seen, Verdict } from "./scene.ts";
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
}

/**
 * Reads again all that a step decides on: pods, then the health of all contacts and the joiner at once. A death is
 * waited out before the last probe, for its network is cleaning up; nothing should pass between that probe and a join.
 */
export async function look(deps: Deps, subject: Subject, record: NetworkRecord): Promise<Look> {
  const { network } = subject;
  const listed = await deps.cluster.listPods(whereOf(network));
  if (listed.tag === "failed") return { tag: "stop", outcome: clusterHeld(listed, network) };
  const pods = listed.tag === "pods" ? listed.pods : undefined;
  const joiner = await currentJoiner(deps, subject, pods);
  if (joiner !== undefined && "outcome" in joiner) return { tag: "stop", outcome: joiner.outcome };
  const stack = record.stack.length > 0 ? record.stack : stackFromConditions(deps, network, pods, joiner);
  const remaining = stack
    .toReversed()
    .map((contact) => ({ contact, pod: pods?.find((pod) => pod.uid === contact.uid) }));
  const restored = record.stack.length === 0 && stack.length > 0;
  if (record.quietMs > 0) await deps.clock.sleep(record.quietMs);
  return probeUntilQuiet(deps, { network, pods, joiner, remaining, hung: record.hung }, restored);
}

async function probeUntilQuiet(deps: Deps, first: Round, restored: boolean): Promise<Look> {
  const { network } = first;
  const dead: Contact[] = [];
  let round = first;
  for (let left = ROUNDS; ; left -= 1) {
    const probed = await probeAll(deps, round);
    if (probed.tag === "failed") return { tag: "stop", outcome: clusterHeld(probed, network) };
    dead.push(...probed.scene.dead);
    const scene: Scene = { ...probed.scene, dead, restored };
    const { remaining } = probed;
    // Without a death there is nothing to wait out; and the last one leaves nobody who cleans up.
    if (probed.scene.dead.length === 0 || remaining.length === 0) return { tag: "scene", scene };
    if (left === 0) {
      const message = `members of ${network} go away one after the other, ${dead.at(-1)?.name} last`;
      return { tag: "stop", outcome: held("NotQuiet", message, { network }), scene };
    }
    await deps.clock.sleep(QUIET_MS);
    round = { network, pods: first.pods, joiner: first.joiner, hung: first.hung, remaining };
  }
}

interface Probed {
  readonly tag: "probed";
  readonly scene: Omit<Scene, "restored">;
  /** All but the dead. */
  readonly remaining: readonly Seen[];
}

/** One round: contacts and joiner at once. */
async function probeAll(deps: Deps, round: Round): Promise<Probed | ClusterFailure> {
  const { joiner, remaining } = round;
  const probing = joiner && deps.lightpeer.probe(joiner.peer.address, deps.settings.probeTimeoutMs);
  const verdicts = await Promise.all(remaining.map((member) => verdictOf(deps, round, member)));
  const probe = (await probing) ?? "silent";
  const failure = verdicts.find((verdict) => typeof verdict === "object");
  if (failure !== undefined) return failure;
  const those = (verdict: Verdict): Seen[] => remaining.filter((_, index) => verdicts[index] === verdict);
  const contacts = (verdict: Verdict): Contact[] => those(verdict).map(({ contact }) => contact);
  const scene = {
    pods: round.pods,
    joiner: joiner && { ...joiner, probe },
    members: those("living"),
    dead: contacts("dead"),
    hung: contacts("hung"),
    lost: contacts("lost"),
    moved: contacts("moved"),
  };
  return { tag: "probed", scene, remaining: remaining.filter((_, index) => verdicts[index] !== "dead") };
}

/** The joiner as it is now. Only its identity was believed of the event. */
async function currentJoiner(
  deps: Deps,
  { network, joiner }: Subject,
  pods: readonly Pod[] | undefined,
): Promise<{ pod: Pod; peer: Peer } | { outcome: Outcome } | undefined> {
  if (joiner === undefined) return undefined;
  const found = await findPod(deps, joiner, pods);
  if (found !== undefined && "tag" in found) return { outcome: clusterHeld(found, network) };
  if (found?.network !== network) {
    const message = `${joiner.namespace}/${joiner.name} is not a pod of ${network} any more`;
    return { outcome: { name: "ignored", reason: "PodGone", message, pod: joiner, network } };
  }
  if (found.admission.tag === "peer") return { pod: found, peer: found.admission.peer };
  const { reason, message } = found.admission;
  return { outcome: { name: "ignored", reason, message, pod: joiner, network } };
}

/** A list can be behind: a pod that it does not show is asked for by name. */
async function findPod(
  deps: Deps,
  joiner: Pod,
  pods: readonly Pod[] | undefined,
): Promise<Pod | ClusterFailure | undefined> {
  if (pods === undefined) return joiner;
  const listed = pods.find(({ uid }) => uid === joiner.uid);
  if (listed !== undefined) return listed;
  const asked = await deps.cluster.getPod(joiner);
  if (asked.tag === "failed") return asked;
  return asked.tag === "pod" && asked.pod?.uid === joiner.uid ? asked.pod : undefined;
}

/** The stack as the pods' own conditions tell it, for a store that has lost it; oldest last, as a stack is. */
function stackFromConditions(
  deps: Deps,
  network: string,
  pods: readonly Pod[] | undefined,
  joiner: { readonly pod: Pod } | undefined,
): readonly Contact[] {
  const joinedAt = new Date(deps.clock.now()).toISOString();
  return (pods ?? []).flatMap((pod) => {
    const isMember = pod.network === network && pod.address !== undefined && joinedInThisLife(pod);
    if (!isMember || pod.uid === joiner?.pod.uid) return [];
    const { uid, namespace, name, incarnation, joined } = pod;
    return [{ uid, namespace, name, address: pod.address, incarnation, via: joined?.via ?? null, joinedAt }];
  });
}
