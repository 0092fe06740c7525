import type { ClusterFailure } from "../../lib/cluster/cluster.ts";
import type { Contact, Intent, LogEntry, NetworkView } from "../../lib/store/contacts.ts";
import type { Deps } from "../../lib/deps.ts";
import { whereOf } from "../../lib/pod/network-key.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { type NotIn, notIn, podKey } from "./not-in.ts";

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
  /** How often it was re-formed. */
  readonly generation: number;
  /** A step is changing it now. */
  readonly leased: boolean;
  /** What a step is about to do or, while it is not leased, has left half-done. */
  readonly intent?: Intent;
  /** A member died since the last join, re-form or visit. */
  readonly deaths: boolean;
  /** Newest first. */
  readonly members: readonly Member[];
  readonly notIn: readonly NotIn[];
  /** Newest first. */
  readonly log: readonly LogEntry[];
}

/** Could the API server be asked of the pods? */
export type Sight = { readonly tag: "seen" } | ClusterFailure;

/** All networks and all labelled pods, at one moment. */
export interface Status {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly cluster: Sight;
  readonly networks: readonly NetworkStatus[];
  /** Pods that belong to no network: their label is empty. */
  readonly unplaced: readonly NotIn[];
}

export type StatusReading =
  | { readonly tag: "status"; readonly status: Status }
  /** The store could not be read, and without it nothing can be told. */
  | { readonly tag: "failed"; readonly message: string };

export type StatusDeps = Pick<Deps, "contacts" | "cluster" | "clock">;

/** Reads what klight knows of every network: one LIST, two reads of the store, nothing of the peers. */
export async function readStatus({ contacts, cluster, clock }: StatusDeps): Promise<StatusReading> {
  const [listed, known] = await Promise.all([cluster.listPods({}), contacts.networks()]);
  if (known.tag === "failed") return known;
  const pods = listed.tag === "pods" ? listed.pods : [];
  const placed = Map.groupBy(pods, ({ network }) => network);
  const labelled = pods.flatMap(({ network }) => network ?? []);
  const read = await contacts.read([...new Set([...known.networks, ...labelled])].sort());
  if (read.tag === "failed") return read;
  const sight: Sight = listed.tag === "pods" ? { tag: "seen" } : listed;
  const byUid = listed.tag === "pods" ? new Map(pods.map((pod) => [pod.uid, pod])) : undefined;
  const networks = read.views.map((view) => networkStatus(view, placed.get(view.network) ?? [], byUid));
  const unplaced = (placed.get(undefined) ?? []).map((pod) => notIn(pod, undefined)).sort(byPod);
  const at = new Date(clock.now()).toISOString();
  return { tag: "status", status: { at, cluster: sight, networks, unplaced } };
}

/** `byUid`: the pods of all networks; undefined: not known. */
function networkStatus(
  view: NetworkView,
  pods: readonly Pod[],
  byUid: ReadonlyMap<string, Pod> | undefined,
): NetworkStatus {
  const { network, generation, leased, intent, deaths, stack, hung, log } = view;
  const { namespace, networkId: id } = whereOf(network);
  const lives = new Set(stack.map(lifeKey));
  return {
    network,
    ...(namespace !== undefined && { namespace }),
    id,
    generation,
    leased,
    ...(intent && { intent }),
    deaths,
    members: stack.map((contact) => memberOf(contact, hung[contact.incarnation], byUid)),
    notIn: pods
      .filter((pod) => !lives.has(lifeKey(pod)))
      .map((pod) => notIn(pod, view))
      .sort(byPod),
    log,
  };
}

function memberOf(
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

const byPod = (a: NotIn, b: NotIn): number => (a.pod < b.pod ? -1 : 1);
