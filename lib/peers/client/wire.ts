import { Lightblock_BlockType, type Lightblock } from "../../../proto/generated/lightpeer.ts";
import type { Block } from "../lightpeer.ts";

/** The same bytes, not a copy. */
const bufferOf = ({ buffer, byteOffset, byteLength }: Uint8Array): Buffer =>
  Buffer.from(buffer, byteOffset, byteLength);

export const toWire = ({ id, payload, prevId, kind }: Block): Lightblock => ({
  ID: id,
  Payload: bufferOf(payload),
  PrevID: prevId,
  Type: kind === "network" ? Lightblock_BlockType.NETWORK : Lightblock_BlockType.CLIENT,
  last_updated: new Date(),
});

/** Undefined: a type of block that klight does not know. */
export function fromWire({ ID, Payload, PrevID, Type }: Lightblock): Block | undefined {
  const { NETWORK, CLIENT } = Lightblock_BlockType;
  if (Type !== NETWORK && Type !== CLIENT) return undefined;
  return { id: ID, payload: Payload, prevId: PrevID, kind: Type === NETWORK ? "network" : "client" };
}
