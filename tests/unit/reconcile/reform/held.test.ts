import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MAX_ENTRY_BYTES } from "../../../../lib/peers/lightpeer.ts";
import { at, calls, reformOf, type Reformed, ROOM, told, TOO_LONG } from "./world.ts";

describe("a re-form that touches nothing", () => {
  const cases: readonly (readonly [string, () => Promise<Reformed>, string])[] = [
    [
      "where the seed cannot be opened",
      () => reformOf({ a: {} }, { seed: "" }),
      "untouched SeedUnreachable default/net-a 2: the port is taken",
    ],
    [
      "where somebody else has the network",
      () => reformOf({ a: {} }, { marks: [{ tag: "lost" }] }),
      "untouched LeaseLost default/net-a 2: another step has taken over default/net-a",
    ],
    [
      "where nobody takes part",
      () => reformOf({}, { members: [] }),
      "touched ReformFailed default/net-a 2: default/net-a is not whole after 3 attempts: nobody is left to re-form",
    ],
    [
      "where the look is too old",
      () => reformOf({ a: {} }, { lookedMs: 6_000 }),
      "untouched LookTooOld default/net-a 2: 6000 ms have passed since the look at the pods of default/net-a, 6000 ms since the last probes",
    ],
    [
      "where a pod is another one since the look",
      () => reformOf({ a: {} }, { lookedMs: 101, pods: async () => ({ tag: "pod", pod: undefined }) }),
      `untouched LookTooOld default/net-a 2: a is not what it was at ${at("a")} when the pods of default/net-a were read`,
    ],
    [
      "where a history is over the limit",
      () => reformOf({ a: { entries: ["long"] }, b: {} }, { settings: { historyLimit: 259 } }),
      `untouched HistoryTooLarge default/net-a 60: the history at ${at("a")} is over KLIGHT_HISTORY_LIMIT (259 bytes)`,
    ],
    [
      "where a joiner has an entry that no other peer can take",
      () =>
        reformOf(
          { a: {}, b: { entries: [TOO_LONG, "short"] } },
          { members: ["a"], joiners: ["b"], settings: ROOM },
        ),
      `untouched EntryTooLong default/net-a 60: b at ${at("b")} holds an entry of ${MAX_ENTRY_BYTES + 1} bytes, and peers can pass on ${MAX_ENTRY_BYTES} at most`,
    ],
    [
      "where the only member has one",
      () => reformOf({ a: { entries: [TOO_LONG] } }, { settings: ROOM }),
      `untouched EntryTooLong default/net-a 60: a at ${at("a")} holds an entry of ${MAX_ENTRY_BYTES + 1} bytes, and peers can pass on ${MAX_ENTRY_BYTES} at most`,
    ],
    [
      "where a joiner cannot reach the seed",
      () =>
        reformOf(
          { a: {}, b: { join: { tag: "unreachable", message: "no route" } } },
          { members: ["a"], joiners: ["b"] },
        ),
      `untouched SeedUnreachable default/net-a 30: ${at("b")} cannot use klight's seed at seed:9082: no route`,
    ],
    [
      "where the first member cannot",
      () => reformOf({ a: { join: { tag: "denied", message: "no" } }, b: {} }),
      `untouched SeedUnreachable default/net-a 30: ${at("a")} cannot use klight's seed at seed:9082: no`,
    ],
  ];
  for (const [where, run, expected] of cases) {
    test(where, async () => {
      const reformed = await run();
      assert.equal(told(reformed), expected);
      assert.deepEqual(calls(reformed, "hand", "finish", "go live"), []);
      assert.equal(reformed.calls.at(-1), reformed.calls.length > 1 ? "close" : "open reform");
    });
  }

  test("where other networks have the memory, which is given back after each attempt", async () => {
    const taken: number[] = [];
    let givenBack = 0;
    const busy = await reformOf(
      { a: { entries: ["long"] } },
      { histories: { take: async (bytes, ms) => void taken.push(bytes, ms) } },
    );
    const message =
      "the history of default/net-a takes 260 bytes, and other networks are being re-formed with that memory now";
    assert.equal(told(busy), `untouched HistoriesBusy default/net-a 2: ${message}`);
    assert.deepEqual(taken, [260, 1_000]);
    const give = (): void => void (givenBack += 1);
    await reformOf({ a: { refusesNews: "no" } }, { histories: { take: async () => give } });
    assert.equal(givenBack, 2);
  });
});
