import { JOINED_CONDITION, parseJoined } from "./condition.ts";
import { networkKey } from "./network-key.ts";
import type { PodName } from "../outcome.ts";
import type { Peer } from "./peer.ts";
import { type PeerPort, peerContainer, peerPort, statusOf } from "./container.ts";
import { type PodObject, podObject, problemsOf } from "./pod-object.ts";
import type { Reason } from "../reasons.ts";

/** What the pod's own condition `klight.dev/joined` says, parsed; parts that it does not name are absent. */
export interface Joined {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  readonly network?: string;
  readonly incarnation?: string;
  /** The network that this life of the peer was in last, where that is another one. */
  readonly was?: string;
  readonly via?: string;
  readonly generation?: number;
}

/** What klight reads from a pod object. */
export interface Pod extends PodName {
  readonly uid: string;
  /** Network key; absent where the label is absent or empty. */
  readonly network?: string;
  /** `host:port`; absent without an IP or with a bad port. */
  readonly address?: string;
  /** Name of the container that runs the lightpeer; absent where it cannot be told. */
  readonly container?: string;
  readonly incarnation: string;
  readonly deleting: boolean;
  /** The pod's condition Ready. */
  readonly ready: boolean;
  /** Since when the pod is not Ready, in ms since 1970; absent where it is Ready or has no such condition. */
  readonly unreadySince?: number;
  readonly joined?: Joined;
  /** Since when {@link joined} has its status, in ms since 1970; absent where it does not say. */
  readonly joinedSince?: number;
  /** May its peer be joined now? */
  readonly admission:
    | { readonly tag: "peer"; readonly peer: Peer }
    | { readonly tag: "ignored"; readonly reason: Reason<"ignored">; readonly message: string };
}

/** Which pods are read, and how. */
export interface PodRules {
  readonly scope: "namespace" | "cluster";
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly defaultPort: number;
}

/** `invalid`: not a pod object; each problem names the path and the value received. */
export type PodReading =
  | { readonly tag: "pod"; readonly pod: Pod }
  | { readonly tag: "invalid"; readonly problems: readonly string[] };

/** Reads a pod object as the API server or an event has it. What it does not need may be there or not. */
export function readPod(input: unknown, rules: PodRules): PodReading {
  const parsed = podObject.safeParse(input, { reportInput: true });
  return parsed.success
    ? { tag: "pod", pod: podOf(parsed.data, rules) }
    : { tag: "invalid", problems: problemsOf(parsed.error) };
}

function podOf(object: PodObject, rules: PodRules): Pod {
  const { uid, namespace, name, deletionTimestamp } = object.metadata;
  const port = peerPort(object, rules.defaultPort);
  const container = peerContainer(object, port);
  const status = statusOf(object, container);
  const ready = conditionOf(object, "Ready");
  const joined = conditionOf(object, JOINED_CONDITION);
  const facts = {
    uid,
    namespace,
    name,
    ...optional("network", networkOf(object, rules)),
    ...optional("address", addressOf(object, port)),
    ...optional("container", container),
    // The kubelet writes an empty containerID while the container waits.
    incarnation: status?.containerID || uid,
    deleting: typeof deletionTimestamp === "string",
    ready: ready?.status === "True",
    ...optional("unreadySince", ready?.status === "True" ? undefined : sinceOf(ready)),
    ...optional("joined", joined && parseJoined(joined)),
    ...optional("joinedSince", sinceOf(joined)),
  };
  const notReady = status !== undefined && status.ready !== true ? status.name : undefined;
  return { ...facts, admission: admit(facts, { object, rules, port, notReady }) };
}

type Facts = Omit<Pod, "admission">;
type Condition = NonNullable<PodObject["status"]>["conditions"][number];

/** The property, or nothing where there is no value: absent is not the same as undefined. */
const optional = <Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });

const conditionOf = ({ status }: PodObject, type: string): Condition | undefined =>
  status?.conditions.find((condition) => condition.type === type);

const labelOf = ({ metadata }: PodObject): string | undefined =>
  metadata.labels?.["klight.networkId"] ?? undefined;

function networkOf(object: PodObject, { scope }: PodRules): string | undefined {
  const id = labelOf(object);
  return id === undefined || id === "" ? undefined : networkKey(scope, object.metadata.namespace, id);
}

function addressOf({ status }: PodObject, port: PeerPort): string | undefined {
  const ip = status?.podIP || status?.podIPs[0]?.ip;
  if (!ip || port.tag === "bad") return undefined;
  return `${ip.includes(":") ? `[${ip}]` : ip}:${port.port}`;
}

/** Since when a condition has its status, in ms since 1970. */
const sinceOf = (condition: Condition | undefined): number | undefined =>
  typeof condition?.lastTransitionTime === "string" ? Date.parse(condition.lastTransitionTime) : undefined;

interface Circumstances {
  readonly object: PodObject;
  readonly rules: PodRules;
  readonly port: PeerPort;
  /** The lightpeer's container, where it is known and not ready. */
  readonly notReady: string | undefined;
}

function admit(facts: Facts, circumstances: Circumstances): Pod["admission"] {
  const ignored = notMeant(facts, circumstances) ?? notYet(facts, circumstances);
  if (ignored !== undefined) return { tag: "ignored", ...ignored };
  const { uid, namespace, name, network = "", address = "", incarnation } = facts;
  return { tag: "peer", peer: { uid, namespace, name, network, address, incarnation } };
}

interface Ignored {
  readonly reason: Reason<"ignored">;
  readonly message: string;
}

/** Reasons that stay until somebody changes the pod or klight's settings. */
function notMeant(
  { namespace, name, deleting }: Facts,
  { object, rules, port }: Circumstances,
): Ignored | undefined {
  const label = labelOf(object);
  if (label === undefined) return { reason: "NoLabel", message: `${name} has no label klight.networkId` };
  if (label === "")
    return { reason: "EmptyNetworkId", message: `The label klight.networkId of ${name} is empty` };
  if (rules.namespaces.length > 0 && !rules.namespaces.includes(namespace)) {
    return {
      reason: "OutOfScope",
      message: `klight does not look after the namespace ${namespace} of ${name}`,
    };
  }
  if (deleting) return { reason: "BeingDeleted", message: `${name} is being deleted` };
  if (port.tag === "bad") {
    const value = JSON.stringify(port.annotation);
    return { reason: "BadPort", message: `The annotation klight.dev/port of ${name} is ${value}` };
  }
  return undefined;
}

/** Reasons that pass while the pod starts. */
function notYet({ name, address }: Facts, { object, notReady }: Circumstances): Ignored | undefined {
  const phase = object.status?.phase ?? "unknown";
  if (phase !== "Running") return { reason: "NotRunning", message: `The phase of ${name} is ${phase}` };
  if (address === undefined) return { reason: "NoAddress", message: `${name} has no IP address yet` };
  if (notReady !== undefined) {
    return { reason: "ContainerNotReady", message: `The container ${notReady} of ${name} is not ready` };
  }
  return undefined;
}
