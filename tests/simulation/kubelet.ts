import { healthPeriodMs } from "../harness/lightpeer/peer.ts";
import { keyOf, type ApiObjects, type PodObject } from "./api-objects.ts";
import { type Forgot, type JoinSeen, PeerProcess } from "./peer-process.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "../harness/virtual-clock.ts";
import type { Wire } from "./wire.ts";

export const NAMESPACE = "sim";
const PORT = 9081;
const NODES = 3;
/** An address is given to another pod so long after the one before it is gone, ms: longer than any list is behind. */
const FREE_MS = 6_000;

/** A pod and what runs in it. */
export interface SimPod {
  readonly uid: string;
  readonly name: string;
  readonly node: number;
  /** Has a readiness probe that fails while its peer hangs. */
  readonly probed: boolean;
  network: string;
  /** Its labels, oldest first: of which network from when on, ms since 1970; undefined: of none. */
  readonly labels: { readonly network: string | undefined; readonly from: number }[];
  address: string | undefined;
  process: PeerProcess | undefined;
  state: "starting" | "running" | "going" | "lost" | "gone";
  labelled: boolean;
}

export interface KubeletEvents {
  /** Before a process dies. */
  readonly onDeath: (pod: SimPod, process: PeerProcess) => void;
  /** Before a pod's label changes or goes. */
  readonly onRelabel: (pod: SimPod) => void;
  readonly onJoin: JoinSeen;
  readonly onForgot: Forgot;
}

interface Around {
  readonly time: VirtualClock;
  readonly wire: Wire;
  readonly random: Random;
  readonly objects: ApiObjects;
}

/** Runs the pods: starts, probes, restarts and removes them, and writes their state into the API server. */
export class Kubelet {
  readonly pods: SimPod[] = [];
  readonly #around: Around;
  readonly #events: KubeletEvents;
  readonly #freed: string[] = [];
  #created = 0;
  #containers = 0;

  constructor(around: Around, events: KubeletEvents) {
    this.#around = around;
    this.#events = events;
  }

  /** Pods that were not deleted. */
  get present(): readonly SimPod[] {
    return this.pods.filter(({ state }) => state !== "gone");
  }

  create(network: string, reuseAddress: boolean): SimPod {
    const { random, time } = this.#around;
    const index = (this.#created += 1);
    const pod: SimPod = {
      uid: `uid-${index}`,
      name: `pod-${index}`,
      node: index % NODES,
      probed: random.chance(0.5),
      network,
      labels: [{ network, from: time.now() }],
      address: undefined,
      process: undefined,
      state: "starting",
      labelled: true,
    };
    this.pods.push(pod);
    this.#around.objects.write(pendingPod(pod));
    time.after(random.between(5, 150), () => {
      if (pod.state !== "starting") return;
      const freed = reuseAddress ? this.#freed.pop() : undefined;
      pod.address = freed ?? `10.${index >> 8}.${index & 255}.1:${PORT}`;
      pod.state = "running";
      this.#startContainer(pod, 0);
    });
    return pod;
  }

  /** With grace: the peer is told to go and takes `graceMs` ms to do so. */
  delete(pod: SimPod, graceMs: number): void {
    if (pod.state === "gone" || pod.state === "going") return;
    const wasLost = pod.state === "lost";
    pod.state = "going";
    const deletionTimestamp = this.#at();
    this.#change(pod, (object) => ({ ...object, metadata: { ...object.metadata, deletionTimestamp } }));
    this.#around.time.after(wasLost ? 0 : graceMs, () => {
      this.#end(pod);
      this.#around.time.after(this.#around.random.between(0, 400), () => {
        this.#remove(pod);
      });
    });
  }

  /** The container's process dies; the kubelet starts it again at the same address after `backMs` ms. */
  crash(pod: SimPod, backMs: number): void {
    if (pod.state !== "running" || !pod.process || pod.process.life.status === "dead") return;
    this.#end(pod);
    // Between two looks of the kubelet a restart is not seen at all before it is over.
    if (backMs > 1_000) this.#status(pod, { ready: false });
    this.#around.time.after(backMs, () => {
      if (pod.state === "running") this.#startContainer(pod, this.#around.random.between(0, 1_000));
    });
  }

  hang(pod: SimPod, ms: number): void {
    const { process } = pod;
    if (pod.state !== "running" || process === undefined || !process.isRunning) return;
    process.hang();
    const unready = pod.probed && ms > 3_000;
    if (unready) {
      this.#around.time.after(3_000, () => {
        if (pod.process === process && process.life.status === "hung") this.#status(pod, { ready: false });
      });
    }
    this.#around.time.after(ms, () => {
      this.wake(pod, process);
    });
  }

  wake(pod: SimPod, process: PeerProcess): void {
    if (pod.process !== process || process.life.status !== "hung") return;
    process.wake();
    this.#around.time.after(this.#around.random.between(0, 500), () => {
      if (pod.process === process && process.isRunning) this.#status(pod, { ready: true });
    });
  }

  relabel(pod: SimPod, network: string): void {
    if (pod.state !== "running" || (pod.labelled && pod.network === network)) return;
    this.#events.onRelabel(pod);
    pod.network = network;
    pod.labels.push({ network, from: this.#around.time.now() });
    pod.labelled = true;
    const labels = { "klight.networkId": network };
    this.#change(pod, (object) => ({ ...object, metadata: { ...object.metadata, labels } }));
  }

  unlabel(pod: SimPod): void {
    if (pod.state !== "running" || !pod.labelled) return;
    this.#events.onRelabel(pod);
    pod.labels.push({ network: undefined, from: this.#around.time.now() });
    pod.labelled = false;
    this.#change(pod, (object) => ({ ...object, metadata: { ...object.metadata, labels: {} } }));
  }

  /** The machine is off: nobody there answers, and the API server notices late. */
  loseNode(node: number): void {
    for (const pod of this.present.filter((each) => each.node === node)) {
      if (pod.state !== "running" || pod.address === undefined) continue;
      pod.state = "lost";
      // Nothing comes back from there: to everybody else it is a process that hangs for ever.
      pod.process?.hang();
      this.#around.time.after(5_000, () => {
        if (pod.state === "lost") this.#status(pod, { ready: false, kubelet: false });
      });
    }
  }

  #startContainer(pod: SimPod, seenMs: number): void {
    const { time, wire, random } = this.#around;
    const containerId = `containerd://${(this.#containers += 1)}`;
    const process = new PeerProcess(pod.address ?? "", containerId, {
      timers: time,
      wire,
      onJoin: this.#events.onJoin,
      onForgot: this.#events.onForgot,
      firstRoundMs: random.between(0, healthPeriodMs),
    });
    pod.process = process;
    time.after(seenMs, () => {
      if (pod.process !== process || pod.state !== "running") return;
      this.#status(pod, { ready: false, containerId });
      time.after(random.between(0, 300), () => {
        if (pod.process === process && process.isRunning) this.#status(pod, { ready: true });
      });
    });
  }

  #end(pod: SimPod): void {
    const { process } = pod;
    if (process === undefined || process.life.status === "dead") return;
    this.#events.onDeath(pod, process);
    process.life.kill();
  }

  #remove(pod: SimPod): void {
    pod.state = "gone";
    if (pod.address !== undefined) {
      const { address } = pod;
      this.#around.wire.listen(address, undefined);
      this.#around.time.after(FREE_MS, () => {
        this.#freed.push(address);
      });
    }
    this.#around.objects.remove(keyOf({ namespace: NAMESPACE, name: pod.name }));
  }

  #status(
    pod: SimPod,
    { ready, containerId, kubelet = true }: { ready: boolean; containerId?: string; kubelet?: boolean },
  ): void {
    const lastTransitionTime = this.#at();
    this.#change(pod, (object) => {
      const known = object.status.containerStatuses[0];
      const readiness = { type: "Ready", status: ready ? "True" : "False", lastTransitionTime };
      const unchanged = object.status.conditions.find(
        ({ type, status }) => type === "Ready" && status === readiness.status,
      );
      const others = object.status.conditions.filter(({ type }) => type !== "Ready");
      const status = {
        name: "lightpeer",
        containerID: containerId ?? known?.containerID ?? "",
        ready: kubelet ? ready : (known?.ready ?? false),
      };
      return {
        ...object,
        status: {
          ...object.status,
          phase: "Running",
          ...(pod.address !== undefined && { podIP: pod.address.slice(0, pod.address.lastIndexOf(":")) }),
          conditions: [...others, unchanged ?? readiness],
          containerStatuses: [status],
        },
      };
    });
  }

  #change(pod: SimPod, change: (object: PodObject) => PodObject): void {
    const object = this.#around.objects.get(keyOf({ namespace: NAMESPACE, name: pod.name }));
    if (object) this.#around.objects.write(change(object));
  }

  #at(): string {
    return new Date(this.#around.time.now()).toISOString();
  }
}

const pendingPod = ({ uid, name, network }: SimPod): PodObject => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { uid, namespace: NAMESPACE, name, labels: { "klight.networkId": network } },
  spec: { containers: [{ name: "lightpeer", ports: [{ name: "klightport", containerPort: PORT }] }] },
  status: { phase: "Pending", conditions: [], containerStatuses: [] },
});

/** The networks that a pod was labelled for at some time since then; ms since 1970. */
export const networksSince = ({ labels }: SimPod, since: number): readonly (string | undefined)[] =>
  labels.filter((_, index) => (labels[index + 1]?.from ?? Infinity) >= since).map(({ network }) => network);
