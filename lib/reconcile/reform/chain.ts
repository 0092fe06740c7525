import type { Block } from "../../peers/lightpeer.ts";
import { writePeerList } from "../../peers/peer-list.ts";

const idOf = (token: string, part: number | "head" | "live"): string => `klight-${token}-${part}`;

const network = (id: string, prevId: string, list: readonly string[]): Block => ({
  id,
  prevId,
  kind: "network",
  payload: writePeerList(list),
});

/**
 * The newest block of a chain, which is sent before the rest of it is known. `token` must be new for every chain: equal
 * ids would make different chains look the same to a peer.
 */
export const headOf = (token: string, list: readonly string[]): Block =>
  network(idOf(token, "head"), idOf(token, 1), list);

/** All below the head, newest first: one CLIENT block an entry. Never empty, since the head has named its first block. */
export const bodyOf = (token: string, entries: readonly Uint8Array[]): readonly Block[] => {
  if (entries.length === 0) return [network(idOf(token, 1), "", [])];
  return entries.map((payload, index): Block => {
    const isLast = index === entries.length - 1;
    return {
      id: idOf(token, index + 1),
      prevId: isLast ? "" : idOf(token, index + 2),
      kind: "client",
      payload,
    };
  });
};

/** The block on top of the head that makes the chain a network of these peers. */
export const liveBlockOf = (token: string, list: readonly string[]): Block =>
  network(idOf(token, "live"), idOf(token, "head"), list);
