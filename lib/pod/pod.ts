import { FIELD_MANAGER, JOINED_CONDITION, type Joined, parseJoined, REFORM_ANNOTATION } from "./condition.ts";
import { networkKey } from "./network-key.ts";
import type { PodName } from "../outcome.ts";
import { type Admission, admit, hasFinished } from "./admission.ts";
import { containerLife, msOf, type PeerPort, peerContainer, peerPort } from "./container.ts";
import { type PodObject, podObject, problemsOf } from "./pod-object.ts";

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
  /**
   * This life of the peer is proven to be over: the pod's phase is Succeeded or Failed, or the container that it names
   * has terminated. Whoever answers at its address is somebody else. False: not proven, whatever its peer says.
   */
  readonly finished: boolean;
  readonly deleting: boolean;
  /** Since when the lightpeer's container runs; else since when there is the pod. In ms since 1970; absent: not known. */
  readonly aliveSince?: number;
  /** The pod's condition Ready. */
  readonly ready: boolean;
  /** Since when the pod is not Ready, in ms since 1970; absent where it is Ready or has no such condition. */
  readonly unreadySince?: number;
  /**
   * Since when the lightpeer's container is not ready at the latest, in ms since 1970; absent where it is ready, and where
   * the pod does not prove it: with several containers no time is told of a single one.
   */
  readonly containerUnreadySince?: number;
  readonly joined?: Joined;
  /** No write of the pod is newer than klight's own last one, as far as whole seconds tell. */
  readonly ownWrite?: true;
  /** Since when {@link joined} has its status, in ms since 1970; absent where it does not say. */
  readonly joinedSince?: number;
  /** Value of the annotation `klight.dev/reform`; absent where there is none, or an empty one. */
  readonly reformAsked?: string;
  readonly admission: Admission;
}

/**
 * Does the pod's own condition say that this life of its peer is in the network of its label, at its address? Not once it
 * is over. A condition that an older klight has written tells no address.
 */
export const joinedInThisLife = ({ joined, network, incarnation, address, finished }: Pod): boolean =>
  !finished &&
  joined?.status === "True" &&
  network !== undefined &&
  joined.network === network &&
  joined.incarnation === incarnation &&
  (joined.address ?? address) === address;

/** Is this all that has changed of the pod: klight's own word that this life of its peer is not in the network of its label? */
export const isOwnWord = ({ ownWrite, joined, network, incarnation, address, deleting }: Pod): boolean =>
  ownWrite === true &&
  !deleting &&
  joined?.status === "False" &&
  network !== undefined &&
  joined.network === network &&
  joined.incarnation === incarnation &&
  joined.address === address;

/** Is this life over, and no other of its pod to come? A container that has only terminated may run again, at its address. */
export const endedForGood = ({ finished, deleting, admission }: Pod): boolean =>
  finished && (deleting || (admission.tag === "ignored" && admission.reason === "Finished"));

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
    ? { tag: "pod", pod: podFrom(parsed.data, rules) }
    : { tag: "invalid", problems: problemsOf(parsed.error) };
}

function podFrom(object: PodObject, rules: PodRules): Pod {
  const { uid, namespace, name, deletionTimestamp } = object.metadata;
  const port = peerPort(object, rules.defaultPort);
  const container = peerContainer(object, port);
  const life = containerLife(object, container);
  const ready = conditionOf(object, "Ready");
  const joined = conditionOf(object, JOINED_CONDITION);
  const facts = {
    uid,
    namespace,
    name,
    ...optional("network", networkOf(object, rules)),
    ...optional("address", peerAddressOf(object, port)),
    ...optional("container", container),
    incarnation: life.containerID ?? uid,
    finished: hasFinished(object) || life.hasTerminated,
    deleting: typeof deletionTimestamp === "string",
    ...optional("aliveSince", life.startedAt ?? msOf(object.metadata.creationTimestamp)),
    ready: ready?.status === "True",
    ...optional("unreadySince", ready?.status === "True" ? undefined : sinceOf(ready)),
    ...optional("containerUnreadySince", life.notReadySince),
    ...optional("joined", joined && parseJoined(joined)),
    ...optional("joinedSince", sinceOf(joined)),
    ...optional("ownWrite", ownWriteIn(object)),
    ...optional("reformAsked", object.metadata.annotations?.[REFORM_ANNOTATION] || undefined),
  };
  const admission = admit(object, { ...facts, port, isReady: life.isReady }, rules);
  return { ...facts, admission };
}

type Condition = NonNullable<PodObject["status"]>["conditions"][number];

/** The property, or nothing where there is no value: absent is not the same as undefined. */
const optional = <Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } =>
  value === undefined ? {} : ({ [key]: value } as { readonly [K in Key]: Value });

const conditionOf = ({ status }: PodObject, type: string): Condition | undefined =>
  status?.conditions.find((condition) => condition.type === type);

function networkOf(object: PodObject, { scope }: PodRules): string | undefined {
  const id = object.metadata.labels?.["klight.networkId"] ?? undefined;
  return id === undefined || id === "" ? undefined : networkKey(scope, object.metadata.namespace, id);
}

function peerAddressOf({ status }: PodObject, port: PeerPort): string | undefined {
  const ip = status?.podIP || status?.podIPs[0]?.ip;
  if (!ip || port.tag === "bad") return undefined;
  return `${ip.includes(":") ? `[${ip}]` : ip}:${port.port}`;
}

/** The API server writes all these times in one form, so that they sort as texts. */
function ownWriteIn({ metadata: { managedFields } }: PodObject): true | undefined {
  const writes = (managedFields ?? []).map(({ manager, time }) => ({ manager, at: time ?? "" }));
  const newest = writes
    .map(({ at }) => at)
    .sort()
    .at(-1);
  return writes.some(({ manager, at }) => manager === FIELD_MANAGER && at === newest) || undefined;
}

/** Since when a condition has its status, in ms since 1970. */
const sinceOf = (condition: Condition | undefined): number | undefined => msOf(condition?.lastTransitionTime);
