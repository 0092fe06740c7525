import { hash } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { LightpeerService } from "../../../proto/generated/lightpeer.ts";
import { type Answer, describeFailure, failure, streamed } from "./call.ts";
import { type Stubs } from "./connections.ts";
import type { Deadline } from "./deadline.ts";
import { costOf, type HistoryAnswer, MAX_MESSAGE_BYTES, type Newest, type Take } from "../lightpeer.ts";

/** What a Query has told. `bytes`: what it costs to hold; `isWhole`: the peer has ended it. */
interface EntriesTold {
  readonly entries: number;
  readonly bytes: number;
  readonly newest: Uint8Array | undefined;
  readonly isWhole: boolean;
}

/**
 * Reads stored payloads, newest first. Each is looked at as soon as it has arrived, and nothing of the stream is kept
 * here: gRPC's own queue would hold sixteen of the longest.
 */
export async function readEntries(
  { lightpeer }: Stubs,
  deadline: Deadline,
  take: Take,
): Promise<Answer<EntriesTold>> {
  let entries = 0;
  let bytes = 0;
  let newest: Uint8Array | undefined;
  let next: ReturnType<Take> = "more";
  const look = (message: Buffer): ReturnType<Take> => {
    if (next === "enough") return next;
    const payload = entryPayload(message);
    entries += 1;
    bytes += costOf(payload);
    newest ??= payload;
    next = take(payload);
    return next;
  };
  const { path, requestSerialize } = LightpeerService.query;
  const end = await streamed(
    deadline,
    (metadata, options) =>
      lightpeer.makeServerStreamRequest(path, requestSerialize, look, {}, metadata, options),
    (answer) => answer,
  );
  if (end.tag === "answered") {
    return { tag: "answered", value: { entries, bytes, newest, isWhole: end.value === "ended" } };
  }
  // Of what has begun nothing may be taken twice.
  return end.code === status.UNAVAILABLE && entries > 0 ? failure(status.ABORTED, end.details) : end;
}

/** As the generated code reads it, but not copied: of a long history, most that is read is held already. */
function entryPayload(message: Uint8Array): Uint8Array {
  const reader = new BinaryReader(message);
  let payload: Uint8Array = new Uint8Array();
  while (reader.pos < reader.len) {
    const [field, type] = reader.tag();
    if (field === 1 && type === WireType.LengthDelimited) payload = reader.bytes();
    else reader.skip(type, field);
  }
  return payload;
}

export const newestAnswer = (read: Answer<EntriesTold>): Newest =>
  read.tag === "failed"
    ? { tag: "failed", message: describeFailure(read) }
    : { tag: "newest", digest: digestOf(read.value.newest) };

export function historyOf(read: Answer<EntriesTold>): HistoryAnswer {
  if (read.tag === "answered") {
    const { entries, bytes, newest, isWhole } = read.value;
    return isWhole
      ? { tag: "history", entries, bytes, digest: digestOf(newest) }
      : { tag: "too-large", bytes };
  }
  // One entry is longer than any message that is read: a peer with it is no peer without a history.
  if (read.code === status.RESOURCE_EXHAUSTED) return { tag: "too-large", bytes: MAX_MESSAGE_BYTES };
  return { tag: "failed", message: describeFailure(read) };
}

const digestOf = (newest: Uint8Array | undefined): string =>
  newest === undefined ? "empty" : hash("sha256", newest, "hex");
