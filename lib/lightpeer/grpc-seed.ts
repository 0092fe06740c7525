import type { Block, Seed, Seeds } from "./lightpeer.ts";
import { seedAddress } from "./seed-address.ts";
import type { Guest } from "./seed-calls.ts";
import { Listener } from "./seed-listener.ts";

export interface SeedOptions {
  /** 0: any free port. */
  readonly port: number;
  /** `host` or `host:port` as peers reach it; undefined: the machine's own address. */
  readonly address?: string | undefined;
}

/** Seeds that share one port, which is listened on only while one of them is open. */
export function createSeeds({ port, address }: SeedOptions): Seeds {
  const guests = new Map<string, Guest>();
  const listener = new Listener(port, guests);
  return {
    async open() {
      const listening = await listener.acquire();
      if (listening.tag === "failed") return listening;
      const seed = createSeed(guests, seedAddress(address, listening.port), () => listener.release());
      return { tag: "open", seed };
    },
  };
}

function createSeed(guests: Map<string, Guest>, address: string, release: () => Promise<void>): Seed {
  const own = new Map<string, Guest>();
  let closing: Promise<void> | undefined;
  const deny = (peer: string): void => {
    // Another seed may expect a peer at the same address by now.
    if (guests.get(peer) === own.get(peer)) guests.delete(peer);
    own.delete(peer);
  };
  return {
    address,
    serve(peer, chain: readonly Block[]) {
      if (closing !== undefined) return;
      const guest = { chain };
      own.set(peer, guest);
      guests.set(peer, guest);
    },
    deny,
    close() {
      closing ??= release();
      for (const peer of own.keys()) deny(peer);
      return closing;
    },
  };
}
