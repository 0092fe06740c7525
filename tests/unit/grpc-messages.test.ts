import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { framed, MessageReader } from "../../lib/peers/client/messages.ts";
import { MAX_MESSAGE_BYTES } from "../../lib/peers/lightpeer.ts";

const texts = ["first", "", "third"];
const sent = Buffer.concat(texts.map((text) => framed(Buffer.from(text))));

const readerOf = (take: (text: string) => "more" | "enough"): MessageReader =>
  new MessageReader((message) => take(message.toString()));

describe("messages of a response", () => {
  test("are read in whatever pieces they come", () => {
    for (let size = 1; size <= sent.length; size += 1) {
      const got: string[] = [];
      const reader = readerOf((text) => (got.push(text), "more"));
      for (let at = 0; at < sent.length; at += size)
        assert.equal(reader.read(sent.subarray(at, at + size)), "more");
      assert.deepEqual(got, texts, `pieces of ${size}`);
      assert.equal(reader.isCut, false);
    }
  });

  test("are not read on when their taker has had enough", () => {
    const got: string[] = [];
    const reader = readerOf((text) => (got.push(text), "enough"));
    assert.equal(reader.read(sent), "enough");
    assert.deepEqual(got, ["first"]);
  });

  test("are their taker's to keep, whatever becomes of what they came in", () => {
    const kept: Buffer[] = [];
    const piece = Buffer.from(sent);
    new MessageReader((message) => (kept.push(message), "more")).read(piece);
    piece.fill(0);
    assert.deepEqual(kept.map(String), texts);
  });

  test("that have begun and are not whole are known to be cut", () => {
    const reader = readerOf(() => "more");
    reader.read(sent.subarray(0, 7));
    assert.equal(reader.isCut, true);
  });

  test("are as long as a peer may send them, and not a byte longer", () => {
    const headFor = (length: number): Buffer => {
      const head = Buffer.alloc(5);
      head.writeUInt32BE(length, 1);
      return head;
    };
    assert.equal(readerOf(() => "more").read(headFor(MAX_MESSAGE_BYTES)), "more");
    assert.deepEqual(readerOf(() => "more").read(headFor(MAX_MESSAGE_BYTES + 1)), {
      code: status.RESOURCE_EXHAUSTED,
      details: `a message has ${MAX_MESSAGE_BYTES + 1} bytes`,
    });
  });

  test("that are compressed, or that their taker cannot read, fail the call", () => {
    const codeOf = (reader: MessageReader, piece: Buffer): unknown => {
      const next = reader.read(piece);
      return typeof next === "string" ? next : next.code;
    };
    const packed = Buffer.from(sent);
    packed[0] = 1;
    assert.equal(
      codeOf(
        readerOf(() => "more"),
        packed,
      ),
      status.INTERNAL,
    );
    const unreadable = new MessageReader(() => {
      throw new Error("no such field");
    });
    assert.equal(codeOf(unreadable, sent), status.INTERNAL);
  });
});
