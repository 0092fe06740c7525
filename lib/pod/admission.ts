import type { Reason } from "../reasons.ts";
import type { PeerPort } from "./container.ts";
import type { Peer } from "./peer.ts";
import type { PodObject } from "./pod-object.ts";

/** May the peer of a pod be joined now? */
export type Admission =
  | { readonly tag: "peer"; readonly peer: Peer }
  | { readonly tag: "ignored"; readonly reason: Reason<"ignored">; readonly message: string };

/** What is known of the pod when it is admitted. */
interface Facts {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly network?: string;
  readonly address?: string;
  readonly container?: string;
  readonly incarnation: string;
  readonly deleting: boolean;
  readonly port: PeerPort;
  /** False: the lightpeer's container is known not to be ready. */
  readonly isReady: boolean;
}

interface Rules {
  /** Empty: all. */
  readonly namespaces: readonly string[];
}

export type Ignored = Omit<Extract<Admission, { tag: "ignored" }>, "tag">;

/** The first reason that speaks against it, those first that stay. */
export function admit(object: PodObject, facts: Facts, rules: Rules): Admission {
  const ignored =
    over(object, facts) ?? notMeant(object, facts, rules) ?? leaving(facts) ?? badlySaid(object, facts);
  const reason = ignored ?? notYet(object, facts);
  if (reason !== undefined) return { tag: "ignored", ...reason };
  const { uid, namespace, name, network = "", address = "", incarnation } = facts;
  return { tag: "peer", peer: { uid, namespace, name, network, address, incarnation } };
}

function notMeant({ metadata }: PodObject, { namespace, name }: Facts, rules: Rules): Ignored | undefined {
  const label = metadata.labels?.["klight.networkId"] ?? undefined;
  if (label === undefined) return { reason: "NoLabel", message: `${name} has no label klight.networkId` };
  if (label === "")
    return { reason: "EmptyNetworkId", message: `The label klight.networkId of ${name} is empty` };
  if (rules.namespaces.length === 0 || rules.namespaces.includes(namespace)) return undefined;
  return {
    reason: "OutOfScope",
    message: `klight does not look after the namespace ${namespace} of ${name}`,
  };
}

/** Has the pod ended for good? Completed, failed and evicted pods stay until somebody deletes them. */
export const hasFinished = ({ status }: PodObject): boolean =>
  status?.phase === "Succeeded" || status?.phase === "Failed";

/** Whatever its label says by now, its peer does not come back. */
function over(object: PodObject, { name }: Facts): Ignored | undefined {
  if (!hasFinished(object)) return undefined;
  const { phase, reason } = object.status ?? {};
  const why = reason ? `${phase}, ${reason}` : phase;
  return { reason: "Finished", message: `${name} has finished: ${why}` };
}

const leaving = ({ name, deleting }: Facts): Ignored | undefined =>
  deleting ? { reason: "BeingDeleted", message: `${name} is being deleted` } : undefined;

/** What somebody must say better on the pod. */
function badlySaid({ metadata }: PodObject, { name, port, container }: Facts): Ignored | undefined {
  if (port.tag === "bad") {
    const value = JSON.stringify(port.annotation);
    return { reason: "BadPort", message: `The annotation klight.dev/port of ${name} is ${value}` };
  }
  if (container !== undefined) return undefined;
  const said = metadata.annotations?.["klight.dev/container"] ?? undefined;
  const message =
    said === undefined
      ? `Which container of ${name} runs the lightpeer cannot be told: the annotation klight.dev/container says it`
      : `The annotation klight.dev/container of ${name} is ${JSON.stringify(said)}, and no such container keeps running`;
  return { reason: "ContainerUnknown", message };
}

/** Reasons that pass while the pod starts. */
function notYet({ status }: PodObject, { name, address, container, isReady }: Facts): Ignored | undefined {
  const phase = status?.phase ?? "unknown";
  if (phase !== "Running") return { reason: "NotRunning", message: `The phase of ${name} is ${phase}` };
  if (address === undefined) return { reason: "NoAddress", message: `${name} has no IP address yet` };
  if (isReady) return undefined;
  return { reason: "ContainerNotReady", message: `The container ${container} of ${name} is not ready` };
}
