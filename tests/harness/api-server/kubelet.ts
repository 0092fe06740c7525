import { type ContainerStatus, runningStatus } from "../pods.ts";
import type { PodObject } from "./objects.ts";
import type { Named, PodStore } from "./pod-store.ts";

const containerId = ({ namespace, name }: Named, container: string, restarts: number): string =>
  `containerd://${namespace}-${name}-${container}-${restarts}`;

/** All containers run, and the pod has its address. */
export function run(store: PodStore, pod: Named, ip: string): PodObject {
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
export const restartContainer = (store: PodStore, pod: Named, container: string): PodObject =>
  changeContainer(store, { ...pod, container }, ({ restartCount }) =>
    runningStatus(container, {
      containerID: containerId(pod, container, restartCount + 1),
      restartCount: restartCount + 1,
    }),
  );

export const setContainerReady = (
  store: PodStore,
  container: Named & { readonly container: string },
  ready: boolean,
): PodObject => changeContainer(store, container, (status) => ({ ...status, ready }));

function changeContainer(
  store: PodStore,
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
