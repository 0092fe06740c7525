import { createHash } from "node:crypto";
import { status } from "@grpc/grpc-js";
import { type Answer, describe, streamed } from "./call.ts";
import { MAX_MESSAGE_BYTES, type Stubs } from "./connections.ts";
import type { Deadline } from "./deadline.ts";
import type { History, Newest } from "../lightpeer.ts";

/** What a Query has told so far. */
export type Read = Answer<{ readonly entries: readonly Uint8Array[]; readonly bytes: number }>;

/** Reads stored payloads, newest first, until their bytes are `enough`. */
export async function readEntries(
  { lightpeer }: Stubs,
  deadline: Deadline,
  enough: (bytes: number) => boolean,
): Promise<Read> {
  const entries: Uint8Array[] = [];
  let bytes = 0;
  const end = await streamed(
    deadline,
    (metadata, options) => lightpeer.query({}, metadata, options),
    ({ Payload }) => {
      entries.push(Payload);
      bytes += Payload.byteLength;
      return enough(bytes) ? "enough" : "more";
    },
  );
  return end.tag === "failed" ? end : { tag: "answered", value: { entries, bytes } };
}

export const newestOf = (read: Read): Newest =>
  read.tag === "failed"
    ? { tag: "failed", message: describe(read) }
    : { tag: "newest", digest: digestOf(read.value.entries) };

export function historyOf(read: Read, limitBytes: number): History {
  if (read.tag === "answered") {
    const { entries, bytes } = read.value;
    return bytes > limitBytes
      ? { tag: "too-large", bytes }
      : { tag: "history", entries, digest: digestOf(entries) };
  }
  // One entry is longer than any message that is read: a peer with it is no peer without a history.
  if (read.code === status.RESOURCE_EXHAUSTED) return { tag: "too-large", bytes: MAX_MESSAGE_BYTES };
  return { tag: "failed", message: describe(read) };
}

const digestOf = ([newest]: readonly Uint8Array[]): string =>
  newest === undefined ? "empty" : createHash("sha256").update(newest).digest("hex");
