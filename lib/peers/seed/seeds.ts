import { HEALTH_PERIOD_MS } from "../../timing.ts";
import type { Block, Seed, Seeds } from "../lightpeer.ts";
import { seedAddress } from "./address.ts";
import { SeedDoors } from "./doors.ts";
import { SeedGuest } from "./guest.ts";
import { Listener } from "./listener.ts";

export interface SeedOptions {
  /** 0: a free one. */
  readonly port: number;
  /** `host` or `host:port` where peers reach the seed; undefined: the machine's own address. */
  readonly address?: string | undefined;
  /**
   * How long it listens on after its last close, ms: a health check that has seen the seed on a list must still find it,
   * or its peer drops a member that is gone already, and may race with an application. Default: one round of health
   * checks.
   */
  readonly lingerMs?: number;
}

/** Seeds that share one port, which is listened on only while one of them is open, and a moment longer. */
export function createSeeds({ port, address, lingerMs = HEALTH_PERIOD_MS }: SeedOptions): Seeds {
  const guests = new Map<string, SeedGuest>();
  const doors = new SeedDoors();
  const listener = new Listener({ port, lingerMs }, { guests, doors });
  return {
    async open(use) {
      const listening = await listener.acquire();
      if (listening.tag === "failed") return listening;
      const { letPass, leave } = doors.enter(use);
      const close = (): void => {
        leave();
        listener.release();
      };
      return {
        tag: "open",
        seed: createSeed({ guests, letPass, close }, seedAddress(address, listening.port)),
      };
    },
  };
}

interface Place {
  readonly guests: Map<string, SeedGuest>;
  readonly letPass: (head: Block) => void;
  readonly close: () => void;
}

function createSeed({ guests, letPass, close }: Place, address: string): Seed {
  const own = new Map<string, SeedGuest>();
  let isOpen = true;
  return {
    address,
    letPass,
    expect(peer, first) {
      const guest = new SeedGuest(first);
      own.get(peer)?.turnAway();
      if (!isOpen) guest.turnAway();
      else {
        own.set(peer, guest);
        guests.set(peer, guest);
      }
      return guest;
    },
    close() {
      if (!isOpen) return;
      isOpen = false;
      for (const [peer, guest] of own) {
        guest.turnAway();
        // Another seed may expect a peer at the same address by now.
        if (guests.get(peer) === guest) guests.delete(peer);
      }
      close();
    },
  };
}
