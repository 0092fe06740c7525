import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MAX_ENTRY_BYTES } from "../../../../lib/peers/lightpeer.ts";
import { at, calls, reformOf, type Reformed, ROOM, told, TOO_LONG } from "./world.ts";

const unclear = { tag: "unclear", message: "an error" } as const;
const silent = { tag: "failed", message: "silent" } as const;

const LONGEST = new Uint8Array(MAX_ENTRY_BYTES);

describe("a peer that does not do its part", () => {
  const cases: readonly (readonly [string, () => Promise<Reformed>, string])[] = [
    [
      "hangs once is waited for, and takes part in the next attempt",
      () => reformOf({ a: {}, b: { hangs: 1 } }),
      "a b, 0 entries",
    ],
    [
      "hangs twice is left out",
      () => reformOf({ a: {}, b: { hangs: 9 } }),
      "a, 0 entries without b: it did not answer",
    ],
    [
      "hangs as a joiner is left out",
      () => reformOf({ a: {}, b: { hangs: 9 } }, { members: ["a"], joiners: ["b"] }),
      "a, 0 entries without b: it did not answer",
    ],
    [
      "is silent after its first failure is left out at once",
      () => reformOf({ a: {}, b: { hangs: 9, probe: "silent" } }),
      "a, 0 entries without b: it did not answer",
    ],
    [
      "hangs as a leaver is not waited for again",
      () => reformOf({ a: {}, b: { hangs: 1 }, c: {} }, { members: ["a"], leavers: ["b", "c"] }),
      `a, 0 entries uncome ${at("b")}`,
    ],
    [
      "says that it has joined, and has not come, is told so",
      () => reformOf({ a: { join: { tag: "joined" } } }),
      `touched ReformFailed default/net-a 2: default/net-a is not whole after 3 attempts: nobody is left to re-form`,
    ],
    [
      "refuses connections is for the API server to judge",
      () => reformOf({ a: {}, b: { hangs: 9, probe: "refused" } }),
      `touched LookTooOld default/net-a 2: connections to b at ${at("b")} are refused, while default/net-a is re-formed`,
    ],
    [
      "cannot reach the seed while others are frozen is one that is missing",
      () => reformOf({ a: {}, b: { join: { tag: "unreachable", message: "no route" } } }),
      "a, 0 entries without b: it did not answer",
    ],
    [
      "tells no history is left out",
      () => reformOf({ a: {}, b: { history: "failed" } }),
      "a, 0 entries without b: it did not answer",
    ],
    [
      "tells none when it is measured is left out",
      () => reformOf({ a: { history: "failed" }, b: {} }),
      "b, 0 entries without a: it did not answer",
    ],
    [
      "has got too much since it was measured stops all of it",
      () => reformOf({ a: { history: "too-large when it is frozen" } }),
      `touched HistoryTooLarge default/net-a 60: the history at ${at("a")} is over KLIGHT_HISTORY_LIMIT (1000000 bytes)`,
    ],
    [
      "does not take in its chain in time stays out, for it is alive and has its own",
      () => reformOf({ a: {}, b: { takesMs: 60_000 } }),
      `a, 0 entries without b: ${at("b")} did not take in its chain within 5000 ms`,
    ],
    [
      "does not take it in as a leaver is one that has not come",
      () => reformOf({ a: {}, b: { takesMs: 60_000 } }, { members: ["a"], leavers: ["b"] }),
      `a, 0 entries uncome ${at("b")}`,
    ],
    [
      "does not take it in as the only member has the others wait",
      () => reformOf({ a: { takesMs: 60_000 }, b: {} }, { members: ["a"], joiners: ["b"] }),
      "b, 0 entries without a: it did not answer",
    ],
    [
      "stores once more after it was read has all begin anew",
      () =>
        reformOf({
          a: {
            newest: [
              { tag: "newest", digest: "more" },
              { tag: "newest", digest: "old" },
              { tag: "newest", digest: "new" },
            ],
          },
          b: {},
        }),
      "a b, 0 entries",
    ],
    [
      "is silent when it is asked what it holds has all begin anew",
      () =>
        reformOf({
          a: { newest: [silent, { tag: "newest", digest: "old" }, { tag: "newest", digest: "new" }] },
          b: {},
        }),
      "a b, 0 entries",
    ],
    [
      "ends otherwise than with its chain is left out",
      () => reformOf({ a: {}, b: { taken: unclear } }),
      "a, 0 entries without b: it did not answer",
    ],
    [
      "is not on its chain is left out",
      () => reformOf({ a: {}, b: { refusesNews: "invalid parent" } }),
      "a, 0 entries without b: it did not answer",
    ],
    [
      "is silent afterwards is left out",
      () =>
        reformOf({
          a: {},
          b: {
            newest: [
              { tag: "newest", digest: "old" },
              silent,
              { tag: "newest", digest: "old" },
              silent,
              silent,
            ],
          },
        }),
      "a, 0 entries without b: it did not answer",
    ],
    [
      "has another newest entry for a moment afterwards is waited for",
      () =>
        reformOf({
          a: {},
          b: { newest: ["old", "late", "late", "late", "new"].map((digest) => ({ tag: "newest", digest })) },
        }),
      "a b, 0 entries",
    ],
    [
      "has another one for good leaves the network not whole",
      () =>
        reformOf({
          a: {},
          b: {
            newest: [0, 1, 2]
              .flatMap(() => ["old", "b", "b", "b", "b"])
              .map((digest) => ({ tag: "newest", digest })),
          },
        }),
      "touched ReformFailed default/net-a 2: default/net-a is not whole after 3 attempts: newest entries differ afterwards",
    ],
    [
      "holds an entry that nobody else can take stays out, and the others go on",
      () =>
        reformOf(
          { a: { entries: ["1"] }, b: { entries: [TOO_LONG, "2"] }, c: { entries: [LONGEST] } },
          { settings: ROOM },
        ),
      `a c, 3 entries without b: b at ${at("b")} holds an entry of ${MAX_ENTRY_BYTES + 1} bytes, and peers can pass on ${MAX_ENTRY_BYTES} at most`,
    ],
    [
      "holds one as the first of the members stays out likewise",
      () => reformOf({ a: { entries: ["0", TOO_LONG, "1"] }, b: { entries: ["2"] } }, { settings: ROOM }),
      `b, 3 entries without a: a at ${at("a")} holds an entry of ${MAX_ENTRY_BYTES + 1} bytes, and peers can pass on ${MAX_ENTRY_BYTES} at most`,
    ],
    [
      "holds one, as all members do, stops all of it",
      () =>
        reformOf(
          { a: { entries: [TOO_LONG] }, b: { entries: [TOO_LONG] }, c: {} },
          { members: ["a", "b"], joiners: ["c"], settings: ROOM },
        ),
      `touched EntryTooLong default/net-a 60: a at ${at("a")} holds an entry of ${MAX_ENTRY_BYTES + 1} bytes, and peers can pass on ${MAX_ENTRY_BYTES} at most`,
    ],
  ];
  for (const [what, run, expected] of cases)
    test(what, async () => assert.equal(told(await run()), expected));

  test("is refused and its call given up, so that it finds none when it wakes up; the others are refused and waited for", async () => {
    const reformed = await reformOf({ a: {}, b: { hangs: 9 }, c: {} });
    const first = reformed.calls.slice(0, reformed.calls.indexOf("probe a"));
    assert.deepEqual(
      first.filter((call) => /^(?:refuse|give up|send for|over)/u.test(call)),
      [
        "send for a",
        "send for b",
        "send for c",
        "refuse b",
        "give up b",
        "refuse a",
        "refuse c",
        "over a",
        "over c",
      ],
    );
  });

  test("and is silent after it has failed once is not sent for again", async () => {
    const reformed = await reformOf({ a: {}, b: { hangs: 9, probe: "silent" } });
    assert.deepEqual(calls(reformed, "send for b"), ["send for b"]);
  });

  test("and leaves is frozen again where somebody else has failed", async () => {
    const newest = ["more", "old", "new"].map((digest) => ({ tag: "newest", digest }) as const);
    const reformed = await reformOf({ a: { newest }, b: {} }, { members: ["a"], leavers: ["b"] });
    assert.equal(told(reformed), "a, 0 entries");
    assert.equal(calls(reformed, "send for b").length, 2);
  });

  test("and is late is sent no more of its chain; whoever has waited for it has all of its time for the next part", async () => {
    const megabyte = (digit: string): Uint8Array => new TextEncoder().encode(digit.repeat(1_048_576));
    const a = { entries: ["2", "1"].map(megabyte) };
    const late = await reformOf({ a, b: { takesMs: 60_000 }, c: { takesMs: 3_000 } }, { settings: ROOM });
    assert.deepEqual(calls(late, "hand b", "hand c"), ["hand b 1", "hand c 1", "hand c 1", "hand c 0"]);
    assert.match(told(late), /^a c, 2 entries without b: /u);
    const slow = await reformOf({ a, b: {}, c: { takesMs: 5_000 } }, { settings: ROOM });
    assert.match(told(slow), /^a b, 2 entries without c: /u);
  });

  test("and is slow is given up after four seconds, and the next attempt begins when all have cleaned up", async () => {
    const { ms, calls: all } = await reformOf({ a: { hangs: 1 } });
    assert.equal(ms, 4_000 + 1_200 + 100);
    assert.ok(all.includes("give up a"));
  });

  test("has refused its stream where it stays out, and no other's is", async () => {
    const late = await reformOf({ a: {}, b: { takesMs: 60_000 }, c: {} });
    assert.deepEqual(calls(late, "refuse", "finish"), ["refuse b", "finish a", "finish c"]);
    assert.deepEqual(late.running, []);
  });

  test("is asked with more time after long histories were moved", async () => {
    const entries = [new Uint8Array(4_096_000 - 256)];
    const { bounds } = await reformOf({ a: { entries }, b: { hangs: 1 } }, { settings: ROOM });
    assert.deepEqual(bounds["probe b"], [2_000, 1_000]);
  });
});
