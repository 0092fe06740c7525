import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../../lib/deps.ts";
import { contactNamed } from "../../../harness/step-facts.ts";
import { at, attemptOf, calls, type Does } from "./world.ts";

const unclear = { tag: "unclear", message: "an error" } as const;
const silent = { tag: "failed", message: "silent" } as const;

describe("what an attempt that fails tells, and whom it misses", () => {
  const cases: readonly (readonly [string, Readonly<Record<string, Does>>])[] = [
    [`again: ${at("b")} did not come for its chain: an error; b`, { a: {}, b: { join: unclear } }],
    [
      `again: ${at("a")} did not come for its chain: it has not come within 4000 ms; a`,
      { a: { hangs: 9 }, b: {} },
    ],
    [
      `again: ${at("b")} did not come for its chain: an error; b c`,
      { a: {}, b: { join: unclear }, c: { join: unclear } },
    ],
    [
      `again: ${at("c")} cannot use klight's seed at seed:9082: no; b c`,
      { a: {}, b: { join: unclear }, c: { join: { tag: "denied", message: "no" } } },
    ],
    [`again: ${at("a")} says that it has joined, and did not come; a`, { a: { join: { tag: "joined" } } }],
    [`again: no history from ${at("a")}: no answer; a`, { a: { history: "failed" } }],
    [
      `again: no history from ${at("a")}: no answer; a b`,
      { a: { history: "failed when it is frozen" }, b: { history: "failed" }, c: {} },
    ],
    [
      `again: ${at("a")} did not take its chain: an error; a b`,
      { a: { taken: unclear }, b: { taken: unclear } },
    ],
    [
      `again: ${at("a")} did not take in its chain within 5000 ms; ${at("b")} did not take in its chain within 5000 ms; a b`,
      { a: { takesMs: 60_000 }, b: { takesMs: 60_000 } },
    ],
    ["again: b is not on its chain: no; b c", { a: {}, b: { refusesNews: "no" }, c: { refusesNews: "no" } }],
    ["again: a is not on its chain: no; a", { a: { refusesNews: "no" }, b: {} }],
    [`again: ${at("a")} has stored or is silent since it was asked; `, { a: { newest: silent } }],
    [
      `again: ${at("a")} has stored or is silent since it was asked; `,
      { a: { newest: { tag: "newest", digest: "more" } } },
    ],
    [
      "again: a, b did not answer afterwards; a b",
      {
        a: { newest: [{ tag: "newest", digest: "old" }, silent] },
        b: { newest: [{ tag: "newest", digest: "old" }, silent] },
      },
    ],
  ];
  for (const [expected, peers] of cases) {
    test(expected, async () => {
      const { end, running } = await attemptOf(peers);
      assert.ok(end.tag === "again");
      assert.equal(`again: ${end.message}; ${end.missing.map(({ name }) => name).join(" ")}`, expected);
      assert.ok(end.touched);
      assert.deepEqual(
        running.filter((ms) => ms > 4_000),
        [],
      );
    });
  }

  test("looks four times, 50 ms apart, before newest entries differ for good", async () => {
    const { end, calls: all } = await attemptOf({
      a: {},
      b: { newest: ["old", "b"].map((digest) => ({ tag: "newest", digest })) },
    });
    assert.ok(end.tag === "again");
    assert.deepEqual([end.message, end.missing], ["newest entries differ afterwards", []]);
    assert.equal(calls({ calls: all }, "newest b").length, 5);
  });

  test("tells how much was moved, and whom no attempt can do without is said with what holds it", async () => {
    const { end } = await attemptOf({ a: { entries: ["1234"], taken: unclear } });
    assert.ok(end.tag === "again" && end.largest === 260);
    const held = await attemptOf({ a: { join: { tag: "denied", message: "no" } } });
    assert.ok(held.end.tag === "held" && !held.end.touched);
    assert.deepEqual(
      held.end.missing.map(({ name }) => name),
      ["a"],
    );
    const nobody = await attemptOf({}, { members: [] });
    assert.ok(nobody.end.tag === "again" && nobody.end.missing.length === 0);
  });
});

describe("an attempt", () => {
  test("that is whole tells nothing but that", async () => {
    const { end } = await attemptOf({ a: {} });
    assert.deepEqual(end, {
      tag: "whole",
      list: [contactNamed("a")],
      newest: "new",
      entries: 0,
      refusedMs: 100,
      out: [],
    });
  });

  test("is over when all that it has refused are", async () => {
    const { calls: all } = await attemptOf({ a: {}, b: { history: "failed" } });
    assert.deepEqual(calls({ calls: all }, "refuse", "over"), ["refuse a", "refuse b", "over a", "over b"]);
  });

  test("sends for nobody where its lease is over", async () => {
    const tamper = (deps: Deps, lease: { until: number }): Deps => {
      lease.until = 0;
      return deps;
    };
    const { end, calls: all } = await attemptOf({ a: {} }, { tamper });
    assert.ok(end.tag === "again");
    assert.deepEqual([end.message, end.missing.length], ["the lease ran short", 1]);
    assert.deepEqual(calls({ calls: all }, "send for"), []);
  });
});
