import type { Block } from "../../peers/lightpeer.ts";
import { writePeerList } from "../../peers/peer-list.ts";

/**
 * Short, so that a block of klight's is no longer than the peers' own with the same entry, which may be as long as a
 * message can be. The end of a token is random enough for the chains of one network.
 */
const idOf = (token: string, part: number | "head" | "live"): string =>
  `klight-${token.replaceAll("-", "").slice(-12)}-${part}`;

const networkBlock = (id: string, prevId: string, list: readonly string[]): Block => ({
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
  networkBlock(idOf(token, "head"), idOf(token, 1), list);

/**
 * All below the head, newest first: one CLIENT block an entry, made when it is asked for. Never empty, since the head has
 * named its first block.
 */
export function* bodyOf(token: string, entries: readonly Uint8Array[]): Generator<Block> {
  if (entries.length === 0) yield networkBlock(idOf(token, 1), "", []);
  for (const [index, payload] of entries.entries()) {
    const isLast = index === entries.length - 1;
    yield {
      id: idOf(token, index + 1),
      prevId: isLast ? "" : idOf(token, index + 2),
      kind: "client",
      payload,
    };
  }
}

/** The block on top of the head that makes the chain a network of these peers. */
export const liveBlockOf = (token: string, list: readonly string[]): Block =>
  networkBlock(idOf(token, "live"), idOf(token, "head"), list);
