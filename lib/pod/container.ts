import type { PodObject } from "./pod-object.ts";

type Container = PodObject["spec"]["containers"][number];
type ContainerStatus = NonNullable<PodObject["status"]>["containerStatuses"][number];

/** The port that the peer listens on; `bad`: the annotation is there and is no port. */
export type PeerPort =
  { readonly tag: "port"; readonly port: number } | { readonly tag: "bad"; readonly annotation: string };

/** The containers that run as long as the pod does: the plain ones, and native sidecars. */
const lastingContainers = ({ spec }: PodObject): readonly Container[] => [
  ...spec.containers,
  ...spec.initContainers.filter(({ restartPolicy }) => restartPolicy === "Always"),
];

/** Kubernetes refuses `klightPort` itself as the name of a port, so hyphens and case do not count. */
const isKlightPort = (name: string | null | undefined): boolean =>
  name?.replaceAll("-", "").toLowerCase() === "klightport";

/** The annotation `klight.dev/port`; else the port named klightport; else the default. */
export function peerPort(pod: PodObject, defaultPort: number): PeerPort {
  const annotation = pod.metadata.annotations?.["klight.dev/port"] ?? undefined;
  if (annotation !== undefined) return annotatedPort(annotation);
  const named = lastingContainers(pod)
    .flatMap(({ ports }) => ports)
    .find(({ name }) => isKlightPort(name));
  return { tag: "port", port: named?.containerPort ?? defaultPort };
}

function annotatedPort(annotation: string): PeerPort {
  const port = /^\d{1,5}$/u.test(annotation) ? Number(annotation) : 0;
  return port >= 1 && port <= 65535 ? { tag: "port", port } : { tag: "bad", annotation };
}

/**
 * The name of the container that runs the lightpeer: the annotation `klight.dev/container`; else the one that
 * declares the peer's port; else the one named `lightpeer`; else the one that the annotation
 * `kubectl.kubernetes.io/default-container` names; else the only one. Undefined: it cannot be told, or the first
 * annotation names none of them.
 */
export function peerContainer(pod: PodObject, port: PeerPort): string | undefined {
  const containers = lastingContainers(pod);
  const named = (name: string | null | undefined): Container | undefined =>
    containers.find((container) => container.name === name);
  const annotations = pod.metadata.annotations ?? {};
  const said = annotations["klight.dev/container"] ?? undefined;
  if (said !== undefined) return named(said)?.name;
  const found =
    containers.find((container) => declares(container, port)) ??
    named("lightpeer") ??
    named(annotations["kubectl.kubernetes.io/default-container"]) ??
    (containers.length === 1 ? containers[0] : undefined);
  return found?.name;
}

const declares = ({ ports }: Container, port: PeerPort): boolean =>
  port.tag === "port" && ports.some(({ containerPort }) => containerPort === port.port);

/** What the kubelet says of the process in one container. */
export interface ContainerLife {
  readonly containerID: string | undefined;
  /** The process that {@link containerID} names has ended. */
  readonly hasTerminated: boolean;
  /** True also where the kubelet says nothing of it. */
  readonly isReady: boolean;
  /** Since when it is not ready at the latest, in ms since 1970; undefined: it is ready, or that is not proven. */
  readonly notReadySince: number | undefined;
  /** Since when the process runs, in ms since 1970; undefined: it does not, or nothing is said of it. */
  readonly startedAt: number | undefined;
}

const nothingSaid: ContainerLife = {
  containerID: undefined,
  hasTerminated: false,
  isReady: true,
  notReadySince: undefined,
  startedAt: undefined,
};

export function containerLife(pod: PodObject, container: string | undefined): ContainerLife {
  const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
  // Native sidecars are among the init containers.
  const status = [...containerStatuses, ...initContainerStatuses].find(({ name }) => name === container);
  if (status === undefined) return nothingSaid;
  return {
    // The kubelet writes an empty one while the container waits.
    containerID: status.containerID || undefined,
    hasTerminated: hasTerminated(status),
    isReady: status.ready === true,
    notReadySince: notReadySince(pod, status),
    startedAt: msOf(status.state?.running?.startedAt),
  };
}

/** A time as Kubernetes writes it, in ms since 1970. */
export const msOf = (time: string | null | undefined): number | undefined =>
  typeof time === "string" ? Date.parse(time) : undefined;

/**
 * While the next process waits to be started, the status may still carry the containerID of the last one, whose end
 * stands in `lastState` then.
 */
const hasTerminated = ({ containerID, state, lastState }: ContainerStatus): boolean =>
  Boolean(state?.terminated) || (Boolean(containerID) && lastState?.terminated?.containerID === containerID);

/**
 * A container's status has no such time. The pod's condition ContainersReady has one, of all its containers together, so
 * it proves it only where there is one container; and no container has been anything for longer than it runs.
 */
function notReadySince(pod: PodObject, { ready, state }: ContainerStatus): number | undefined {
  if (ready === true || lastingContainers(pod).length !== 1) return undefined;
  const all = pod.status?.conditions.find(({ type }) => type === "ContainersReady");
  const since = all?.status === "False" ? all.lastTransitionTime : undefined;
  if (typeof since !== "string") return undefined;
  return Math.max(Date.parse(since), Date.parse(state?.running?.startedAt ?? since));
}
