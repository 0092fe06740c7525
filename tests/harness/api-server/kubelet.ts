import { type ContainerStatus, runningStatus, terminatedStatus } from "../pods.ts";
import type { PodObject } from "./objects.ts";
import type { Named, PodStore } from "./pod-store.ts";

/** Where the kubelet reads a pod and writes its status. */
export type KubeletStore = Pick<PodStore, "get" | "changeStatus">;

const containerId = ({ namespace, name }: Named, container: string, restarts: number): string =>
  `containerd://${namespace}-${name}-${container}-${restarts}`;

/** All containers run, and the pod has its address. */
export function run(store: KubeletStore, pod: Named, ip: string): PodObject {
  const { containers, initContainers = [] } = store.get(pod)?.spec ?? { containers: [] };
  const statusesOf = (list: readonly { readonly name: string }[]): ContainerStatus[] =>
    list.map(({ name }) => runningStatus(name, { containerID: containerId(pod, name, 0) }));
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === "Always");
  return store.changeStatus(pod, (status) => {
    status.phase = "Running";
    status.podIP = ip;
    status.podIPs = [{ ip }];
    status.containerStatuses = statusesOf(containers);
    if (sidecars.length > 0) status.initContainerStatuses = statusesOf(sidecars);
  });
}

/** A container ended and runs again: another containerID, one restart more. */
export const restartContainer = (store: KubeletStore, pod: Named, container: string): PodObject =>
  changeContainer(store, { ...pod, container }, ({ restartCount }) =>
    runningStatus(container, {
      containerID: containerId(pod, container, restartCount + 1),
      restartCount: restartCount + 1,
    }),
  );

export const setContainerReady = (
  store: KubeletStore,
  container: Named & { readonly container: string },
  ready: boolean,
): PodObject => changeContainer(store, container, (status) => ({ ...status, ready }));

/** How a pod ends. It stays, with its address or without it, until somebody deletes it. */
export interface Finish {
  readonly phase: "Succeeded" | "Failed";
  /** `Evicted`, for example. */
  readonly reason?: string;
  /** Default: kept, though it is free for another pod from now on. */
  readonly address?: "kept" | "gone";
}

/** All containers have ended for good: evicted, failed, or done. */
export function finish(
  store: KubeletStore,
  pod: Named,
  { phase, reason, address = "kept" }: Finish,
): PodObject {
  const ended = ({ name, containerID, restartCount }: ContainerStatus): ContainerStatus => {
    const changes = { restartCount, ...(containerID !== undefined && { containerID }) };
    return terminatedStatus(name, changes);
  };
  return store.changeStatus(pod, (status) => {
    status.phase = phase;
    if (reason !== undefined) status.reason = reason;
    status.containerStatuses = (status.containerStatuses ?? []).map(ended);
    if (status.initContainerStatuses) status.initContainerStatuses = status.initContainerStatuses.map(ended);
    if (address === "kept") return;
    delete status.podIP;
    delete status.podIPs;
  });
}

/** The network plugin gives the running pod another address. */
export const moveTo = (store: KubeletStore, pod: Named, ip: string): PodObject =>
  store.changeStatus(pod, (status) => {
    status.podIP = ip;
    status.podIPs = [{ ip }];
  });

function changeContainer(
  store: KubeletStore,
  { container, ...pod }: Named & { readonly container: string },
  change: (status: ContainerStatus) => ContainerStatus,
): PodObject {
  const changed = (each: ContainerStatus): ContainerStatus => (each.name === container ? change(each) : each);
  return store.changeStatus(pod, (status) => {
    status.containerStatuses = (status.containerStatuses ?? []).map(changed);
    if (status.initContainerStatuses)
      status.initContainerStatuses = status.initContainerStatuses.map(changed);
  });
}
