import type { ApiObjects, WatchEvent } from "./api-objects.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "../harness/virtual-clock.ts";

/** How the platform brings events to the function. */
export interface DeliveryMode {
  /** Straight from the source, one after the other; or through a Broker, side by side. */
  readonly through: "source" | "broker";
}

/** `retry`: refused for now, or the connection was cut. `later`: refused for longer; a source without a Broker lets go. */
export type Handled = "taken" | "retry" | "later";

/** Waits between the tries of an ApiServerSource's adapter: five, within about three seconds. */
const SOURCE_WAITS_MS = [100, 200, 400, 800, 1_600];
/** Waits of a Trigger with an exponential backoff from half a second. */
const TRIGGER_WAITS_MS = [500, 1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 64_000];
/** A Trigger gives an answer up after so long and sends the event again. */
const TRIGGER_TIMEOUT_MS = 120_000;

/** The adapter's watch of labelled pods, and what carries its events to the function. */
export class Delivery {
  /** Until then the adapter is away, and sees nothing of what happens; ms since 1970. */
  awayUntil = 0;
  /** Until then events are up to this late, and come twice with this probability. */
  roughUntil = 0;
  lagMs = 0;
  duplicates = 0;
  /** Events under way. */
  pending = 0;
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #mode: DeliveryMode;
  readonly #handle: (event: WatchEvent) => Promise<Handled>;
  #serial: Promise<void> = Promise.resolve();

  constructor(
    objects: ApiObjects,
    around: { readonly clock: VirtualClock; readonly random: Random; readonly mode: DeliveryMode },
    handle: (event: WatchEvent) => Promise<Handled>,
  ) {
    this.#clock = around.clock;
    this.#random = around.random;
    this.#mode = around.mode;
    this.#handle = handle;
    objects.watch((event) => {
      this.#see(event);
    });
  }

  heal(): void {
    this.awayUntil = 0;
    this.roughUntil = 0;
  }

  #see(event: WatchEvent): void {
    const now = this.#clock.now();
    if (now < this.awayUntil) return;
    const rough = now < this.roughUntil;
    this.#send(event, rough ? this.#random.between(0, this.lagMs) : this.#random.between(1, 20));
    if (rough && this.#random.chance(this.duplicates)) this.#send(event, this.#random.between(1, this.lagMs));
  }

  #send(event: WatchEvent, lagMs: number): void {
    this.pending += 1;
    if (this.#mode.through === "broker") {
      void this.#clock
        .sleep(lagMs + this.#random.between(1, 30))
        .then(() => this.#try(event, TRIGGER_WAITS_MS, TRIGGER_TIMEOUT_MS));
      return;
    }
    const seen = this.#clock.sleep(lagMs);
    this.#serial = this.#serial.then(() => seen).then(() => this.#try(event, SOURCE_WAITS_MS));
  }

  async #try(event: WatchEvent, waits: readonly number[], timeoutMs?: number): Promise<void> {
    for (const wait of [...waits, undefined]) {
      const handling = this.#handle(event);
      const late = timeoutMs === undefined ? undefined : this.#clock.sleep(timeoutMs).then(() => "retry");
      const handled = await (late ? Promise.race([handling, late]) : handling);
      const isLetGo = handled === "later" && this.#mode.through === "source";
      if (handled === "taken" || isLetGo || wait === undefined) break;
      await this.#clock.sleep(wait * this.#random.between(0.9, 1.1));
    }
    this.pending -= 1;
  }
}
