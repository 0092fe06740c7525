import type { Block, Seed, Seeds } from "../../lib/lightpeer/lightpeer.ts";
import type { PeerCalls } from "../harness/lightpeer/calls.ts";
import type { Life } from "../harness/lightpeer/life.ts";
import { failed, ok } from "../harness/lightpeer/status.ts";
import type { Wire } from "./wire.ts";

const unimplemented = failed("UNIMPLEMENTED", "unknown method");

/** The seed of one instance: one port for all networks that it re-forms at a time, closed when there is none. */
export function createSeeds(wire: Wire, life: Life, address: string): Seeds {
  const open = new Set<Map<string, readonly Block[]>>();
  const calls: PeerCalls = {
    connectNewPeer: async (_ctx, guest, take) => {
      for (const chains of open) {
        const chain = chains.get(guest);
        if (chain === undefined) continue;
        for (const block of chain) take(block);
        return ok;
      }
      return failed("PERMISSION_DENIED", `${guest} is not expected here`);
    },
    check: async () => ok,
    joinNetwork: async () => unimplemented,
    persist: async () => unimplemented,
    query: async () => unimplemented,
    notifyNewBlock: async () => unimplemented,
  };
  return {
    open: async () => {
      const chains = new Map<string, readonly Block[]>();
      open.add(chains);
      wire.listen(address, { life, calls });
      const seed: Seed = {
        address,
        serve: (peer, chain) => void chains.set(peer, chain),
        deny: (peer) => void chains.delete(peer),
        close: async () => {
          open.delete(chains);
          if (open.size === 0) wire.listen(address, undefined);
        },
      };
      return { tag: "open", seed };
    },
  };
}
