import { setTimeout as sleep } from "node:timers/promises";
import { knock } from "../harness/lightpeer/impostor.ts";
import type { ChaosPod, Network } from "./kubelet.ts";
import type { Fault } from "./plan.ts";
import type { World } from "./world.ts";

/** Networks are kept between these many pods. */
const FEWEST = 4;
const MOST = 12;

/** Where an old pod of a roll-out goes, its peer takes this long, ms. */
const GRACE_MS = 50;
/** A roll-out does not wait for longer than this for one pod, ms. */
const LONGEST_GATE_MS = 20_000;

/** Where whoever is no peer calls from: no pod is there. */
const IMPOSTOR = "127.0.0.66";
/** It hangs up after so long, ms. */
const PATIENCE_MS = 1_000;

type Of<Kind extends Fault["kind"]> = Extract<Fault, { kind: Kind }>;

export interface FaultsOptions {
  /** Told of every fault when it begins. */
  readonly tell: (line: string) => void;
  readonly onError: (error: unknown) => void;
}

/** Does to the world what the plan says; each fault ends by itself, and all of them when they are healed. */
export class Faults {
  /** How many of each kind were done. One whose target is in trouble already, or away, is left out. */
  readonly done = new Map<Fault["kind"], number>();
  /** How often somebody who is no peer has called at a seed. */
  knocks = 0;
  readonly #world: World;
  readonly #options: FaultsOptions;
  readonly #healing = new AbortController();
  readonly #busy = new Set<string>();
  readonly #underWay = new Set<Promise<void>>();

  constructor(world: World, options: FaultsOptions) {
    this.#world = world;
    this.#options = options;
  }

  begin(fault: Fault): void {
    const work = this.#carryOut(fault)
      .catch(this.#options.onError)
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  /** Ends all faults at once. */
  async heal(): Promise<void> {
    this.#healing.abort();
    await Promise.all(this.#underWay);
  }

  #carryOut(fault: Fault): Promise<void> {
    switch (fault.kind) {
      case "function-killed":
      case "function-stopped":
        return this.#harmFunction(fault);
      case "redis-killed":
      case "redis-stopped":
      case "rest-stopped":
      case "flushed":
        return this.#harmStore(fault);
      case "api-wrong":
      case "api-stale":
      case "source-away":
        return this.#harmApi(fault);
      case "pod-lost":
      case "pod-removed":
      case "peer-restarted":
      case "peer-hung":
        return this.#harmPod(fault);
      case "walled-off":
        return this.#wallOff(fault);
      case "evicted":
        return this.#evict(fault);
      case "impostor":
        return this.#knock(fault);
      case "rolled-out":
        return this.#rollOut(fault);
      case "pod-added":
      case "reform-asked":
        return this.#ofNetwork(fault);
    }
  }

  async #harmFunction(fault: Of<"function-killed" | "function-stopped">): Promise<void> {
    const { functions } = this.#world;
    const slot = fault.instance % functions.count;
    await this.#alone(`function ${slot}`, async () => {
      if (fault.kind === "function-killed") {
        const killed = functions.kill(slot);
        if (killed === undefined) return;
        await this.#lasting(fault, `${killed.name} is killed`);
        await killed.restart();
      } else {
        const stopped = functions.stop(slot);
        if (stopped === undefined) return;
        await this.#lasting(fault, `${stopped.name} is stopped`);
        stopped.wake();
      }
    });
  }

  async #harmStore(fault: Of<"redis-killed" | "redis-stopped" | "rest-stopped" | "flushed">): Promise<void> {
    const { redis } = this.#world;
    const part = fault.kind === "rest-stopped" ? "rest" : "redis";
    await this.#alone(part, async () => {
      switch (fault.kind) {
        case "flushed":
          await redis.flush();
          this.#did(fault, "Redis is flushed");
          return;
        case "redis-killed":
          await redis.redis.kill();
          await this.#lasting(fault, "Redis is killed");
          await redis.redis.restart();
          return;
        case "redis-stopped":
        case "rest-stopped":
          redis[part].pause();
          await this.#lasting(fault, part === "redis" ? "Redis is stopped" : "Redis' REST port is stopped");
          redis[part].resume();
      }
    });
  }

  async #harmApi(fault: Of<"api-wrong" | "api-stale" | "source-away">): Promise<void> {
    const { api } = this.#world;
    await this.#alone(fault.kind, async () => {
      switch (fault.kind) {
        case "api-wrong":
          api.fail(fault.fault);
          await this.#lasting(fault, `the API server is ${fault.fault.tag}`);
          api.fail(undefined);
          return;
        case "api-stale":
          api.freezeLists();
          await this.#lasting(fault, "the API server's lists are stale");
          api.thawLists();
          return;
        case "source-away":
          await this.#world.unwatch();
          await this.#lasting(fault, "the source sees nothing");
          this.#world.watch();
      }
    });
  }

  async #harmPod(fault: Of<"pod-lost" | "pod-removed" | "peer-restarted" | "peer-hung">): Promise<void> {
    const { kubelet } = this.#world;
    const network = this.#network(fault);
    const pod = this.#pod(fault);
    if (pod === undefined || (fault.kind === "pod-removed" && network.pods.length <= FEWEST)) return;
    switch (fault.kind) {
      case "pod-lost":
        this.#did(fault, `${pod.name} is lost, and replaced`);
        return kubelet.lose(pod, fault.goneMs);
      case "pod-removed":
        this.#did(fault, `${pod.name} is deleted`);
        return kubelet.delete(pod, fault.graceMs);
      case "peer-restarted":
        this.#did(
          fault,
          `the peer of ${pod.name} restarts within ${fault.ms} ms, seen ${fault.seenMs} ms later`,
        );
        return kubelet.restart(pod, fault.ms, fault.seenMs);
      case "peer-hung": {
        const wake = await kubelet.hang(pod);
        await this.#lasting(fault, `the peer of ${pod.name} hangs`);
        return wake();
      }
    }
  }

  async #wallOff(fault: Of<"walled-off">): Promise<void> {
    const one = this.#pod(fault);
    if (one === undefined) return;
    const pods = fault.all ? this.#idle(one.network) : [one];
    const fall = await Promise.all(pods.map((pod) => this.#world.kubelet.wall(pod, fault.how)));
    const whose = fault.all ? `all of ${one.network.id}` : one.name;
    await this.#lasting(fault, `a firewall would ${fault.how} klight at ${whose}`);
    await Promise.all(fall.map((each) => each()));
  }

  async #evict(fault: Of<"evicted">): Promise<void> {
    const { networks, kubelet } = this.#world;
    const pod = this.#pod(fault);
    const others = networks.filter((network) => network !== pod?.network && network.pods.length < MOST);
    const taker = others[fault.pod % Math.max(1, others.length)];
    if (pod === undefined || taker === undefined) return;
    this.#did(fault, `${pod.name} is evicted, its address goes to ${taker.id}`);
    await kubelet.evict(pod, { ...fault, taker });
  }

  /** Whoever knocks: members are named at the seed from an address that is not theirs, for as long as this lasts. */
  async #knock(fault: Of<"impostor">): Promise<void> {
    const { contacts } = this.#world;
    const network = this.#network(fault);
    await this.#alone(`impostor at ${network.id}`, async () => {
      this.#did(fault, `somebody names members of ${network.id} at klight's seed for ${fault.ms} ms`);
      const until = performance.now() + fault.ms;
      const asked = this.#askReform(network);
      while (performance.now() < until && !this.#healing.signal.aborted) {
        const read = await contacts.read([network.key]);
        const seed = read.tag === "read" ? read.views[0]?.intent?.seed : undefined;
        if (seed === undefined) await this.#pause(20);
        else await this.#knockAt(seed, network);
      }
      await asked;
    });
  }

  async #knockAt(seed: string, { id, pods }: Network): Promise<void> {
    const hauls = pods.map(({ address: name }) =>
      knock({ seed, name, from: IMPOSTOR, patienceMs: PATIENCE_MS }),
    );
    const blocks = (await Promise.all(hauls)).reduce((sum, haul) => sum + haul.blocks.length, 0);
    this.knocks += hauls.length;
    if (blocks > 0) throw new Error(`somebody who is no peer of ${id} got ${blocks} blocks at klight's seed`);
  }

  /** Every pod of a network is replaced, one after the other. */
  async #rollOut(fault: Of<"rolled-out">): Promise<void> {
    const { kubelet } = this.#world;
    const network = this.#network(fault);
    await this.#alone(`roll-out of ${network.id}`, async () => {
      const how = `${fault.newFirst ? "new" : "old"} pods first, ${fault.gated ? "each joined before the next" : `${fault.ms} ms apart`}`;
      this.#did(fault, `${network.id} is rolled out, ${how}`);
      const create = async (): Promise<void> => {
        const pod = await kubelet.create(network);
        if (fault.gated) await this.#joined(pod);
      };
      for (const old of network.pods.slice()) {
        if (this.#healing.signal.aborted) return;
        if (old.isBusy || !network.pods.includes(old)) continue;
        old.isBusy = true;
        if (fault.newFirst) await create();
        await kubelet.delete(old, GRACE_MS);
        if (!fault.newFirst) await create();
        await this.#pause(fault.ms);
      }
    });
  }

  async #joined(pod: ChaosPod): Promise<void> {
    const until = performance.now() + LONGEST_GATE_MS;
    while (performance.now() < until && !this.#healing.signal.aborted && !this.#world.kubelet.saysJoined(pod))
      await this.#pause(50);
  }

  async #ofNetwork(fault: Of<"pod-added" | "reform-asked">): Promise<void> {
    const { kubelet } = this.#world;
    const network = this.#network(fault);
    if (fault.kind === "pod-added") {
      if (network.pods.length >= MOST) return;
      this.#did(fault, `${network.id} gets one more pod`);
      await kubelet.create(network);
    } else {
      this.#did(fault, `somebody asks for ${network.id} to be re-formed`);
      await this.#askReform(network);
    }
  }

  /** What comes of it is in the function's log; its instance may die over it. */
  async #askReform({ key }: Network): Promise<void> {
    const url = new URL(`networks/${key}/reform`, this.#world.functions.url);
    const asked = await fetch(url, { method: "POST" }).catch(() => undefined);
    await asked?.arrayBuffer().catch(() => undefined);
  }

  /** One to whom nothing happens. */
  #pod(fault: { readonly network: number; readonly pod: number }): ChaosPod | undefined {
    const idle = this.#idle(this.#network(fault));
    return idle[fault.pod % Math.max(1, idle.length)];
  }

  #idle(network: Network): readonly ChaosPod[] {
    return network.pods.filter(({ isBusy, name }) => !isBusy && this.#isUp(network, name));
  }

  #network({ network }: { readonly network: number }): Network {
    const { networks } = this.#world;
    const found = networks[network % networks.length];
    if (found === undefined) throw new Error("there is no network");
    return found;
  }

  /** A pod whose containers have not started has no peer to harm. */
  #isUp({ pods }: Network, name: string): boolean {
    const pod = pods.find((each) => each.name === name);
    return pod !== undefined && this.#world.api.pods.get(pod)?.status.phase === "Running";
  }

  /** Nothing goes wrong with a thing that something is wrong with already. */
  async #alone(what: string, work: () => Promise<void>): Promise<void> {
    if (this.#busy.has(what)) return;
    this.#busy.add(what);
    try {
      await work();
    } finally {
      this.#busy.delete(what);
    }
  }

  #did({ kind }: Fault, line: string): void {
    this.done.set(kind, (this.done.get(kind) ?? 0) + 1);
    this.#options.tell(line);
  }

  #lasting(fault: Fault & { readonly ms: number }, line: string): Promise<void> {
    this.#did(fault, `${line} for ${fault.ms} ms`);
    return this.#pause(fault.ms);
  }

  async #pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.#healing.signal }).catch(() => undefined);
  }
}
