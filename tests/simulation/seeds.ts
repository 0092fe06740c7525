import type { Block, ExpectedPeer, Seed, Seeds } from "../../lib/peers/lightpeer.ts";
import { denialOf } from "../../lib/peers/denial.ts";
import { isFrom } from "../../lib/peers/seed/caller.ts";
import { BlockFilter } from "../../lib/peers/seed/block-filter.ts";
import { HEALTH_PERIOD_MS } from "../../lib/timing.ts";
import type { PeerCalls } from "../harness/lightpeer/calls.ts";
import type { Life } from "../harness/lightpeer/life.ts";
import { failed, ok, type Reply } from "../harness/lightpeer/status.ts";
import type { Timers } from "../harness/timers.ts";
import type { Wire } from "./wire.ts";

/** An entry leaves klight for the process that has called, from this address. */
export type EntrySent = (to: { readonly address: string; readonly life: Life }, payload: Uint8Array) => void;

const unimplemented = failed("UNIMPLEMENTED", "unknown method");

/** One ConnectNewPeer that is expected, as long as klight keeps it open. */
class SimExpected implements ExpectedPeer {
  readonly arrived: Promise<"arrived">;
  readonly #first: Block;
  #take: ((block: Block) => void) | undefined;
  #come: (came: "arrived") => void = () => {};
  #end: (reply: Reply) => void = () => {};
  #isOver = false;

  readonly #onSent: EntrySent;

  constructor(first: Block, onSent: EntrySent) {
    this.#first = first;
    this.#onSent = onSent;
    this.arrived = new Promise((resolve) => {
      this.#come = resolve;
    });
  }

  /** `from`: who calls, and from where. */
  serve(from: Parameters<EntrySent>[0], take: (block: Block) => void): Promise<Reply> | undefined {
    if (this.#take !== undefined || this.#isOver) return undefined;
    this.#take = (block) => {
      if (block.kind === "client") this.#onSent(from, block.payload);
      take(block);
    };
    this.#take(this.#first);
    this.#come("arrived");
    return new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  async send(blocks: Iterable<Block>): Promise<void> {
    if (!this.#isOver) for (const block of blocks) this.#take?.(block);
  }

  finish(): void {
    this.#over(ok);
  }

  refuse(): void {
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
  {
    wire,
    timers,
    onSent = () => {},
  }: { readonly wire: Pick<Wire, "listen">; readonly timers: Timers; readonly onSent?: EntrySent },
  life: Life,
  address: string,
): Seeds {
  const expected = new Map<string, SimExpected>();
  const filter = new BlockFilter();
  let users = 0;
  const callsFrom = (from: string, caller: Life): PeerCalls => ({
    connectNewPeer: (_ctx, call, take) =>
      (isFrom(from, call) ? expected.get(call)?.serve({ address: from, life: caller }, take) : undefined) ??
      Promise.resolve(failed("PERMISSION_DENIED", denialOf(call))),
    check: async () => ok,
    notifyNewBlock: async (_ctx, block) =>
      (await filter.passes(block)) ? unimplemented : failed("UNKNOWN", "the network is being re-formed"),
    joinNetwork: async () => unimplemented,
    persist: async () => unimplemented,
    query: async () => unimplemented,
  });
  const leaveLater = (): void => {
    timers.after(HEALTH_PERIOD_MS, () => {
      users -= 1;
      if (users === 0) wire.listen(address, undefined);
    });
  };
  return {
    open: async (use) => {
      const own = new Map<string, SimExpected>();
      users += 1;
      wire.listen(address, { life, callsFrom });
      const { allow, leave } = filter.enter(use);
      const seed: Seed = {
        address,
        allow,
        expect: (peer, first) => {
          const call = new SimExpected(first, onSent);
          own.set(peer, call);
          expected.set(peer, call);
          return call;
        },
        close: () => {
          for (const [peer, call] of own) {
            call.refuse();
            if (expected.get(peer) === call) expected.delete(peer);
          }
          leave();
          leaveLater();
        },
      };
      return { tag: "open", seed };
    },
  };
}
