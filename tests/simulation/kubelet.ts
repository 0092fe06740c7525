import { healthPeriodMs } from "../harness/lightpeer/peer.ts";
import { keyOf, type ApiObjects, type PodObject } from "./api-objects.ts";
import { type Forgot, type Gained, type JoinSeen, PeerProcess } from "./peer-process.ts";
import { NAMESPACE, pendingPod, PORT, type Told, withStatus } from "./pod-status.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "../harness/virtual-clock.ts";
import type { Wire } from "./wire.ts";

const NODES = 3;

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
  /** `finished`: it has ended and stays until somebody deletes it. */
  state: "starting" | "running" | "going" | "lost" | "finished" | "gone";
  labelled: boolean;
  told: Told;
  /** The one who answers at its address is another pod's process. */
  isShadowed: boolean;
  /** When its peer was ready first, ms since 1970. */
  readyAt: number | undefined;
}

export interface KubeletEvents {
  /** Before a process dies. */
  readonly onDeath: (pod: SimPod, process: PeerProcess) => void;
  /** A pod has got another label. */
  readonly onRelabel: (pod: SimPod) => void;
  /** Before a pod gets another address, which its peer does not notice: nobody reaches it by its name any more. */
  readonly onMove: (pod: SimPod) => void;
  /** A pod whose label has changed hangs, or the label of one that hangs does. */
  readonly onHungAway: (pod: SimPod) => void;
  readonly onJoin: JoinSeen;
  readonly onForgot: Forgot;
  readonly onGained: Gained;
}

interface Around {
  readonly time: VirtualClock;
  readonly wire: Wire;
  readonly random: Random;
  readonly objects: ApiObjects;
}

/** Where a new pod's address comes from. */
export interface NewPod {
  /** The address that was given back last, if there is one. */
  readonly reuseAddress?: boolean;
  /** The address of this pod, which lives: a host's network, or a defect of the network plugin. */
  readonly shares?: SimPod;
  /** Its peer calls itself otherwise than its pod is called. */
  readonly isMisnamed?: boolean;
}

/**
 * From an address that is given to a pod to a process that listens there, ms at least: before a container starts, there are
 * its sandbox and its network. On a real node it is longer.
 */
const SANDBOX_MS = 100;

/** Runs the pods: starts, probes, restarts and removes them, and writes their state into the API server. */
export class Kubelet {
  readonly pods: SimPod[] = [];
  readonly #around: Around;
  readonly #events: KubeletEvents;
  readonly #freed: string[] = [];
  #created = 0;
  #containers = 0;
  #moved = 0;

  constructor(around: Around, events: KubeletEvents) {
    this.#around = around;
    this.#events = events;
  }

  /** Pods that were not deleted. */
  get present(): readonly SimPod[] {
    return this.pods.filter(({ state }) => state !== "gone");
  }

  create(network: string, { reuseAddress = false, shares, isMisnamed = false }: NewPod = {}): SimPod {
    const { random, time } = this.#around;
    const index = (this.#created += 1);
    const hasApp = index % 2 === 0;
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
      told: {
        phase: "Running",
        containerId: "",
        hasEnded: false,
        isReady: false,
        ...(hasApp && { isAppReady: true }),
      },
      isShadowed: false,
      readyAt: undefined,
    };
    this.pods.push(pod);
    this.#around.objects.write(pendingPod({ ...pod, hasApp }));
    const startMs = random.between(5, 150) + (reuseAddress ? SANDBOX_MS : 0);
    time.after(startMs, () => {
      if (pod.state !== "starting") return;
      const freed = reuseAddress ? this.#freed.pop() : undefined;
      pod.isShadowed = shares?.address !== undefined && shares.state === "running";
      const given = pod.isShadowed ? shares?.address : freed;
      pod.address = given ?? `10.${index >> 8}.${index & 255}.1:${PORT}`;
      pod.state = "running";
      this.#startContainer(pod, 0, isMisnamed ? `192.0.2.${index & 255}:${PORT}` : pod.address);
    });
    return pod;
  }

  /** With grace: the peer is told to go and takes `graceMs` ms to do so. */
  delete(pod: SimPod, graceMs: number): void {
    if (pod.state === "gone" || pod.state === "going") return;
    const hasGrace = pod.state === "running" || pod.state === "starting";
    const hasAddress = pod.state !== "finished";
    pod.state = "going";
    const deletionTimestamp = this.#at();
    this.#change(pod, (object) => ({ ...object, metadata: { ...object.metadata, deletionTimestamp } }));
    this.#around.time.after(hasGrace ? graceMs : 0, () => {
      const ran = this.#end(pod);
      if (hasAddress) this.#free(pod);
      // What it was is told on the way, if the kubelet comes to it.
      if (ran && hasGrace && pod.probed) this.#tell(pod, { isReady: false, hasEnded: true });
      this.#around.time.after(this.#around.random.between(0, 400), () => {
        pod.state = "gone";
        this.#around.objects.remove(keyOf({ namespace: NAMESPACE, name: pod.name }));
      });
    });
  }

  /** The pod is evicted, or has done its work: its process ends, its object stays, its address is free. */
  finish(pod: SimPod, { keepsAddress }: { readonly keepsAddress: boolean }): void {
    if (pod.state !== "running") return;
    pod.state = "finished";
    this.#end(pod);
    this.#free(pod);
    const { address: _, ...told } = pod.told;
    if (!keepsAddress) pod.told = told;
    this.#tell(pod, { phase: "Failed", reason: "Evicted", isReady: false, hasEnded: true });
  }

  /** The container's process dies; the kubelet starts it again at the same address after `backMs` ms. */
  crash(pod: SimPod, backMs: number): void {
    if (pod.state !== "running" || !pod.process || pod.process.life.status === "dead") return;
    const { name } = pod.process;
    this.#end(pod);
    // Between two looks of the kubelet a restart is not seen at all before it is over.
    if (backMs > 1_000) this.#tell(pod, { isReady: false, hasEnded: true });
    this.#around.time.after(backMs, () => {
      if (pod.state === "running") this.#startContainer(pod, this.#around.random.between(0, 1_000), name);
    });
  }

  hang(pod: SimPod, ms: number): void {
    const { process } = pod;
    if (pod.state !== "running" || process === undefined || !process.isRunning) return;
    process.hang();
    if (pod.labels.length > 1) this.#events.onHungAway(pod);
    const unready = pod.probed && ms > 3_000;
    if (unready) {
      this.#around.time.after(3_000, () => {
        if (pod.process === process && process.life.status === "hung") this.#tell(pod, { isReady: false });
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
      if (pod.process === process && process.isRunning) this.#tell(pod, { isReady: true });
    });
  }

  /** Another container of the pod is not ready for a while; its peer is well. */
  busy(pod: SimPod, ms: number): void {
    if (pod.state !== "running" || pod.told.isAppReady === undefined) return;
    this.#tell(pod, { isAppReady: false });
    this.#around.time.after(ms, () => {
      if (pod.state === "running") this.#tell(pod, { isAppReady: true });
    });
  }

  /** The network plugin gives a running pod another address. Its process goes on and calls itself as before. */
  move(pod: SimPod): void {
    const { process, address, state } = pod;
    if (state !== "running" || process === undefined || address === undefined || pod.isShadowed) return;
    this.#events.onMove(pod);
    this.#free(pod);
    pod.address = `10.200.0.${(this.#moved += 1)}:${PORT}`;
    process.moveTo(pod.address);
    this.#tell(pod, { address: pod.address });
  }

  relabel(pod: SimPod, network: string): void {
    if (pod.state !== "running" || (pod.labelled && pod.network === network)) return;
    pod.network = network;
    pod.labels.push({ network, from: this.#around.time.now() });
    pod.labelled = true;
    this.#events.onRelabel(pod);
    if (!pod.process?.isRunning) this.#events.onHungAway(pod);
    const labels = { "klight.networkId": network };
    this.#change(pod, (object) => ({ ...object, metadata: { ...object.metadata, labels } }));
  }

  unlabel(pod: SimPod): void {
    if (pod.state !== "running" || !pod.labelled) return;
    pod.labels.push({ network: undefined, from: this.#around.time.now() });
    pod.labelled = false;
    if (!pod.process?.isRunning) this.#events.onHungAway(pod);
    this.#change(pod, (object) => ({ ...object, metadata: { ...object.metadata, labels: {} } }));
  }

  /** The machine is off: nobody there answers, and the API server notices late. */
  loseNode(node: number): void {
    for (const pod of this.present.filter((each) => each.node === node)) {
      if (pod.state !== "running" || pod.address === undefined) continue;
      pod.state = "lost";
      // Nothing comes back from there: to everybody else it is a process that hangs for ever.
      pod.process?.hang();
      if (pod.labels.length > 1) this.#events.onHungAway(pod);
      this.#around.time.after(5_000, () => {
        if (pod.state === "lost") this.#tell(pod, { isNodeLost: true });
      });
    }
  }

  #startContainer(pod: SimPod, seenMs: number, name: string): void {
    const { time, wire, random } = this.#around;
    const containerId = `containerd://${(this.#containers += 1)}`;
    const process = new PeerProcess(
      { address: pod.address ?? "", name, isShadowed: pod.isShadowed },
      containerId,
      {
        timers: time,
        wire,
        onJoin: this.#events.onJoin,
        onForgot: this.#events.onForgot,
        onGained: this.#events.onGained,
        firstRoundMs: random.between(0, healthPeriodMs),
      },
    );
    pod.process = process;
    const { address = "" } = pod;
    time.after(seenMs, () => {
      if (pod.process !== process || pod.state !== "running") return;
      this.#tell(pod, { address: pod.address ?? address, isReady: false, hasEnded: false, containerId });
      time.after(random.between(0, 300), () => {
        if (pod.process === process && process.isRunning) this.#tell(pod, { isReady: true });
      });
    });
  }

  /** False: there was no process. */
  #end(pod: SimPod): boolean {
    const { process } = pod;
    if (process === undefined || process.life.status === "dead") return false;
    this.#events.onDeath(pod, process);
    process.life.kill();
    return true;
  }

  /** Its address is another pod's from now on, if one asks for it. */
  #free({ address, isShadowed }: SimPod): void {
    if (address === undefined || isShadowed) return;
    this.#around.wire.listen(address, undefined);
    this.#freed.push(address);
  }

  #tell(pod: SimPod, change: Partial<Told>): void {
    pod.told = { ...pod.told, ...change };
    const { time } = this.#around;
    if (change.isReady) pod.readyAt ??= time.now();
    this.#change(pod, (object) => withStatus(object, pod.told, time.now()));
  }

  #change(pod: SimPod, change: (object: PodObject) => PodObject): void {
    const object = this.#around.objects.get(keyOf({ namespace: NAMESPACE, name: pod.name }));
    if (object) this.#around.objects.write(change(object));
  }

  #at(): string {
    return new Date(this.#around.time.now()).toISOString();
  }
}

/** The networks that a pod was labelled for at some time since then; ms since 1970. */
export const networksSince = ({ labels }: SimPod, since: number): readonly (string | undefined)[] =>
  labels.filter((_, index) => (labels[index + 1]?.from ?? Infinity) >= since).map(({ network }) => network);
