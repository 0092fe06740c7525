import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { chainOf } from "../../lib/reform/chain.ts";

describe("a chain for a re-form", () => {
  const chain = chainOf("t", [Buffer.from("new"), Buffer.from("old")], ["10.0.0.2:9081", "10.0.0.1:9081"]);

  test("is newest first, one NETWORK block that lists all in order on top", () => {
    assert.equal(chain[0]?.kind, "network");
    assert.equal(
      Buffer.from(chain[0]?.payload ?? []).toString(),
      '[{"Address":"10.0.0.2:9081"},{"Address":"10.0.0.1:9081"}]',
    );
    assert.deepEqual(
      chain.slice(1).map(({ kind, payload }) => [kind, Buffer.from(payload).toString()]),
      [
        ["client", "new"],
        ["client", "old"],
      ],
    );
  });

  test("links every block to the one below it, the last to none", () => {
    chain.forEach((block, index) => assert.equal(block.prevId, chain[index + 1]?.id ?? ""));
  });

  test("never has an id of another chain", () => {
    const ids = new Set([...chain, ...chainOf("u", [Buffer.from("new")], ["a:1"])].map(({ id }) => id));
    assert.equal(ids.size, chain.length + 2);
  });

  test("is one block where nothing is stored, for an empty stream would crash a peer", () => {
    assert.equal(chainOf("t", [], ["a:1"]).length, 1);
  });
});
