import type { Cluster } from "../../lib/cluster/cluster.ts";
import type { Clock } from "../../lib/clock.ts";
import type { Contact, Contacts, Intent, LogEntry } from "../../lib/store/contacts.ts";
import { createMemoryContacts } from "../../lib/store/memory.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import type { Reason } from "../../lib/reasons.ts";

export const START = Date.parse("2026-11-24T08:00:00Z");

/** A clock that stands until it is moved. */
export interface HandClock extends Clock {
  move(ms: number): void;
}

export const handClock = (at = START): HandClock => {
  let now = at;
  return {
    now: () => now,
    sleep: () => Promise.resolve(),
    move: (ms) => {
      now += ms;
    },
  };
};

export const podOf = (network: string, name: string, changes: Partial<Pod> = {}): Pod => {
  const namespace = network.includes("/") ? network.slice(0, network.indexOf("/")) : "default";
  const facts = {
    uid: `uid-${namespace}-${name}`,
    namespace,
    name,
    network,
    address: addressOf(`${namespace}/${name}`),
    container: "lightpeer",
    incarnation: `containerd://${namespace}-${name}-1`,
    finished: false,
    deleting: false,
    ready: true,
  };
  return { ...facts, admission: { tag: "peer", peer: facts }, ...changes };
};

/** The same address for the same pod, without anything to remember. */
function addressOf(key: string): string {
  let hash = 0;
  for (const character of key) hash = (hash * 31 + character.charCodeAt(0)) % 65_536;
  return `10.1.${hash >> 8}.${hash & 255}:9081`;
}

export const ignoredPod = (network: string, name: string, reason: Reason<"ignored">, message: string): Pod =>
  podOf(network, name, { admission: { tag: "ignored", reason, message } });

export const contactOf = (pod: Pod, via: string | null, joinedAt: number): Contact => ({
  uid: pod.uid,
  namespace: pod.namespace,
  name: pod.name,
  address: pod.address ?? "",
  incarnation: pod.incarnation,
  via,
  joinedAt: new Date(joinedAt).toISOString(),
});

/** A cluster of these pods; what it says can be changed at any time. */
export interface PodsCluster extends Cluster {
  pods: readonly Pod[];
  /** Set: nothing can be asked. */
  failure: { readonly kind: "unavailable" | "forbidden"; readonly message: string } | undefined;
}

export function podsCluster(pods: readonly Pod[] = []): PodsCluster {
  const cluster: PodsCluster = {
    pods,
    failure: undefined,
    listPods: () =>
      Promise.resolve(
        cluster.failure ? { tag: "failed", ...cluster.failure } : { tag: "pods", pods: cluster.pods },
      ),
    getPod: ({ namespace, name }) =>
      Promise.resolve(
        cluster.failure
          ? { tag: "failed", ...cluster.failure }
          : { tag: "pod", pod: cluster.pods.find((pod) => pod.namespace === namespace && pod.name === name) },
      ),
    setCondition: () => Promise.resolve({ tag: "written" }),
    recordEvent: () => Promise.resolve({ tag: "written" }),
  };
  return cluster;
}

/** A store and a cluster that a status can be read from, and ways to fill them as steps would. */
export class World {
  readonly clock: HandClock;
  readonly contacts: Contacts;
  readonly cluster: PodsCluster = podsCluster();
  #tokens = 0;

  constructor(clock: HandClock = handClock()) {
    this.clock = clock;
    this.contacts = createMemoryContacts(clock);
  }

  /** Its life begins now, if it does not say when. */
  addPod(given: Pod): Pod {
    const pod = { aliveSince: this.clock.now(), ...given };
    this.cluster.pods = [...this.cluster.pods, pod];
    return pod;
  }

  /** As a step commits a join, or without `via` a founding. */
  async join(network: string, name: string, via: string | null, changes: Partial<Pod> = {}): Promise<Pod> {
    const pod = this.addPod(podOf(network, name, changes));
    await this.push(network, pod, via);
    return pod;
  }

  async push(network: string, pod: Pod, via: string | null): Promise<void> {
    const outcome = via === null ? "founded" : "joined";
    const message =
      via === null
        ? `${pod.name} at ${pod.address} is the first of ${network}`
        : `${pod.name} at ${pod.address} has joined ${network} through ${via}`;
    await this.commit(network, {
      push: contactOf(pod, via, this.clock.now()),
      log: this.entry(pod, outcome, via === null ? "Founded" : "Joined", message),
    });
  }

  entry(pod: Pick<Pod, "namespace" | "name">, outcome: string, reason: string, message: string): LogEntry {
    const at = new Date(this.clock.now()).toISOString();
    return { at, pod: `${pod.namespace}/${pod.name}`, outcome, reason, message };
  }

  async commit(network: string, change: Parameters<Contacts["commit"]>[2]): Promise<void> {
    const token = `token-${(this.#tokens += 1)}`;
    const begun = await this.contacts.begin(network, token, 1_000);
    if (begun.tag !== "leased") throw new Error(`${network} is ${begun.tag}: nothing was written`);
    await this.contacts.commit(network, token, change);
  }

  /** A step that has the lease for `leaseMs` ms and has written what it is about to do. */
  async beginStep(network: string, intent: Intent, leaseMs = 10_000): Promise<void> {
    const token = `token-${(this.#tokens += 1)}`;
    await this.contacts.begin(network, token, leaseMs);
    await this.contacts.mark(network, token, leaseMs, intent);
  }
}
