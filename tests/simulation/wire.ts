import type { Timers } from "../harness/timers.ts";
import type { Dialer, PeerCalls } from "../harness/lightpeer/calls.ts";
import type { Life } from "../harness/lightpeer/life.ts";
import { MemoryCalls } from "../harness/lightpeer/memory-call.ts";
import { type Endpoint, type Latency, loopbackLatency } from "../harness/lightpeer/memory-dialer.ts";
import type { Random } from "./random.ts";

/** The network of a simulated cluster: who listens at which address, peers and seeds alike. */
export class Wire {
  readonly #timers: Timers;
  readonly #latency: Latency;
  readonly #endpoints = new Map<string, Endpoint>();
  #blocks = 0;

  constructor(timers: Timers, random: Random) {
    this.#timers = timers;
    this.#latency = loopbackLatency(random.next);
  }

  /** Who answers at an address from now on; undefined: nobody, connections are refused. */
  listen(address: string, endpoint: Endpoint | undefined): void {
    if (endpoint) this.#endpoints.set(address, endpoint);
    else this.#endpoints.delete(address);
  }

  /** How a process reaches others; when it dies its calls are cut. */
  dialer(caller: Life, isPeer: boolean): Dialer {
    const known = new Map<string, PeerCalls>();
    const callsTo = (to: string): PeerCalls => {
      const find = (): Endpoint | undefined => this.#endpoints.get(to);
      return new MemoryCalls({ to, caller, isPeer, timers: this.#timers, latency: this.#latency, find });
    };
    return {
      dial: (to) => {
        const calls = known.get(to) ?? callsTo(to);
        known.set(to, calls);
        return calls;
      },
    };
  }

  newBlockId(): string {
    return `block-${(this.#blocks += 1)}`;
  }
}
