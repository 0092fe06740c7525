import { setTimeout as sleep } from "node:timers/promises";
import { type Pod, readPod, joinedInThisLife } from "../../lib/pod/pod.ts";
import {
  finish,
  type Finish,
  restartContainer,
  run,
  setContainerReady,
} from "../harness/api-server/kubelet.ts";
import type { PodObject } from "../harness/api-server/objects.ts";
import type { PodStore } from "../harness/api-server/pod-store.ts";
import type { Wall } from "../harness/lightpeer/tcp-front.ts";
import type { PeersProcess } from "./network-peers.ts";

export const NAMESPACE = "chaos";

/** A network, and the process that runs its peers. */
export interface Network {
  /** The network id of its pods' label. */
  readonly id: string;
  /** As klight names it. */
  readonly key: string;
  readonly peers: PeersProcess;
  /** Pods that are not being deleted. */
  readonly pods: ChaosPod[];
}

export interface ChaosPod {
  readonly namespace: string;
  readonly name: string;
  readonly network: Network;
  readonly address: string;
  /** Its container has a readiness probe, which a peer that hangs does not pass. */
  readonly isProbed: boolean;
  /** Something is happening to it already. */
  isBusy: boolean;
}

const CONTAINER = "lightpeer";
/** After so long a peer that hangs has failed its readiness probes, ms. */
const UNREADY_MS = 3_000;

const rules = { scope: "namespace", namespaces: [], defaultPort: 9081 } as const;

/** Runs the pods: starts, restarts and removes them and their peers, and writes their state into the API server. */
export class Kubelet {
  readonly #store: PodStore;
  readonly #random: () => number;
  #created = 0;

  constructor(store: PodStore, networks: readonly Network[], random: () => number) {
    this.#store = store;
    this.#random = random;
    store.watch("klight.networkId", ({ object }) => {
      const network = networks.find(({ id }) => id === object.metadata.labels?.["klight.networkId"]);
      if (network) this.#tellJoined(network);
    });
  }

  /** The pod as klight reads it. */
  read(pod: ChaosPod): Pod | undefined {
    const object = this.#store.get(pod);
    const reading = object && readPod(object, rules);
    return reading?.tag === "pod" ? reading.pod : undefined;
  }

  saysJoined(pod: ChaosPod): boolean {
    const read = this.read(pod);
    return read !== undefined && joinedInThisLife(read);
  }

  /** At this port, where it is free. */
  async create(network: Network, port?: number): Promise<ChaosPod> {
    const name = `${network.id}-${(this.#created += 1)}`;
    const { peers } = network;
    const address = await peers.ask("start", port).catch(() => peers.ask("start"));
    const pod = {
      namespace: NAMESPACE,
      name,
      network,
      address,
      isProbed: this.#random() < 0.5,
      isBusy: false,
    };
    this.#store.create(manifestOf(pod), NAMESPACE);
    network.pods.push(pod);
    await sleep(100 * this.#random());
    run(this.#store, pod, address.replace(/:\d+$/u, ""));
    return pod;
  }

  /** With grace: the peer is told to go and takes `graceMs` ms to do so. */
  async delete(pod: ChaosPod, graceMs: number): Promise<void> {
    const { network } = pod;
    pod.isBusy = true;
    network.pods.splice(network.pods.indexOf(pod), 1);
    this.#store.markDeleted(pod);
    await sleep(graceMs);
    await network.peers.ask("kill", pod.address);
    await sleep(400 * this.#random());
    this.#store.remove(pod);
  }

  /** The peer dies, and only then the API server hears of it; its pod is replaced by a new one. */
  async lose(pod: ChaosPod, goneMs: number): Promise<void> {
    const { network } = pod;
    pod.isBusy = true;
    network.pods.splice(network.pods.indexOf(pod), 1);
    await network.peers.ask("kill", pod.address);
    const replaced = this.create(network);
    await sleep(goneMs);
    this.#store.markDeleted(pod);
    this.#store.remove(pod);
    await replaced;
  }

  /**
   * The pod is evicted: its peer dies, its object stays for `keptMs` ms, and a pod of `taker` has its address at once.
   * Another one takes its place in its own network.
   */
  async evict(
    pod: ChaosPod,
    {
      address,
      keptMs,
      taker,
    }: Pick<Finish, "address"> & { readonly keptMs: number; readonly taker: Network },
  ): Promise<void> {
    const { network } = pod;
    pod.isBusy = true;
    network.pods.splice(network.pods.indexOf(pod), 1);
    await network.peers.ask("kill", pod.address);
    const taken = this.create(taker, portOf(pod));
    finish(this.#store, pod, { phase: "Failed", reason: "Evicted", ...(address && { address }) });
    await Promise.all([taken, this.create(network)]);
    await sleep(keptMs);
    this.#store.markDeleted(pod);
    this.#store.remove(pod);
  }

  /** klight does not get through to the peer until the function returned is called. */
  async wall(pod: ChaosPod, how: Wall): Promise<() => Promise<void>> {
    const { peers } = pod.network;
    pod.isBusy = true;
    await peers.ask("wall", pod.address, how);
    return async () => {
      await peers.ask("wall", pod.address, null);
      pod.isBusy = false;
    };
  }

  /** The container's process dies and runs again `downMs` ms later, which is seen `seenMs` ms after that. */
  async restart(pod: ChaosPod, downMs: number, seenMs: number): Promise<void> {
    pod.isBusy = true;
    // Between two looks of the kubelet a restart is over before it is seen.
    if (downMs > 1_000) this.#ready(pod, false);
    await pod.network.peers.ask("restart", pod.address, downMs);
    await sleep(seenMs);
    restartContainer(this.#store, pod, CONTAINER);
    pod.isBusy = false;
  }

  /** The peer answers nobody until the function returned is called. */
  async hang(pod: ChaosPod): Promise<() => Promise<void>> {
    pod.isBusy = true;
    await pod.network.peers.ask("hang", pod.address);
    const unready = setTimeout(() => {
      this.#ready(pod, false);
    }, UNREADY_MS);
    if (!pod.isProbed) clearTimeout(unready);
    return async () => {
      clearTimeout(unready);
      await pod.network.peers.ask("wake", pod.address);
      await sleep(500 * this.#random());
      this.#ready(pod, true);
      pod.isBusy = false;
    };
  }

  #ready(pod: ChaosPod, ready: boolean): void {
    const status = this.#store.get(pod)?.status.containerStatuses?.find(({ name }) => name === CONTAINER);
    if (status !== undefined && status.ready !== ready)
      setContainerReady(this.#store, { ...pod, container: CONTAINER }, ready);
  }

  /** The application learns from the pods where it may store. */
  #tellJoined({ peers, pods }: Network): void {
    const joined = pods.flatMap((pod) => {
      const object = this.#store.get(pod);
      return object && this.saysJoined(pod) ? [{ address: pod.address, life: restartsOf(object) + 1 }] : [];
    });
    // A process that has ended has failed the run already.
    peers.ask("joined", joined).catch(() => undefined);
  }
}

const portOf = ({ address }: ChaosPod): number => Number(address.split(":").at(-1));

const restartsOf = ({ status }: PodObject): number =>
  status.containerStatuses?.find(({ name }) => name === CONTAINER)?.restartCount ?? 0;

const manifestOf = ({ name, network, address }: ChaosPod): Parameters<PodStore["create"]>[0] => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    namespace: NAMESPACE,
    labels: { "klight.networkId": network.id },
    annotations: { "klight.dev/port": address.replace(/^.*:/u, "") },
  },
  spec: {
    containers: [
      { name: "app", image: "busybox" },
      { name: CONTAINER, image: CONTAINER },
    ],
  },
});
