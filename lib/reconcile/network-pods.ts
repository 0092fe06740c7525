import { networkBefore } from "../pod/network-before.ts";
import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Contact } from "../store/contacts.ts";
import type { Deps } from "../deps.ts";
import type { KnownContact } from "./observation.ts";
import type { Origin, Target } from "./plan.ts";
import { clusterHeld } from "../cluster/cluster-held.ts";
import { whereOf } from "../pod/network-key.ts";
import type { Outcome } from "../outcome.ts";
import type { Peer } from "../pod/peer.ts";
import type { Pod } from "../pod/pod.ts";

/** What the API server shows of a network. */
export interface PodsOfNetwork {
  readonly tag: "pods";
  readonly pods: readonly Pod[];
  /** The pod that should be in, as it is now. */
  readonly joiner: { readonly pod: Pod; readonly peer: Peer } | undefined;
  /** Contacts that nothing is known against yet, oldest first. */
  readonly remaining: readonly KnownContact[];
}

type Stop = { readonly tag: "stop"; readonly outcome: Outcome };

/** The pods of the network, and what they say of the joiner and of the contacts known, newest first. */
export async function readNetworkPods(
  deps: Deps,
  target: Target,
  known: readonly Contact[] | undefined,
): Promise<PodsOfNetwork | Stop> {
  const { network } = target;
  const { namespace, networkId } = whereOf(network);
  const inNamespace = namespace === undefined ? {} : { namespace };
  // Without a stack a pod of another network may say that its peer is still in this one.
  const which = known ? { networkId } : { mentioning: networkId };
  const listed = await deps.cluster.listPods({ ...inNamespace, ...which });
  if (listed.tag === "failed") return { tag: "stop", outcome: clusterHeld(listed, network) };
  const pods = listed.pods.filter((pod) => pod.network === network);
  const current = target.joiner && (await currentJoiner(deps, target, target.joiner, { pods, known }));
  if (current?.tag === "stop") return current;
  const stack = known
    ? known.map((contact) => ({ contact, pod: pods.find((pod) => pod.uid === contact.uid) }))
    : await stackFromConditions(deps, network, listed.pods, current);
  if ("tag" in stack) return { tag: "stop", outcome: clusterHeld(stack, network) };
  const remaining = stack.toReversed();
  return { tag: "pods", pods, joiner: current && { pod: current.pod, peer: current.peer }, remaining };
}

/** The joiner as it is now. Only its identity was believed of the event. */
async function currentJoiner(
  deps: Deps,
  { network, from }: Target,
  joiner: Pod,
  seen: ListedPods,
): Promise<{ readonly tag: "joiner"; readonly pod: Pod; readonly peer: Peer } | Stop> {
  const found = await findPod(deps, { joiner, from }, seen);
  if (found.tag === "failed") return { tag: "stop", outcome: clusterHeld(found, network) };
  const { pod } = found;
  if (pod?.network !== network) {
    const message = `${joiner.namespace}/${joiner.name} is not a pod of ${network} any more`;
    return {
      tag: "stop",
      outcome: { name: "ignored", reason: "PodGone", message, pod: joiner, network },
    };
  }
  if (pod.admission.tag === "peer") return { tag: "joiner", pod, peer: pod.admission.peer };
  const { reason, message } = pod.admission;
  return { tag: "stop", outcome: { name: "ignored", reason, message, pod: joiner, network } };
}

/** What the list has of the network, and what the store has. */
interface ListedPods {
  readonly pods: readonly Pod[];
  readonly known: readonly Contact[] | undefined;
}

/**
 * A list can be behind: a pod that it does not show, or in another life than the stack, is asked for by name. So is one that
 * comes from another network, for its condition says what it brings along.
 */
async function findPod(
  deps: Deps,
  { joiner, from }: { readonly joiner: Pod; readonly from: Origin | undefined },
  { pods, known = [] }: ListedPods,
): Promise<{ readonly tag: "pod"; readonly pod: Pod | undefined } | ClusterFailure> {
  const isIt = ({ uid }: { readonly uid: string }): boolean => uid === joiner.uid;
  const listed = pods.find(isIt);
  const contact = known.find(isIt);
  if (listed && from === undefined && (contact === undefined || contact.incarnation === listed.incarnation))
    return { tag: "pod", pod: listed };
  const asked = await deps.cluster.getPod(joiner);
  if (asked.tag === "failed") return asked;
  return { tag: "pod", pod: asked.pod && isIt(asked.pod) ? asked.pod : undefined };
}

/**
 * The stack as the pods' own conditions tell it, for a store that has lost it; oldest last, as a stack is. A list can be
 * behind, and whoever says there that it is in may be in another network by now, so each is asked for by name.
 */
async function stackFromConditions(
  { cluster, clock }: Deps,
  network: string,
  pods: readonly Pod[],
  joiner: { readonly pod: Pod } | undefined,
): Promise<readonly KnownContact[] | ClusterFailure> {
  const joinedAt = new Date(clock.now()).toISOString();
  const stack: KnownContact[] = [];
  const claims = pods.filter((pod) => pod.uid !== joiner?.pod.uid && contactSaid(pod, network, joinedAt));
  for (const asked of await Promise.all(claims.map((pod) => cluster.getPod(pod)))) {
    if (asked.tag === "failed") return asked;
    const { pod } = asked;
    const contact = pod && contactSaid(pod, network, joinedAt);
    if (contact) stack.push({ contact, pod: pod.network === network ? pod : undefined });
  }
  return stack;
}

/** A pod that says that this life of its peer is in the network, whatever its label is. */
function contactSaid(pod: Pod, network: string, joinedAt: string): Contact | undefined {
  const { uid, namespace, name, incarnation, joined, finished } = pod;
  // Where it was when it came in: the others have it there, and it may have another address since.
  const address = pod.address && (joined?.address ?? pod.address);
  if (joined?.status !== "True" || networkBefore(pod) !== network || finished || !address) return undefined;
  return { uid, namespace, name, address, incarnation, via: joined.via ?? null, joinedAt };
}
