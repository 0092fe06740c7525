import type { Block } from "../lightpeer/lightpeer.ts";

/** The list of a network as a NETWORK block holds it. */
export const networkPayload = (addresses: readonly string[]): Uint8Array =>
  Buffer.from(JSON.stringify(addresses.map((Address) => ({ Address }))));

/**
 * A chain with one history and one NETWORK block on top, newest block first. `name` must be new for every chain:
 * equal ids would make different chains look the same to a peer.
 */
export function chainOf(
  name: string,
  entries: readonly Uint8Array[],
  list: readonly string[],
): readonly Block[] {
  const idAt = (height: number): string => (height === 0 ? "" : `klight-${name}-${height}`);
  const top = entries.length + 1;
  const network: Block = {
    id: idAt(top),
    prevId: idAt(top - 1),
    kind: "network",
    payload: networkPayload(list),
  };
  const clients = entries.map((payload, index): Block => {
    const height = entries.length - index;
    return { id: idAt(height), prevId: idAt(height - 1), kind: "client", payload };
  });
  return [network, ...clients];
}
