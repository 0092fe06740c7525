import type { Timers } from "../timers.ts";
import type { Dialer, JoinRecord, PeerCalls, PeerHost, PeerOptions, PeerState } from "./calls.ts";
import { Life } from "./life.ts";
import { Machine } from "./machine.ts";
import { MemoryCalls } from "./memory-call.ts";
import { healthPeriodMs } from "./peer.ts";

/** How long things take on the way, in ms; each is called once for every time that it is needed. */
export interface Latency {
  /** To make a connection. */
  connect(): number;
  /** One way of a message. */
  way(): number;
  /** For one more block or payload of a stream: read, sent and stored. */
  item(): number;
  /** To write a block to its file. */
  write(): number;
}

/**
 * Loopback between Go processes: seven joins in a row, 21 notifications in them, take about 63 ms.
 * Now and then a process has to wait for its turn on the processor.
 */
export const loopbackLatency = (random: () => number): Latency => ({
  connect: () => 0.2 + random() * 0.7 + (random() < 0.02 ? random() * 8 : 0),
  way: () => 0.1 + random() * 0.4,
  item: () => 0.03,
  write: () => 0.1 + random() * 0.4 + (random() < 0.05 ? random() * 5 : 0),
});

/** Anybody who answers calls somewhere: a lightpeer, or a seed. */
export interface Endpoint {
  readonly life: Life;
  readonly calls: PeerCalls;
}

/** The network between processes, in memory, on any clock. */
export class MemoryNetwork {
  readonly #timers: Timers;
  readonly #random: () => number;
  readonly #latency: Latency;
  readonly #endpoints = new Map<string, Endpoint>();
  readonly #blocked = new Set<string>();
  #blocks = 0;

  constructor(timers: Timers, random: () => number, latency: Latency = loopbackLatency(random)) {
    this.#timers = timers;
    this.#random = random;
    this.#latency = latency;
  }

  /** Starts a lightpeer. */
  start(address: string, { lacks = {}, name, firstRoundMs }: PeerOptions = {}): PeerHost {
    const machine = new Machine({
      address,
      name,
      lacks,
      clock: this.#timers,
      newId: () => this.#newId(),
      writeMs: () => this.#latency.write(),
      firstRoundMs: firstRoundMs ?? this.#random() * healthPeriodMs,
      dialerFor: (life) => this.#dialer({ caller: life, from: address, isPeer: true }),
    });
    return new MemoryPeer(machine, (endpoint) => {
      this.listen(address, endpoint);
    });
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

  /** How a client reaches peers, from an address if that matters; when its process dies its calls are cut. */
  dialer(life: Life = new Life(), from = ""): Dialer {
    return this.#dialer({ caller: life, from, isPeer: false });
  }

  #newId(): string {
    this.#blocks += 1;
    return `block-${this.#blocks}`;
  }

  #dialer({ caller, from, isPeer }: { caller: Life; from: string; isPeer: boolean }): Dialer {
    const known = new Map<string, PeerCalls>();
    const callsTo = (to: string): PeerCalls => {
      const path = `${from} ${to}`;
      return new MemoryCalls({
        to,
        caller,
        isPeer,
        timers: this.#timers,
        latency: this.#latency,
        find: () => (this.#blocked.has(path) ? undefined : this.#endpoints.get(to)),
      });
    };
    return {
      dial: (to) => {
        const calls = known.get(to) ?? callsTo(to);
        known.set(to, calls);
        return calls;
      },
    };
  }
}

class MemoryPeer implements PeerHost {
  readonly #machine: Machine;
  readonly #listen: (endpoint: Endpoint) => void;

  constructor(machine: Machine, listen: (endpoint: Endpoint) => void) {
    this.#machine = machine;
    this.#listen = listen;
    listen({ life: machine.life, calls: machine.calls });
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
    const machine = this.#machine;
    machine.life.kill();
    machine.reboot();
    this.#listen({ life: machine.life, calls: machine.calls });
  }
}
