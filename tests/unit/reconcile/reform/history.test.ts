import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Entries, mergeHistories } from "../../../../lib/reconcile/reform/history.ts";

const known = new Entries();
const entries = (...texts: string[]): Uint8Array[] => texts.map((text) => known.keep(Buffer.from(text)));
const texts = (merged: readonly Uint8Array[]): string[] =>
  merged.map((entry) => Buffer.from(entry).toString());

const occurrences = (list: readonly string[]): Map<string, number> => {
  const counts = new Map<string, number>();
  for (const entry of list) counts.set(entry, (counts.get(entry) ?? 0) + 1);
  return counts;
};

describe("entries of many peers", () => {
  test("are in memory once, however many hold them, and empty ones cost something, too", () => {
    const held = new Entries();
    const first = held.keep(Buffer.from("same"));
    assert.equal(held.keep(Buffer.from("same")), first);
    assert.notEqual(held.keep(Buffer.from("other")), first);
    assert.equal(held.bytes, 4 + 5 + 2 * 256);
    held.keep(Buffer.alloc(0));
    assert.equal(held.bytes, 9 + 3 * 256);
  });
});

describe("merged histories", () => {
  test("are empty where nobody holds anything", () => {
    assert.deepEqual(mergeHistories([]), []);
    assert.deepEqual(mergeHistories([[], []]), []);
  });

  test("are the one history where all hold the same", () => {
    assert.deepEqual(texts(mergeHistories([entries("c", "b", "a"), entries("c", "b", "a")])), [
      "c",
      "b",
      "a",
    ]);
  });

  test("keep the longest below what only others hold", () => {
    assert.deepEqual(texts(mergeHistories([entries("x", "a"), entries("c", "b", "a")])), [
      "x",
      "c",
      "b",
      "a",
    ]);
  });

  test("keep an equal entry as often as the one that holds it most often", () => {
    assert.deepEqual(texts(mergeHistories([entries("b", "a", "c"), entries("a", "a")])), [
      "a",
      "b",
      "a",
      "c",
    ]);
  });

  test("take an entry that two of the shorter ones hold only once", () => {
    assert.deepEqual(texts(mergeHistories([entries("b", "a"), entries("x"), entries("x")])), ["x", "b", "a"]);
  });

  test("hold every entry exactly as often as the peer that holds it most often", () => {
    const history = fc.array(fc.constantFrom("a", "b", "c", "d"), { maxLength: 12 });
    fc.assert(
      fc.property(fc.array(history, { maxLength: 5 }), (histories) => {
        const merged = occurrences(texts(mergeHistories(histories.map((each) => entries(...each)))));
        for (const entry of ["a", "b", "c", "d"]) {
          const most = Math.max(0, ...histories.map((each) => occurrences(each).get(entry) ?? 0));
          assert.equal(merged.get(entry) ?? 0, most);
        }
      }),
    );
  });

  test("leave the longest history whole and in order", () => {
    const history = fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 8 });
    fc.assert(
      fc.property(fc.array(history, { minLength: 1, maxLength: 4 }), (histories) => {
        const merged = texts(mergeHistories(histories.map((each) => entries(...each))));
        const longest = [...histories].sort((a, b) => b.length - a.length)[0] ?? [];
        assert.deepEqual(merged.slice(merged.length - longest.length), longest);
      }),
    );
  });
});
