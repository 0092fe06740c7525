import type { Deps, Settings } from "../../lib/deps.ts";
import type { Log } from "../../lib/log.ts";
import { createMemoryBudget, type MemoryBudget } from "../../lib/memory-budget.ts";
import { createTurns } from "../../lib/keyed-queue.ts";
import { Life } from "../harness/lightpeer/life.ts";
import { createSeeds, type EntrySent } from "./seeds.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "../harness/virtual-clock.ts";
import type { Wire } from "./wire.ts";

/** What happens at the n-th call of a port from now on. */
export interface CallFault {
  calls: number;
  /** Before it is sent, while it is under way, or when its answer comes. */
  readonly when: "unsent" | "under-way" | "answered";
  readonly what: "crash" | "pause";
  /** Length of a pause, ms. */
  readonly ms: number;
}

interface Around {
  readonly time: VirtualClock;
  readonly wire: Wire;
  readonly random: Random;
  readonly address: string;
  readonly onSent: EntrySent;
}

/** Memory of one process for histories, bytes. */
const HISTORIES = 64 * 1_024 * 1_024;

type Ports = Pick<Deps, "contacts" | "cluster" | "lightpeer">;
type Method = (...args: readonly never[]) => unknown;

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/**
 * One process of the function. All that its code waits for passes through its life: stopped, it goes on when it is
 * woken; dead, it never does, and what it had begun elsewhere is cut.
 */
export class Instance {
  readonly life = new Life();
  readonly faults: CallFault[] = [];
  readonly turns = createTurns();
  readonly #histories: MemoryBudget;
  readonly #around: Around;
  readonly #seeds: ReturnType<typeof createSeeds>;
  #stops = 0;
  #pauses = 0;

  constructor(around: Around) {
    this.#around = around;
    this.#histories = createMemoryBudget(HISTORIES, {
      sleep: (ms) => this.#pass(() => around.time.sleep(ms)),
    });
    this.#seeds = createSeeds({ ...around, timers: around.time }, this.life, around.address);
  }

  /** The real code's deps over these ports, every call of them with this instance's fate. */
  deps(ports: Ports, settings: Settings, newToken: () => string): Deps {
    const { time } = this.#around;
    return {
      contacts: this.#guard(ports.contacts),
      cluster: this.#guard(ports.cluster),
      lightpeer: this.#guard(ports.lightpeer),
      seeds: this.#guard(this.#seeds),
      clock: { now: () => time.now(), sleep: (ms) => this.#pass(() => time.sleep(ms)) },
      turns: this.turns,
      histories: this.#histories,
      newToken,
      log: quiet,
      settings,
    };
  }

  get seed(): string {
    return this.#around.address;
  }

  pause(ms: number): void {
    if (this.life.status === "dead") return;
    this.life.hang();
    this.#pauses += 1;
    this.#stops += 1;
    this.#around.time.after(ms, () => {
      this.#stops -= 1;
      if (this.#stops === 0) this.life.wake();
    });
  }

  /** Goes on, and nothing more happens to it. */
  heal(): void {
    this.faults.length = 0;
    this.life.wake();
  }

  /** How often it was stopped. */
  get pauses(): number {
    return this.#pauses;
  }

  #guard<Port extends object>(port: Port): Port {
    const guarded = Object.entries(port).map(([name, method]: [string, Method]) => [
      name,
      (...args: readonly never[]) => this.#pass(() => Promise.resolve(method(...args))),
    ]);
    return Object.fromEntries(guarded) as Port;
  }

  async #pass<Answer>(call: () => Promise<Answer>): Promise<Answer> {
    const fault = this.#dueFault();
    if (fault?.when === "unsent") this.#strike(fault);
    if (this.life.status === "dead") return new Promise(() => {});
    const answering = call();
    if (fault?.when === "under-way") {
      const { time, random } = this.#around;
      time.after(random.between(0, 4), () => {
        this.#strike(fault);
      });
    }
    const answer = await answering;
    if (fault?.when === "answered") this.#strike(fault);
    return this.life.gate(Promise.resolve(answer));
  }

  #dueFault(): CallFault | undefined {
    for (const fault of this.faults) fault.calls -= 1;
    const index = this.faults.findIndex(({ calls }) => calls < 0);
    return index < 0 ? undefined : this.faults.splice(index, 1)[0];
  }

  #strike({ what, ms }: CallFault): void {
    if (what === "crash") this.life.kill();
    else this.pause(ms);
  }
}
