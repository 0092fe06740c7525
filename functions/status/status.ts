import type { ClusterFailure } from "../../lib/cluster/cluster.ts";
import type { Contact, Intent, LogEntry, NetworkView } from "../../lib/store/contacts.ts";
import type { Deps } from "../../lib/deps.ts";
import { whereOf } from "../../lib/pod/network-key.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { inOrder } from "./in-order.ts";
import { type NotIn, notIn } from "./not-in.ts";
import { addressShared, explained, podKey, type Trouble, troublesOf } from "./trouble.ts";

/** A peer that is in, as the stack has it. */
export interface Member {
  /** `NAMESPACE/NAME`. */
  readonly pod: string;
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  /** Name of the pod that it was joined through; null for a founder and for one that came in by a re-form. */
  readonly via: string | null;
  /** RFC 3339, UTC. */
  readonly joinedAt: string;
  readonly incarnation: string;
  /** For how many ms it has been known not to answer; absent where it answers. */
  readonly hungMs?: number;
  /** What is odd about its pod; absent where nothing is, and where the API server could not be asked. */
  readonly podIs?: "gone" | "another life" | "being deleted" | "not ready";
}

export interface NetworkStatus {
  /** Its key: `NAMESPACE/ID`, or `ID` with `KLIGHT_SCOPE=cluster`. */
  readonly network: string;
  /** Absent with `KLIGHT_SCOPE=cluster`. */
  readonly namespace?: string;
  readonly id: string;
  /**
   * How it stands: `help`: somebody should look; `unknown`: its pods cannot be seen now; `wait`: something is under way;
   * `well`: nothing is missing.
   */
  readonly level: "help" | "unknown" | "wait" | "well";
  /** How often it was re-formed. */
  readonly generation: number;
  /** A step is changing it now. */
  readonly leased: boolean;
  /** What a step is about to do or, while it is not leased, has left half-done. */
  readonly intent?: Intent;
  /** A member died since the last join, re-form or visit. */
  readonly deaths: boolean;
  /** What is not as it should be in the network itself. */
  readonly troubles: readonly Trouble[];
  /** Newest first. */
  readonly members: readonly Member[];
  /** Those that need help first. */
  readonly notIn: readonly NotIn[];
  /** Newest first. */
  readonly log: readonly LogEntry[];
}

/** Could the pods be read? */
export type ClusterReading = { readonly tag: "seen" } | ClusterFailure;

/** All networks and all labelled pods, at one moment. */
export interface Status {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly cluster: ClusterReading;
  /** When the pods were as they are told of, RFC 3339; null: they have not been seen. */
  readonly podsSeenAt: string | null;
  /** Those that need help first. */
  readonly networks: readonly NetworkStatus[];
  /** Pods that belong to no network: their label is empty. */
  readonly unplaced: readonly NotIn[];
}

export type StatusReading =
  | { readonly tag: "status"; readonly status: Status }
  /** The store could not be read at this time, RFC 3339, and without it nothing can be told. `last`: what was before. */
  | { readonly tag: "failed"; readonly message: string; readonly at: string; readonly last?: Status };

export type StatusDeps = Pick<Deps, "contacts" | "cluster" | "clock">;

/** Pods as they were at a time, ms since 1970. */
interface SeenPods {
  readonly pods: readonly Pod[];
  readonly at: number;
}

/**
 * Reads what klight knows of every network: one LIST, two reads of the store, nothing of the peers. Whoever asks while
 * it reads gets the same answer. What cannot be read is told as it was when it could, as far as this instance knows.
 */
export function createStatusReader(deps: StatusDeps): () => Promise<StatusReading> {
  let seen: SeenPods | undefined;
  let last: Status | undefined;
  let underWay: Promise<StatusReading> | undefined;
  const read = async (): Promise<StatusReading> => {
    const listed = await deps.cluster.listPods({});
    if (listed.tag === "pods") seen = { pods: listed.pods, at: deps.clock.now() };
    const known = await viewsOf(deps, seen?.pods ?? []);
    if (known.tag === "failed")
      return { ...known, at: isoTime(deps.clock.now()), ...(last && { last: asItWas(last) }) };
    const cluster: ClusterReading = listed.tag === "pods" ? { tag: "seen" } : listed;
    last = statusOf({ cluster, seen, views: known.views }, deps.clock.now());
    return { tag: "status", status: last };
  };
  return () =>
    (underWay ??= read().finally(() => {
      underWay = undefined;
    }));
}

/** Nobody knows whether what was well still is. */
const asItWas = (status: Status): Status => ({
  ...status,
  networks: status.networks.map((network) =>
    isInNeed(network) ? network : { ...network, level: "unknown" },
  ),
});

/** What the store knows of all networks, also of those that only a pod's label tells of. */
async function viewsOf(
  { contacts }: StatusDeps,
  pods: readonly Pod[],
): ReturnType<StatusDeps["contacts"]["read"]> {
  const known = await contacts.networks();
  if (known.tag === "failed") return known;
  const labelled = pods.flatMap(({ network }) => network ?? []);
  return contacts.read([...new Set([...known.networks, ...labelled])]);
}

interface StatusFacts {
  readonly cluster: ClusterReading;
  /** Undefined: never. */
  readonly seen: SeenPods | undefined;
  readonly views: readonly NetworkView[];
}

/** How all networks stand. `now`: ms since 1970. */
export function statusOf({ cluster, seen, views }: StatusFacts, now: number): Status {
  const pods = seen?.pods ?? [];
  const placed = Map.groupBy(pods, ({ network }) => network);
  // Of a pod that was seen some time ago nobody knows what it is now.
  const byUid = cluster.tag === "seen" ? new Map(pods.map((pod) => [pod.uid, pod])) : undefined;
  const byAddress = Map.groupBy(pods, ({ address }) => address);
  const gaps = (those: readonly Pod[], view: NetworkView | undefined): readonly NotIn[] =>
    those
      .flatMap((pod) => notIn(pod, view, now) ?? [])
      .sort((a, b) => Number(b.needsHelp) - Number(a.needsHelp) || inOrder(a.pod, b.pod));
  const networks = views
    .map((view) => {
      const lives = new Set(view.stack.map(lifeKey));
      const others = (placed.get(view.network) ?? []).filter((pod) => !lives.has(lifeKey(pod)));
      return networkStatus(view, { notIn: gaps(others, view), byUid, byAddress, now });
    })
    .sort((a, b) => Number(isInNeed(b)) - Number(isInNeed(a)) || inOrder(a.network, b.network));
  return {
    at: isoTime(now),
    cluster,
    podsSeenAt: seen === undefined ? null : isoTime(seen.at),
    networks,
    unplaced: gaps(placed.get(undefined) ?? [], undefined),
  };
}

export const isoTime = (ms: number): string => new Date(ms).toISOString();

const isInNeed = ({ level }: NetworkStatus): boolean => level === "help";

function networkStatus(
  view: NetworkView,
  {
    notIn: gaps,
    byUid,
    byAddress,
    now,
  }: {
    readonly notIn: readonly NotIn[];
    /** The pods of all networks; undefined: they cannot be seen now. */
    readonly byUid: ReadonlyMap<string, Pod> | undefined;
    readonly byAddress: ReadonlyMap<string | undefined, readonly Pod[]>;
    readonly now: number;
  },
): NetworkStatus {
  const { network, generation, leased, intent, deaths, stack, hung, log } = view;
  const { namespace, networkId: id } = whereOf(network);
  const troubles = [...troublesOf(view, now), ...sharedMembers(stack, { byUid, byAddress, now })];
  const isWaiting = leased || troubles.length + gaps.length > 0;
  const calm = byUid === undefined ? "unknown" : isWaiting ? "wait" : "well";
  return {
    network,
    ...(namespace !== undefined && { namespace }),
    id,
    level: [...troubles, ...gaps].some(({ needsHelp }) => needsHelp) ? "help" : calm,
    generation,
    leased,
    ...(intent && { intent }),
    deaths,
    troubles,
    members: stack.map((contact) => memberStatus(contact, hung[contact.incarnation], byUid)),
    notIn: gaps,
    log,
  };
}

/** Members at whose address another pod runs: that one is not let in, and what answers there may be its process. */
const sharedMembers = (
  stack: readonly Contact[],
  { byUid, byAddress, now }: Pick<Parameters<typeof networkStatus>[1], "byUid" | "byAddress" | "now">,
): readonly Trouble[] =>
  stack.flatMap(({ uid }) => {
    const pod = byUid?.get(uid);
    const shared = pod && addressShared(pod, byAddress.get(pod.address) ?? []);
    return shared ? [explained(shared, now)] : [];
  });

function memberStatus(
  contact: Contact,
  hungMs: number | undefined,
  pods: ReadonlyMap<string, Pod> | undefined,
): Member {
  const { namespace, name, address, via, joinedAt, incarnation } = contact;
  const odd = pods && oddityOf(contact, pods.get(contact.uid));
  return {
    pod: podKey(contact),
    namespace,
    name,
    address,
    via,
    joinedAt,
    incarnation,
    ...(hungMs !== undefined && { hungMs }),
    ...(odd !== undefined && { podIs: odd }),
  };
}

function oddityOf(contact: Contact, pod: Pod | undefined): Member["podIs"] {
  if (pod === undefined) return "gone";
  if (pod.incarnation !== contact.incarnation) return "another life";
  if (pod.deleting) return "being deleted";
  return pod.ready ? undefined : "not ready";
}

const lifeKey = ({ uid, incarnation }: { readonly uid: string; readonly incarnation: string }): string =>
  `${uid} ${incarnation}`;
