import type { PodObject } from "./api-objects.ts";

export const NAMESPACE = "sim";
export const PORT = 9081;

/** What the kubelet has told of a pod so far. */
export interface Told {
  readonly phase: PodObject["status"]["phase"];
  /** Why it has finished. */
  readonly reason?: string;
  readonly address?: string;
  /** The container of the lightpeer; empty: it has none yet. */
  readonly containerId: string;
  readonly hasEnded: boolean;
  readonly isReady: boolean;
  /** Another container of the pod, which may be unready by itself; undefined: there is none. */
  readonly isAppReady?: boolean | undefined;
  /** The node does not report any more: all that is known of it is that its pods are not Ready. */
  readonly isNodeLost?: boolean;
}

/** A pod that is scheduled and has not started. */
export const pendingPod = (pod: {
  readonly uid: string;
  readonly name: string;
  readonly network: string;
  readonly hasApp: boolean;
}): PodObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    uid: pod.uid,
    namespace: NAMESPACE,
    name: pod.name,
    labels: { "klight.networkId": pod.network },
  },
  spec: {
    containers: [
      { name: "lightpeer", ports: [{ name: "klightport", containerPort: PORT }] },
      ...(pod.hasApp ? [{ name: "app" }] : []),
    ],
  },
  status: { phase: "Pending", conditions: [], containerStatuses: [] },
});

/** The same pod with a status that says this, `at` ms since 1970. Conditions that stay keep their times. */
export function withStatus(object: PodObject, told: Told, at: number): PodObject {
  const { phase, reason, address, containerId, hasEnded, isReady, isAppReady, isNodeLost = false } = told;
  const areReady = isReady && isAppReady !== false;
  const lastTransitionTime = new Date(at).toISOString();
  const settle = (conditions: Conditions, type: string, is: boolean): Conditions => {
    const status = is ? "True" : "False";
    if (conditions.some((each) => each.type === type && each.status === status)) return conditions;
    return [...conditions.filter((each) => each.type !== type), { type, status, lastTransitionTime }];
  };
  const before = object.status.conditions;
  // A node that does not report cannot say what its containers are.
  const known = isNodeLost ? before : settle(before, "ContainersReady", areReady);
  const stateOf = (ended: boolean): object => (ended ? { terminated: {} } : { running: {} });
  return {
    ...object,
    status: {
      phase,
      ...(reason !== undefined && { reason }),
      ...(address !== undefined && { podIP: address.slice(0, address.lastIndexOf(":")) }),
      conditions: settle(known, "Ready", areReady && !isNodeLost),
      containerStatuses: [
        { name: "lightpeer", containerID: containerId, ready: isReady, state: stateOf(hasEnded) },
        ...(isAppReady === undefined
          ? []
          : [{ name: "app", containerID: "app", ready: isAppReady, state: stateOf(phase !== "Running") }]),
      ],
    },
  };
}

type Conditions = PodObject["status"]["conditions"];
