import type { Timers } from "../harness/timers.ts";
import type { Dialer, PeerCalls } from "../harness/lightpeer/calls.ts";
import { Life } from "../harness/lightpeer/life.ts";
import { MemoryCalls } from "../harness/lightpeer/memory-call.ts";
import { type Endpoint, type Latency, loopbackLatency } from "../harness/lightpeer/memory-dialer.ts";
import { failed, type Reply } from "../harness/lightpeer/status.ts";
import type { Random } from "./random.ts";

/** Peers reach each other as peers do; a firewall may be between klight and them; applications live beside a peer. */
type Caller = "peer" | "klight" | "application";

const reset = async (): Promise<Reply> => failed("UNAVAILABLE", "read ECONNRESET");

/** A firewall that takes connections and cuts them. */
const resetting: Endpoint = {
  life: new Life(),
  calls: {
    joinNetwork: reset,
    connectNewPeer: reset,
    persist: reset,
    query: reset,
    notifyNewBlock: reset,
    check: reset,
  },
};

/** Who answers at an address; klight's seed answers each caller by where the call comes from, `host:port`. */
export type Listener =
  Endpoint | { readonly life: Life; readonly callsFrom: (address: string, caller: Life) => PeerCalls };

/** A firewall between klight and an address: what becomes of a try, and since when, ms since 1970. */
interface Wall {
  readonly how: "refuse" | "reset";
  readonly since: number;
}

/** The network of a simulated cluster: who listens at which address, peers and seeds alike. */
export class Wire {
  readonly #timers: Timers;
  readonly #latency: Latency;
  readonly #listeners = new Map<string, Listener>();
  /** Addresses that klight does not get through to, though somebody listens there. */
  readonly walls = new Map<string, Wall>();
  #blocks = 0;

  constructor(timers: Timers, random: Random) {
    this.#timers = timers;
    this.#latency = loopbackLatency(random.next);
  }

  /** Who answers at an address from now on; undefined: nobody, connections are refused. */
  listen(address: string, listener: Listener | undefined): void {
    if (listener) this.#listeners.set(address, listener);
    else this.#listeners.delete(address);
  }

  /** How a process reaches others, and where it calls from; when it dies its calls are cut. */
  dialer(caller: Life, who: Caller, from: () => string = () => "192.0.2.1:1"): Dialer {
    const known = new Map<string, PeerCalls>();
    const callsTo = (to: string): PeerCalls => {
      const find = (): Endpoint | undefined => {
        const wall = who === "klight" ? this.walls.get(to) : undefined;
        if (wall !== undefined) return wall.how === "reset" ? resetting : undefined;
        const listener = this.#listeners.get(to);
        return listener && "callsFrom" in listener
          ? { life: listener.life, calls: listener.callsFrom(from(), caller) }
          : listener;
      };
      const isPeer = who === "peer";
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
