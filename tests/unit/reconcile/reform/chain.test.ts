import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { toWire } from "../../../../lib/peers/client/wire.ts";
import { type Block, MAX_ENTRY_BYTES, MAX_MESSAGE_BYTES } from "../../../../lib/peers/lightpeer.ts";
import { Lightblock } from "../../../../proto/generated/lightpeer.ts";
import { bodyOf, headOf, liveBlockOf } from "../../../../lib/reconcile/reform/chain.ts";

const LIST = ["10.0.0.2:9081", "10.0.0.1:9081"];

const textOf = ({ payload }: Block): string => Buffer.from(payload).toString();

const chainOf = (token: string, entries: readonly string[], list: readonly string[]): readonly Block[] => [
  headOf(token, list),
  ...bodyOf(
    token,
    entries.map((entry) => Buffer.from(entry)),
  ),
];

describe("a chain for a re-form", () => {
  const chain = chainOf("t", ["new", "old"], LIST);

  test("is newest first, one NETWORK block that lists all in order on top", () => {
    assert.deepEqual(
      chain.map((block) => [block.kind, textOf(block)]),
      [
        ["network", '[{"Address":"10.0.0.2:9081"},{"Address":"10.0.0.1:9081"}]'],
        ["client", "new"],
        ["client", "old"],
      ],
    );
  });

  for (const entries of [[], ["one"], ["new", "old"], ["same", "same", ""]]) {
    test(`links every block to the one below it, the last to none, with ${entries.length} entries`, () => {
      const linked = chainOf("t", entries, LIST);
      linked.forEach((block, index) => assert.equal(block.prevId, linked[index + 1]?.id ?? ""));
      assert.equal(new Set(linked.map(({ id }) => id)).size, linked.length);
    });
  }

  test("ends below its head where nothing is stored, with a block that stores nothing", () => {
    assert.deepEqual(
      chainOf("t", [], LIST)
        .slice(1)
        .map(({ kind }) => kind),
      ["network"],
    );
  });

  test("stores nothing there, and names its blocks by the end of its token without dashes", () => {
    const [head, below] = chainOf("0ed2c6f2-7a0f-4a55-93d0-0f8fd7-a3b1c9", [], LIST);
    assert.deepEqual(
      [head?.id, below?.id, below && textOf(below)],
      ["klight-0f8fd7a3b1c9-head", "klight-0f8fd7a3b1c9-1", "[]"],
    );
  });

  test("never has an id of another chain", () => {
    const all = [
      ...chain,
      liveBlockOf("t", LIST),
      ...chainOf("u", ["new", "old"], LIST),
      liveBlockOf("u", LIST),
    ];
    assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  });

  test("holds the very bytes of its entries, not copies of them", () => {
    const entry = Buffer.from("large");
    assert.equal([...bodyOf("t", [entry])][0]?.payload, entry);
  });
});

test("the longest entry that a block can carry makes a message that a peer takes, with the longest ids", () => {
  const entry = new Uint8Array(MAX_ENTRY_BYTES);
  const token = "0ed2c6f2-7a0f-4a55-93d0-0f8fd7a3b1c9";
  const below = chainOf(token, [""], LIST)[1];
  assert.ok(below);
  const id = `${below.id}${"0".repeat(6)}`;
  const block = Lightblock.encode(toWire({ ...below, id, prevId: id, payload: entry })).finish();
  assert.ok(block.byteLength <= MAX_MESSAGE_BYTES, `${block.byteLength}`);
});

describe("the block that makes a network live", () => {
  test("stands on the head and lists the peers", () => {
    const block = liveBlockOf("t", ["10.0.0.1:9081"]);
    assert.deepEqual(
      [block.prevId, block.kind, textOf(block)],
      [headOf("t", LIST).id, "network", '[{"Address":"10.0.0.1:9081"}]'],
    );
  });
});
