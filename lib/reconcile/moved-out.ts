import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Step } from "./move.ts";
import type { PodName } from "../outcome.ts";
import { carriedBy, networkBefore } from "../pod/network-before.ts";
import { joinedInThisLife, type Pod } from "../pod/pod.ts";
import type { Contact, Intent } from "../store/contacts.ts";

type PodsAsked = { readonly tag: "pods"; readonly pods: readonly Pod[] } | ClusterFailure;

/**
 * Pods of other networks whose peers may have been in this one: a contact of it, or whom a step that died was for. Only
 * what their pods say of it leads to a re-form of their own network, which may have them as members that do not know it.
 * Of the leaver that is known, but where it says that it alone has what is stored, which the others have now.
 */
export function movedOut({ deps, target, lease: { network }, record, seen }: Step): Promise<PodsAsked> {
  const { leaver } = target;
  const carries = carriedBy(leaver?.pod) === network;
  const moved = seen.moved.filter(({ incarnation }) => carries || incarnation !== leaver?.incarnation);
  return podsThat(deps, [...moved, ...podsOfIntent(record.intent)], (pod) => isUntold(pod, network));
}

/**
 * Pods of peers that leave this network, in which nobody is left, and that do not say yet that they take along what is
 * stored there.
 */
export function lastOnes({ deps, target, lease: { network }, seen }: Step): Promise<PodsAsked> {
  const { leaver, hasLeft = leaver } = target;
  const others = seen.moved.filter(({ incarnation }) => incarnation !== hasLeft?.incarnation);
  return podsThat(
    deps,
    hasLeft ? [...others, hasLeft] : others,
    (pod, { incarnation }) =>
      pod.incarnation === incarnation &&
      pod.network !== network &&
      pod.address !== undefined &&
      !pod.finished &&
      carriedBy(pod) !== network,
  );
}

async function podsThat<Name extends PodName>(
  { cluster }: Step["deps"],
  names: readonly Name[],
  isWanted: (pod: Pod, name: Name) => boolean,
): Promise<PodsAsked> {
  const pods: Pod[] = [];
  for (const name of names) {
    const asked = await cluster.getPod(name);
    if (asked.tag === "failed") return asked;
    if (asked.pod && isWanted(asked.pod, name)) pods.push(asked.pod);
  }
  return { tag: "pods", pods };
}

/** The pod that a step which died was for. */
export const podsOfIntent = (intent: Intent | undefined): readonly PodName[] => {
  const [namespace, name] = intent?.pod?.split("/") ?? [];
  return namespace === undefined || name === undefined ? [] : [{ namespace, name }];
};

/** A pod that runs for another network and does not say yet that its peer was in this one, and left its history here. */
const isUntold = (pod: Pod, network: string): boolean =>
  pod.network !== undefined &&
  pod.network !== network &&
  pod.address !== undefined &&
  (networkBefore(pod) !== network || carriedBy(pod) === network);

/**
 * Who has another label now and answers. In a stack put together from conditions may be one that has gone to its new network
 * already: whoever says so has, and whoever is on that network's stack.
 */
export async function notYetElsewhere({ deps, seen }: Step): Promise<readonly Contact[]> {
  const moved = seen.moved.filter(({ address }) => !seen.silent.includes(address));
  if (!seen.restored) return moved;
  const asked = await Promise.all(moved.map((contact) => deps.cluster.getPod(contact)));
  if (asked.some(({ tag }) => tag === "failed")) return [];
  const pods = asked.flatMap((answer) => (answer.tag === "pod" && answer.pod ? [answer.pod] : []));
  const read = await deps.contacts.read([...new Set(pods.flatMap(({ network }) => network ?? []))]);
  if (read.tag === "failed") return [];
  const members = [...read.views.flatMap(({ stack }) => stack), ...pods.filter(joinedInThisLife)];
  const elsewhere = new Set(members.map(({ uid }) => uid));
  return moved.filter(({ uid }) => !elsewhere.has(uid));
}
