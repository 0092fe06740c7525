import assert from "node:assert/strict";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import type { Clock } from "../../lib/clock.ts";
import { createLightpeerClient } from "../../lib/peers/client/grpc-client.ts";
import { createSeeds } from "../../lib/peers/seed/seeds.ts";
import type { Block, Lightpeer, Seeds } from "../../lib/peers/lightpeer.ts";
import type { Dialer, PeerCalls, PeerHost, PeerOptions } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { addServices } from "../harness/lightpeer/grpc-services.ts";
import { Life } from "../harness/lightpeer/life.ts";
import { MemoryNetwork } from "../harness/lightpeer/memory-dialer.ts";
import { failed, type Reply } from "../harness/lightpeer/status.ts";
import { entriesAt, whole, type Wholeness } from "../harness/lightpeer/whole.ts";
import { seededRandom } from "../harness/random.ts";
import { systemTimers, type Timers } from "../harness/timers.ts";
import { VirtualClock } from "../harness/virtual-clock.ts";
import { createLightpeerClient as createSimulatedClient } from "../simulation/lightpeer-client.ts";
import { createSeeds as createSimulatedSeeds } from "../simulation/seeds.ts";
import type { Listener } from "../simulation/wire.ts";

interface Ground {
  readonly timers: Timers;
  readonly dialer: Dialer;
  readonly random: () => number;
  /** klight's calls to these peers, and its seed among them. */
  readonly klight: { readonly lightpeer: Lightpeer; readonly seeds: Seeds };
  start(options: PeerOptions): Promise<PeerHost>;
  /** Answers calls at a new address. */
  listen(calls: PeerCalls): Promise<string>;
}

const lacking = async (): Promise<Reply> => failed("UNIMPLEMENTED", "unknown method");

/** Health checks out of step, so that peers do not race to clean up after a death. */
export const outOfStep = (index: number): PeerOptions => ({ firstRoundMs: (index * 137) % 500 });

/** Peers that were started together: their health checks are near each other, and drift. */
const startedTogether = (random: () => number) => (): PeerOptions => ({ firstRoundMs: random() * 50 });

/** Lightpeers and what a test does to them, the same on every transport. */
export class World {
  readonly #ground: Ground;
  readonly #phase: (index: number) => PeerOptions;
  readonly random: () => number;
  readonly klight: Ground["klight"];
  readonly clock: Clock;
  readonly hosts: PeerHost[] = [];

  constructor(ground: Ground, phase: (index: number) => PeerOptions) {
    this.#ground = ground;
    this.#phase = phase;
    this.random = ground.random;
    this.klight = ground.klight;
    this.clock = ground.timers;
  }

  async start(options: PeerOptions = {}): Promise<PeerHost> {
    const host = await this.#ground.start({ ...this.#phase(this.hosts.length), ...options });
    this.hosts.push(host);
    return host;
  }

  /** A network whose members joined one after the other, each through the newest. */
  async network(size: number): Promise<PeerHost[]> {
    const members: PeerHost[] = [];
    for (let index = 0; index < size; index += 1) {
      const host = await this.start();
      const contact = members.at(-1);
      if (contact) assert.deepEqual(await this.join(host, contact), { tag: "ok" });
      members.push(host);
    }
    return members;
  }

  listen(calls: Partial<PeerCalls>): Promise<string> {
    return this.#ground.listen({
      joinNetwork: lacking,
      connectNewPeer: lacking,
      persist: lacking,
      query: lacking,
      notifyNewBlock: lacking,
      check: lacking,
      ...calls,
    });
  }

  now(): number {
    return this.#ground.timers.now();
  }

  sleep(ms: number): Promise<void> {
    return this.#ground.timers.sleep(ms);
  }

  at({ address }: { readonly address: string }): PeerCalls {
    return this.#ground.dialer.dial(address);
  }

  within(ms: number): Context {
    return Context.within(this.#ground.timers, ms);
  }

  async call(ms: number, run: (ctx: Context) => Promise<Reply>): Promise<Reply> {
    const ctx = this.within(ms);
    const reply = await run(ctx);
    ctx.release();
    return reply;
  }

  join(joiner: PeerHost, contact: { readonly address: string }, ms = 5_000): Promise<Reply> {
    return this.call(ms, (ctx) => this.at(joiner).joinNetwork(ctx, contact.address));
  }

  persist(host: PeerHost, entry: string, ms = 5_000): Promise<Reply> {
    return this.call(ms, (ctx) => this.at(host).persist(ctx, Buffer.from(entry)));
  }

  notify(host: { readonly address: string }, block: Block): Promise<Reply> {
    return this.call(5_000, (ctx) => this.at(host).notifyNewBlock(ctx, block));
  }

  async entries(host: PeerHost): Promise<readonly string[]> {
    const { entries } = await entriesAt(this.#peers([host]), host.address);
    return entries;
  }

  whole(hosts: readonly PeerHost[]): Promise<Wholeness> {
    return whole(this.#peers(hosts));
  }

  #peers(hosts: readonly PeerHost[]): Parameters<typeof whole>[0] {
    const { dialer, timers } = this.#ground;
    return { dialer, timers, addresses: hosts.map(({ address }) => address) };
  }
}

export type Scenario<T = void> = (world: World) => Promise<T>;

const virtual = async <T>(
  scenario: Scenario<T>,
  seed: number,
  phases: (random: () => number) => (index: number) => PeerOptions,
): Promise<T> => {
  const clock = new VirtualClock();
  const random = seededRandom(seed);
  const network = new MemoryNetwork(clock, random);
  let places = 0;
  const place = (): string => {
    places += 1;
    return `10.0.0.${places}:9081`;
  };
  // In these worlds whoever comes to the seed is who it says it is.
  const listen = (address: string, listener: Listener | undefined): void => {
    if (listener === undefined || "calls" in listener) return network.listen(address, listener);
    const { life, callsFrom } = listener;
    const connectNewPeer: PeerCalls["connectNewPeer"] = (ctx, guest, take) =>
      callsFrom(guest, life).connectNewPeer(ctx, guest, take);
    return network.listen(address, { life, calls: { ...callsFrom("", life), connectNewPeer } });
  };
  const ground: Ground = {
    timers: clock,
    dialer: network.dialer(),
    random,
    klight: {
      lightpeer: createSimulatedClient(clock, network.dialer()),
      seeds: createSimulatedSeeds({ wire: { listen }, timers: clock }, new Life(), "10.255.0.1:9082"),
    },
    start: async (options) => network.start(place(), options),
    listen: async (calls) => {
      const address = place();
      network.listen(address, { life: new Life(), calls });
      return address;
    },
  };
  return clock.run(scenario(new World(ground, phases(random))));
};

/** Plays a scenario in virtual time, chance left out as far as it goes. */
export const inMemory = (scenario: Scenario): Promise<void> => virtual(scenario, 1, () => outOfStep);

/** Plays a scenario in virtual time, by chance; the same seed plays it the same way. */
export const withSeed = <T>(scenario: Scenario<T>, seed: number): Promise<T> =>
  virtual(scenario, seed, startedTogether);

/** A machine that stood still for so long, in ns, has moved health checks to other moments than the scenario has them at. */
const STOOD_STILL_NS = 50e6;

/** Plays a scenario over real gRPC and in real time; again, if it fails and the machine has stood still meanwhile. */
export const overGrpc = async (scenario: Scenario): Promise<void> => {
  for (let left = 4; ; left -= 1) {
    const delays = monitorEventLoopDelay({ resolution: 5 });
    delays.enable();
    try {
      return await onceOverGrpc(scenario);
    } catch (error) {
      if (left === 1 || delays.max < STOOD_STILL_NS) throw error;
    } finally {
      delays.disable();
    }
  }
};

const onceOverGrpc = async (scenario: Scenario): Promise<void> => {
  const servers: Server[] = [];
  const lightpeer = createLightpeerClient();
  const ground: Ground = {
    timers: systemTimers,
    dialer: grpcDialer(),
    random: seededRandom(1),
    klight: { lightpeer, seeds: createSeeds({ port: 0, address: "127.0.0.1" }) },
    start: startGrpcPeer,
    listen: async (calls) => {
      const server = new Server();
      servers.push(server);
      addServices(server, calls, { life: new Life(), timers: systemTimers });
      const port = await new Promise<number>((resolve, reject) => {
        server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, bound) => {
          if (error) reject(error);
          else resolve(bound);
        });
      });
      return `127.0.0.1:${port}`;
    },
  };
  const world = new World(ground, outOfStep);
  try {
    await scenario(world);
  } finally {
    lightpeer.release();
    await Promise.all(world.hosts.map((host) => host.kill()));
    for (const server of servers) server.forceShutdown();
  }
};
