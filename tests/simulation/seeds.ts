import type { Block, Guest, Seed, Seeds } from "../../lib/peers/lightpeer.ts";
import { denialOf } from "../../lib/peers/denial.ts";
import { SeedDoors } from "../../lib/peers/seed/doors.ts";
import { HEALTH_PERIOD_MS } from "../../lib/timing.ts";
import type { PeerCalls } from "../harness/lightpeer/calls.ts";
import type { Life } from "../harness/lightpeer/life.ts";
import { failed, ok, type Reply } from "../harness/lightpeer/status.ts";
import type { Timers } from "../harness/timers.ts";
import type { Wire } from "./wire.ts";

const unimplemented = failed("UNIMPLEMENTED", "unknown method");

/** One ConnectNewPeer that is expected, as long as klight keeps it open. */
class SimGuest implements Guest {
  readonly came: Promise<"came">;
  readonly #first: Block;
  #take: ((block: Block) => void) | undefined;
  #come: (came: "came") => void = () => {};
  #end: (reply: Reply) => void = () => {};
  #isOver = false;

  constructor(first: Block) {
    this.#first = first;
    this.came = new Promise((resolve) => {
      this.#come = resolve;
    });
  }

  serve(take: (block: Block) => void): Promise<Reply> | undefined {
    if (this.#take !== undefined || this.#isOver) return undefined;
    this.#take = take;
    take(this.#first);
    this.#come("came");
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async send(blocks: readonly Block[]): Promise<void> {
    if (!this.#isOver) for (const block of blocks) this.#take?.(block);
  }

  finish(): void {
    this.#over(ok);
  }

  turnAway(): void {
    this.#over(failed("UNAVAILABLE", "the re-form was given up"));
  }

  #over(reply: Reply): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#end(reply);
  }
}

/** The seed of one instance: one port for all networks that it re-forms at a time, closed when there is none. */
export function createSeeds(
  { wire, timers }: { readonly wire: Pick<Wire, "listen">; readonly timers: Timers },
  life: Life,
  address: string,
): Seeds {
  const guests = new Map<string, SimGuest>();
  const doors = new SeedDoors();
  let users = 0;
  const calls: PeerCalls = {
    connectNewPeer: (_ctx, guest, take) =>
      guests.get(guest)?.serve(take) ?? Promise.resolve(failed("PERMISSION_DENIED", denialOf(guest))),
    check: async () => ok,
    notifyNewBlock: async (_ctx, block) =>
      (await doors.passes(block)) ? unimplemented : failed("UNKNOWN", "the network is being re-formed"),
    joinNetwork: async () => unimplemented,
    persist: async () => unimplemented,
    query: async () => unimplemented,
  };
  const leaveLater = (): void => {
    timers.after(HEALTH_PERIOD_MS, () => {
      users -= 1;
      if (users === 0) wire.listen(address, undefined);
    });
  };
  return {
    open: async (use) => {
      const own = new Map<string, SimGuest>();
      users += 1;
      wire.listen(address, { life, calls });
      const { letPass, leave } = doors.enter(use);
      const seed: Seed = {
        address,
        letPass,
        expect: (peer, first) => {
          const guest = new SimGuest(first);
          own.set(peer, guest);
          guests.set(peer, guest);
          return guest;
        },
        close: () => {
          for (const [peer, guest] of own) {
            guest.turnAway();
            if (guests.get(peer) === guest) guests.delete(peer);
          }
          leave();
          leaveLater();
        },
      };
      return { tag: "open", seed };
    },
  };
}
