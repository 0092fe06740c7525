import { HEALTH_PERIOD_MS } from "../../timing.ts";
import type { Block, Seed, Seeds } from "../lightpeer.ts";
import { seedAddress } from "./address.ts";
import { BlockFilter } from "./block-filter.ts";
import { ExpectedCall } from "./expected-call.ts";
import { Listener } from "./listener.ts";

export interface SeedOptions {
  /** 0: a free one. */
  readonly port: number;
  /** `host` or `host:port` where peers reach the seed; undefined: the machine's own address. */
  readonly address?: string | undefined;
  /**
   * `address`: a peer must call from the address that klight has sent for it at, so that nobody gets a history by
   * naming a member. `any`: where addresses are translated between pods.
   */
  readonly callers?: "address" | "any";
  /**
   * How long it listens on after its last close, ms: a health check that has seen the seed on a list must still find it,
   * or its peer drops a member that is gone already, and may race with an application. Default: one round of health
   * checks.
   */
  readonly lingerMs?: number;
}

/** Seeds that share one port, which is listened on only while one of them is open, and a moment longer. */
export function createSeeds(options: SeedOptions): Seeds {
  const { port, address, callers = "address", lingerMs = HEALTH_PERIOD_MS } = options;
  const expected = new Map<string, ExpectedCall>();
  const filter = new BlockFilter();
  const listener = new Listener({ port, lingerMs }, { expected, filter, callers });
  return {
    async open(use) {
      const listening = await listener.acquire();
      if (listening.tag === "failed") return listening;
      const { allow, leave } = filter.enter(use);
      const close = (): void => {
        leave();
        listener.release();
      };
      return {
        tag: "open",
        seed: createSeed({ expected, allow, close }, seedAddress(address, listening.port)),
      };
    },
  };
}

interface SharedListener {
  readonly expected: Map<string, ExpectedCall>;
  readonly allow: (head: Block) => void;
  readonly close: () => void;
}

function createSeed({ expected, allow, close }: SharedListener, address: string): Seed {
  const own = new Map<string, ExpectedCall>();
  let isOpen = true;
  return {
    address,
    allow,
    expect(peer, first) {
      const call = new ExpectedCall(first);
      own.get(peer)?.refuse();
      if (!isOpen) call.refuse();
      else {
        own.set(peer, call);
        expected.set(peer, call);
      }
      return call;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      for (const [peer, call] of own) {
        call.refuse();
        // Another seed may expect a peer at the same address by now.
        if (expected.get(peer) === call) expected.delete(peer);
      }
      close();
    },
  };
}
