import type { Deps, Settings } from "../../lib/deps.ts";
import type { Outcome } from "../../lib/outcome.ts";
import type { Wire } from "./wire.ts";
import type { VirtualClock } from "../harness/virtual-clock.ts";
import type { ApiServer } from "./api-server.ts";
import { type CallFault, Instance } from "./instance.ts";
import { createLightpeerClient } from "./lightpeer-client.ts";
import type { Random } from "./random.ts";
import type { Store } from "./store.ts";
import type { Witness } from "./witness.ts";

/** Changes what a step gets to see, for a defect. */
export type Tamper = (deps: Deps) => Deps;

interface Around {
  readonly clock: VirtualClock;
  readonly wire: Wire;
  readonly random: Random;
  readonly store: Store;
  readonly api: ApiServer;
  readonly witness: Witness;
  readonly settings: Settings;
  readonly tamper: Tamper;
}

/** The function as the platform runs it: some instances, each replaced a while after it died. */
export class FunctionService {
  readonly #around: Around;
  readonly #slots: (Instance | undefined)[];
  #started = 0;
  #tokens = 0;
  #running = 0;

  constructor(around: Around, instances: number) {
    this.#around = around;
    this.#slots = Array.from({ length: instances }, () => undefined);
    for (const slot of this.#slots.keys()) this.#start(slot);
  }

  /** Steps under way. */
  get running(): number {
    return this.#running;
  }

  addFault(slot: number, fault: CallFault): void {
    this.#slots[slot % this.#slots.length]?.faults.push({ ...fault });
  }

  /** Where the seeds of the instances are. */
  get seeds(): readonly string[] {
    return this.#slots.flatMap((instance) => instance?.seed ?? []);
  }

  heal(): void {
    for (const instance of this.#slots) instance?.heal();
  }

  /** One request, to any instance. Undefined: its instance died over it. */
  async request(
    what: string,
    handle: (deps: Deps) => Promise<readonly Outcome[]>,
  ): Promise<readonly Outcome[] | undefined> {
    const { clock, random, witness } = this.#around;
    await clock.sleep(random.between(0.5, 4));
    let instance = this.#any();
    while (instance === undefined) {
      await clock.sleep(50);
      instance = this.#any();
    }
    const step = witness.step(what);
    const serving = instance;
    this.#running += 1;
    return new Promise((resolve) => {
      const over = (outcomes: readonly Outcome[] | undefined): void => {
        this.#running -= 1;
        resolve(outcomes);
      };
      const stop = serving.life.onDeath(() => {
        witness.died(step);
        over(undefined);
      });
      const pausesBefore = serving.pauses;
      const lightpeer = createLightpeerClient(clock, this.#around.wire.dialer(serving.life, "klight"));
      const ports = {
        contacts: this.#around.store.client(),
        cluster: witness.watchReads(this.#around.api.client(), step),
        lightpeer: witness.watch(lightpeer, step),
      };
      const deps = serving.deps(ports, this.#around.settings, () => `token-${(this.#tokens += 1)}`);
      const end = (): void => {
        stop();
        step.endedAt = clock.now();
        if (serving.pauses > pausesBefore) step.disturbed = "paused";
      };
      handle(this.#around.tamper(deps)).then(
        (outcomes) => {
          step.outcomes = outcomes;
          end();
          over(outcomes);
        },
        (error: unknown) => {
          step.error = error;
          end();
          over([]);
        },
      );
    });
  }

  #any(): Instance | undefined {
    const living = this.#slots.filter((instance) => instance !== undefined);
    return living[this.#around.random.below(living.length)];
  }

  #start(slot: number): void {
    const { clock, wire, random, witness } = this.#around;
    const number = (this.#started += 1);
    const address = `10.255.0.${number}:9082`;
    const instance = new Instance({
      time: clock,
      wire,
      random: random.fork(address),
      address,
      onSent: (to, payload) => {
        witness.sent(to, Buffer.from(payload).toString("latin1"));
      },
    });
    this.#slots[slot] = instance;
    instance.life.onDeath(() => {
      this.#slots[slot] = undefined;
      clock.after(random.between(200, 1_500), () => {
        this.#start(slot);
      });
    });
  }
}
