import { networkBefore } from "../pod/network-before.ts";
import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Round } from "./contact-health.ts";
import type { Contact } from "../store/contacts.ts";
import type { Deps } from "../deps.ts";
import { clusterHeld } from "./cluster-held.ts";
import { whereOf } from "../pod/network-key.ts";
import type { Outcome } from "../outcome.ts";
import type { Peer } from "../pod/peer.ts";
import type { Pod } from "../pod/pod.ts";

/** Whose pods are read. */
export interface Subject {
  readonly network: string;
  /** The pod that should be in, as the event showed it. */
  readonly joiner?: Pod;
}

/** The pods of the network, and what they say of the joiner and of the contacts known, newest first. */
export async function readPods(
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
  const pods = listed.pods.filter((pod) => pod.network === network);
  const joiner = await currentJoiner(deps, subject, { pods, known });
  if (joiner !== undefined && "outcome" in joiner) return joiner;
  const stack = known ?? stackFromConditions(deps, network, listed.pods, joiner);
  const remaining = stack
    .toReversed()
    .map((contact) => ({ contact, pod: pods.find((pod) => pod.uid === contact.uid) }));
  return { pods, joiner, remaining };
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
  readonly pods: readonly Pod[];
  readonly known: readonly Contact[] | undefined;
}

/** A list can be behind: a pod that it does not show, or in another life than the stack, is asked for by name. */
async function findPod(
  deps: Deps,
  joiner: Pod,
  { pods, known = [] }: Listed,
): Promise<Pod | ClusterFailure | undefined> {
  const isIt = ({ uid }: { readonly uid: string }): boolean => uid === joiner.uid;
  const listed = pods.find(isIt);
  const contact = known.find(isIt);
  if (listed && (contact === undefined || contact.incarnation === listed.incarnation)) return listed;
  const asked = await deps.cluster.getPod(joiner);
  if (asked.tag === "failed") return asked;
  return asked.pod && isIt(asked.pod) ? asked.pod : undefined;
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
