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
  if (record.quietMs > 0) await deps.clock.sleep(record.quietMs);
  return probeUntilQuiet(deps, { network, pods, joiner, remaining, hung: record.hung }, record);
}

async function probeUntilQuiet(deps: Deps, first: Round, record: NetworkRecord): Promise<Look> {
  const { network } = first;
  const dead: Contact[] = [];
  let round = first;
  for (let left = ROUNDS; ; left -= 1) {
    const probing =
      round.joiner && deps.lightpeer.probe(round.joiner.peer.address, deps.settings.probeTimeoutMs);
    const verdicts = await Promise.all(round.remaining.map((member) => verdictOf(deps, round, member)));
    const probe = await probing;
    const failure = verdicts.find((verdict) => typeof verdict === "object");
    if (failure !== undefined) return { tag: "stop", outcome: clusterHeld(failure, network) };
    const those = (verdict: Verdict): Seen[] =>
      round.remaining.filter((_, index) => verdicts[index] === verdict);
    const died = those("dead").map(({ contact }) => contact);
    dead.push(...died);
    const scene: Scene = {
      pods: round.pods,
      joiner: round.joiner && { ...round.joiner, probe: probe ?? "silent" },
      members: those("living"),
      dead,
      hung: those("hung").map(({ contact }) => contact),
      lost: those("lost").map(({ contact }) => contact),
      moved: those("moved").map(({ contact }) => contact),
      restored: record.stack.length === 0 && first.remaining.length > 0,
    };
    round = { ...round, remaining: round.remaining.filter((_, index) => verdicts[index] !== "dead") };
    // Without a death there is nothing to wait out; and the last one leaves nobody who cleans up.
    if (died.length === 0 || round.remaining.length === 0) return { tag: "scene", scene };
    if (left === 0) {
      const message = `members of ${network} go away one after the other, ${died[0]?.name} last`;
      return { tag: "stop", outcome: held("NotQuiet", message, { network }), scene };
    }
    await deps.clock.sleep(QUIET_MS);
  }
}

/** The joiner as it is now. Only its identity was believed of the event. */
async function currentJoiner(
  deps: Deps,
  { network, joiner }: Subject,
  pods: readonly Pod[] | undefined,
): Promise<{ pod: Pod; peer: Peer } | { outcome: Outcome } | undefined> {
  if (joiner === undefined) return undefined;
  let pod = pods === undefined ? joiner : pods.find(({ uid }) => uid === joiner.uid);
  if (pod === undefined) {
    const asked = await deps.cluster.getPod(joiner);
    if (asked.tag === "failed") return { outcome: clusterHeld(asked, network) };
    pod = asked.tag === "pod" && asked.pod?.uid === joiner.uid ? asked.pod : undefined;
  }
  const named = { pod: joiner, network };
  if (pod === undefined || pod.network !== network) {
    const message = `${joiner.namespace}/${joiner.name} is not a pod of ${network} any more`;
    return { outcome: { ...named, name: "ignored", reason: "PodGone", message } };
  }
  if (pod.admission.tag === "ignored")
    return { outcome: { ...named, name: "ignored", ...reasonOf(pod.admission) } };
  return { pod, peer: pod.admission.peer };
}

const reasonOf = ({ reason, message }: Extract<Pod["admission"], { tag: "ignored" }>) => ({
  reason,
  message,
});

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
