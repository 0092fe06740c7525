import type { Timers } from "../timers.ts";
import type { Dialer, JoinRecord, Lacks, PeerCalls, PeerHost, PeerState } from "./calls.ts";
import { Life } from "./life.ts";
import { Machine } from "./machine.ts";
import { MemoryCalls, type Route } from "./memory-call.ts";

/** How long things take on the way, in ms; each is called once for every time that it is needed. */
export interface Latency {
  /** To make a connection. */
  connect(): number;
  /** One way of a message. */
  way(): number;
  /** For one more block or payload of a stream: read, sent and stored. */
  item(): number;
}

/**
 * Loopback between Go processes: seven joins in a row, 21 notifications in them, take about 63 ms.
 * Now and then a process has to wait for its turn on the processor.
 */
export const loopbackLatency = (random: () => number): Latency => ({
  connect: () => 0.3 + random() * 0.9 + (random() < 0.02 ? random() * 8 : 0),
  way: () => 0.15 + random() * 0.5,
  item: () => 0.03,
});

/** Anybody who answers calls somewhere: a lightpeer, or a seed. */
export interface Endpoint {
  readonly life: Life;
  readonly calls: PeerCalls;
}

/** The network between processes, in memory, on any clock. */
export class MemoryNetwork {
  readonly #timers: Timers;
  readonly #latency: Latency;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #blocked = new Set<string>();
  #blocks = 0;

  constructor(timers: Timers, latency: Latency) {
    this.#timers = timers;
    this.#latency = latency;
  }

  /** Starts a lightpeer. */
  start(address: string, lacks: Lacks = {}): PeerHost {
    return new MemoryPeer(this, this.#timers, { address, lacks });
  }

  /** Who answers at an address from now on; undefined: nobody, connections are refused. */
  listen(address: string, endpoint: Endpoint | undefined): void {
    if (endpoint) this.#endpoints.set(address, endpoint);
    else this.#endpoints.delete(address);
  }

  /** `from` cannot connect to `to` any more: refused, as by a NetworkPolicy that rejects. */
  block(from: string, to: string): void {
    this.#blocked.add(`${from} ${to}`);
  }

  unblock(from: string, to: string): void {
    this.#blocked.delete(`${from} ${to}`);
  }

  /** How a process at an address reaches others; when it dies its calls are cut. */
  dialer(life: Life = new Life(), from = ""): Dialer {
    const known = new Map<string, PeerCalls>();
    return {
      dial: (to) => {
        let calls = known.get(to);
        if (!calls) {
          calls = new MemoryCalls(this.#route(life, from, to));
          known.set(to, calls);
        }
        return calls;
      },
    };
  }

  newId(): string {
    this.#blocks += 1;
    return `block-${this.#blocks}`;
  }

  #route(life: Life, from: string, to: string): Route {
    const path = `${from} ${to}`;
    return {
      to,
      caller: life,
      timers: this.#timers,
      latency: this.#latency,
      find: () => (this.#blocked.has(path) ? undefined : this.#endpoints.get(to)),
    };
  }
}

class MemoryPeer implements PeerHost {
  readonly #machine: Machine;
  readonly #network: MemoryNetwork;

  constructor(network: MemoryNetwork, clock: Timers, { address, lacks }: { address: string; lacks: Lacks }) {
    this.#network = network;
    this.#machine = new Machine({
      address,
      clock,
      lacks,
      newId: () => network.newId(),
      dialerFor: (life) => network.dialer(life, address),
    });
    this.#listen();
  }

  get address(): string {
    return this.#machine.address;
  }

  get lives(): number {
    return this.#machine.lives;
  }

  get status(): Life["status"] {
    return this.#machine.life.status;
  }

  get state(): PeerState {
    return this.#machine.state;
  }

  get joins(): readonly JoinRecord[] {
    return this.#machine.joins;
  }

  async kill(): Promise<void> {
    this.#machine.life.kill();
  }

  hang(): void {
    this.#machine.life.hang();
  }

  wake(): void {
    this.#machine.life.wake();
  }

  async restart(): Promise<void> {
    this.#machine.life.kill();
    this.#machine.reboot();
    this.#listen();
  }

  #listen(): void {
    this.#network.listen(this.address, { life: this.#machine.life, calls: this.#machine.calls });
  }
}
