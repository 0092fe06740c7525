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
 * declares the peer's port; else the one named `lightpeer`; else the only one. Undefined: it cannot be told.
 */
export function peerContainer(pod: PodObject, port: PeerPort): string | undefined {
  const containers = lastingContainers(pod);
  const only = containers.length === 1 ? containers[0] : undefined;
  return (
    pod.metadata.annotations?.["klight.dev/container"] ??
    containers.find((container) => declares(container, port))?.name ??
    containers.find(({ name }) => name === "lightpeer")?.name ??
    only?.name
  );
}

const declares = ({ ports }: Container, port: PeerPort): boolean =>
  port.tag === "port" && ports.some(({ containerPort }) => containerPort === port.port);

/** What the kubelet says of that container; native sidecars are among the init containers. */
export function statusOf({ status }: PodObject, container: string | undefined): ContainerStatus | undefined {
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return statuses.find(({ name }) => name === container);
}
