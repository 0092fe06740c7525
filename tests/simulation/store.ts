import type { Change, Contact, Contacts, StoreFailure } from "../../lib/store/contacts.ts";
import type { MemoryContacts } from "../../lib/store/memory.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "../harness/virtual-clock.ts";

/** What can happen to one request: executed but not answered, sent twice, or executed long after it was given up. */
export type Mishap = "lost-reply" | "sent-twice" | "late";

/** How long the client waits for a store that does not answer before it gives up, ms. */
const TIMEOUT_MS = 1_500;

const failure = (message: string): StoreFailure => ({ tag: "failed", message });

/** What a change did to a stack, for those who watch. */
export interface StackEvents {
  /** Contacts that were on it and are not any more. */
  readonly onDropped: (network: string, contacts: readonly Contact[], how: string) => void;
  /** The first contact of a stack that was empty. */
  readonly onFounded: (network: string, contact: Contact) => void;
}

/** The store behind a network that loses, repeats and delays requests. */
export class Store {
  awayUntil = 0;
  slowUntil = 0;
  /** When it lost everything, leases too, ms since 1970. */
  flushedAt = 0;
  readonly mishaps: Mishap[] = [];
  readonly memory: MemoryContacts;
  readonly #time: VirtualClock;
  readonly #random: Random;
  readonly #events: StackEvents;

  constructor(
    memory: MemoryContacts,
    { time, random, ...events }: { time: VirtualClock; random: Random } & StackEvents,
  ) {
    this.memory = memory;
    this.#time = time;
    this.#random = random;
    this.#events = events;
  }

  heal(): void {
    this.awayUntil = 0;
    this.slowUntil = 0;
    this.mishaps.length = 0;
  }

  flush(): void {
    this.flushedAt = this.#time.now();
    this.memory.flush();
  }

  client(): Contacts {
    const { memory } = this;
    return {
      begin: (...call) => this.#ask(() => memory.begin(...call)),
      mark: (...call) => this.#ask(() => memory.mark(...call)),
      commit: (network, token, change) =>
        this.#ask(() => this.#watched(network, change, () => memory.commit(network, token, change))),
      leave: (network, ...call) =>
        this.#ask(() => this.#watched(network, undefined, () => memory.leave(network, ...call))),
      networks: () => this.#ask(() => memory.networks()),
      read: (networks) => this.#ask(() => memory.read(networks)),
      sweepPlace: () => this.#ask(() => memory.sweepPlace()),
      keepSweepPlace: (network) => this.#ask(() => memory.keepSweepPlace(network)),
    };
  }

  async stack(network: string): Promise<readonly Contact[]> {
    const read = await this.memory.read([network]);
    return read.tag === "read" ? (read.views[0]?.stack ?? []) : [];
  }

  async #watched<Answer>(
    network: string,
    by: Change | undefined,
    change: () => Promise<Answer>,
  ): Promise<Answer> {
    // The memory store executes when it is called, so that nothing comes between these three.
    const reading = this.stack(network);
    const changing = change();
    const after = await this.stack(network);
    const before = await reading;
    const dropped = before.filter(
      ({ uid, incarnation }) =>
        !after.some((contact) => contact.uid === uid && contact.incarnation === incarnation),
    );
    if (dropped.length > 0) this.#events.onDropped(network, dropped, how(by));
    const [first] = after;
    const isFounder = before.length === 0 && by?.push !== undefined && after.length === 1;
    if (isFounder && first) this.#events.onFounded(network, first);
    return changing;
  }

  async #ask<Answer>(execute: () => Promise<Answer>): Promise<Answer | StoreFailure> {
    await this.#travel();
    if (this.#time.now() < this.awayUntil) {
      await this.#time.sleep(TIMEOUT_MS);
      return failure("the store is away");
    }
    const mishap = this.mishaps.shift();
    if (mishap === "late") {
      this.#time.after(this.#random.between(TIMEOUT_MS, 8_000), () => void execute());
      await this.#time.sleep(TIMEOUT_MS);
      return failure("the store did not answer in time");
    }
    let answer = await execute();
    if (mishap === "lost-reply") {
      await this.#time.sleep(TIMEOUT_MS);
      return failure("the connection to the store was cut");
    }
    if (mishap === "sent-twice") {
      await this.#time.sleep(this.#random.between(5, 400));
      answer = await execute();
    }
    await this.#travel();
    return answer;
  }

  async #travel(): Promise<void> {
    const slow = this.#time.now() < this.slowUntil;
    await this.#time.sleep(slow ? this.#random.between(20, 700) : this.#random.between(0.2, 1.5));
  }
}

function how(change: Change | undefined): string {
  if (change === undefined) return "leave";
  return change.stack ? "commit of a whole stack" : `commit of ${change.drop?.length ?? 0} drops`;
}
