import type { IPod } from "kubernetes-models/v1/Pod";

type Metadata = NonNullable<IPod["metadata"]>;
type Spec = NonNullable<IPod["spec"]>;
type Status = NonNullable<IPod["status"]>;
export type Container = Spec["containers"][number];
export type ContainerStatus = NonNullable<Status["containerStatuses"]>[number];
export type Condition = NonNullable<Status["conditions"]>[number];

/** A container as a manifest has it; ports by their names. */
export const container = (name: string, ports: Readonly<Record<string, number>> = {}): Container => ({
  name,
  image: name,
  ports: Object.entries(ports).map(([portName, containerPort]) => ({
    name: portName,
    containerPort,
    protocol: "TCP",
  })),
});

/** A container as the kubelet tells of it while it runs. */
export const runningStatus = (name: string, changes: Partial<ContainerStatus> = {}): ContainerStatus => ({
  containerID: `containerd://${name}-1`,
  image: name,
  imageID: "sha256:1f",
  lastState: {},
  name,
  ready: true,
  restartCount: 0,
  started: true,
  state: { running: { startedAt: "2026-11-23T19:03:12Z" } },
  ...changes,
});

/** A container that has ended, as the kubelet tells of it until the next one has been made. */
export const terminatedStatus = (name: string, changes: Partial<ContainerStatus> = {}): ContainerStatus => {
  const containerID = changes.containerID ?? `containerd://${name}-1`;
  return runningStatus(name, {
    ready: false,
    started: false,
    state: {
      terminated: {
        ...(containerID !== "" && { containerID }),
        exitCode: 137,
        reason: "Error",
        startedAt: "2026-11-23T19:03:12Z",
        finishedAt: "2026-11-23T19:04:12Z",
      },
    },
    ...changes,
  });
};

export const condition = (type: string, status: string, changes: Partial<Condition> = {}): Condition => ({
  type,
  status,
  lastTransitionTime: "2026-11-23T19:03:12Z",
  ...changes,
});

/** What a pod of {@link runningPod} differs in; `status: null`: the kubelet has said nothing yet. */
export interface PodChanges {
  readonly metadata?: Partial<Metadata>;
  readonly spec?: Partial<Spec>;
  readonly status?: Partial<Status> | null;
}

/** A pod that runs a lightpeer and nothing else, is Ready, and is labelled for the network `net-a`. */
export function runningPod({ metadata, spec, status }: PodChanges = {}): IPod {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: "peer-a",
      namespace: "default",
      uid: "585ef98b-11aa-4161-8293-98157449553f",
      labels: { "klight.networkId": "net-a" },
      ...metadata,
    },
    spec: { containers: [container("lightpeer", { klightport: 9081 })], ...spec },
    ...(status !== null && {
      status: {
        phase: "Running",
        podIP: "10.0.0.7",
        podIPs: [{ ip: "10.0.0.7" }],
        conditions: [condition("Ready", "True")],
        containerStatuses: [runningStatus("lightpeer")],
        ...status,
      },
    }),
  };
}
