import { status } from "@grpc/grpc-js";
import type { Block } from "../../../lib/peers/lightpeer.ts";
import { Lightblock_BlockType, type Lightblock } from "../../../proto/generated/lightpeer.ts";
import { failed, type Code, type Failure } from "./status.ts";

/**
 * A deadline comes to a peer this much before its client gives up, so that the peer's own text is the answer, as it was
 * with clients that are not quite on time. Ms.
 */
export const deadlineMargin = 50;

/** What gRPC for Go takes in one message unless it is told otherwise, bytes. Sent is whatever there is. */
export const messageLimit = 4 * 1_024 * 1_024;

export const toWire = ({ id, payload, prevId, kind }: Block): Lightblock => ({
  ID: id,
  Payload: Buffer.from(payload),
  PrevID: prevId,
  Type: kind === "network" ? Lightblock_BlockType.NETWORK : Lightblock_BlockType.CLIENT,
  last_updated: undefined,
});

export const fromWire = ({ ID, Payload, PrevID, Type }: Lightblock): Block => ({
  id: ID,
  payload: Payload,
  prevId: PrevID,
  kind: Type === Lightblock_BlockType.NETWORK ? "network" : "client",
});

const codes: Partial<Record<status, Code>> = {
  [status.CANCELLED]: "CANCELLED",
  [status.DEADLINE_EXCEEDED]: "DEADLINE_EXCEEDED",
  [status.PERMISSION_DENIED]: "PERMISSION_DENIED",
  [status.RESOURCE_EXHAUSTED]: "RESOURCE_EXHAUSTED",
  [status.UNIMPLEMENTED]: "UNIMPLEMENTED",
  [status.INTERNAL]: "INTERNAL",
  [status.UNAVAILABLE]: "UNAVAILABLE",
};

/** An end that the caller's own side made has the words of gRPC for Go. */
export const failureOf = (code: status, details: string): Failure => {
  const name = codes[code] ?? "UNKNOWN";
  if (name === "DEADLINE_EXCEEDED") return failed(name, "context deadline exceeded");
  if (name === "CANCELLED") return failed(name, "context canceled");
  return failed(name, details);
};

export const statusOf = ({ code, message }: Failure): { code: status; details: string } => ({
  code: status[code],
  details: message,
});
