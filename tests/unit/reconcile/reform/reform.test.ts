import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../../lib/deps.ts";
import { stillThere } from "../../../../lib/reconcile/reform/still-there.ts";
import { contactNamed, podNamed } from "../../../harness/step-facts.ts";
import { calls, reformOf, ROOM, told } from "./world.ts";

describe("a network is re-formed", () => {
  test("step by step: what is asked, who is frozen first, what each is given, and who hears last that it is live", async () => {
    const reformed = await reformOf(
      { a: { entries: ["2", "1"] }, b: { entries: ["1"] }, c: { entries: ["c"] }, d: { entries: ["d"] } },
      { members: ["a", "b"], joiners: ["c"], leavers: ["d"], pod: "c" },
    );
    assert.equal(told(reformed), "a b c, 4 entries");
    assert.deepEqual(
      reformed.calls.map((call) => call.replace(/"at":"[^"]+",/u, "")),
      [
        "open reform",
        'mark 23000 {"kind":"reform","seed":"seed:9082","pod":"default/c","uid":"' +
          contactNamed("c").uid +
          '"}',
        "history a",
        "history c",
        "send for c",
        "send for a",
        "send for b",
        "send for d",
        ...reformed.calls
          .filter((call) => call.startsWith("mark"))
          .slice(1)
          .map((call) => call.replace(/"at":"[^"]+",/u, "")),
        "probe c",
        "probe a",
        "probe b",
        "probe d",
        "history c",
        "history a",
        "history b",
        "history d",
        "hand c 4",
        "hand a 4",
        "hand b 4",
        "hand d 1",
        "newest c",
        "newest a",
        "newest b",
        "newest d",
        "finish c",
        "finish a",
        "finish b",
        "finish d",
        "go live b",
        "list a b c",
        "go live c",
        "list a b c",
        "go live a",
        "list a b c",
        "newest a",
        "newest b",
        "newest c",
        "close",
      ],
    );
    const { given, lists, running } = reformed;
    assert.deepEqual(given, {
      a: given["b"],
      b: given["b"],
      c: given["b"],
      d: ["d"],
    });
    assert.deepEqual([...(given["a"] ?? [])].sort(), ["1", "2", "c", "d"]);
    assert.deepEqual(lists, {
      a: ["seed", "a", "b"],
      b: ["seed", "a", "b"],
      c: ["seed", "c"],
      d: ["seed", "a", "d"],
    });
    assert.deepEqual(running, [], "timers that keep what was read");
  });

  test("says for how long it refused writes, which is not while joiners come", async () => {
    const { end } = await reformOf(
      { a: { historyMs: 30 }, b: { comesMs: 500 } },
      { members: ["a"], joiners: ["b"] },
    );
    assert.ok(end.tag === "whole");
    assert.deepEqual([end.refusedMs, end.newest], [130, "new"]);
  });

  test("waits for what peers that are slow have under way, as long as they take for a message to each other", async () => {
    const refused = async (probeMs: number): Promise<number> => {
      const { end } = await reformOf({ a: { probeMs }, b: {} });
      return end.tag === "whole" ? end.refusedMs : NaN;
    };
    assert.deepEqual(await Promise.all([0, 20, 100, 900].map(refused)), [100, 100, 300, 1_000]);
  });

  test("leaves what a joiner holds where it belongs to another network", async () => {
    const {
      end,
      given,
      calls: all,
    } = await reformOf(
      { a: { entries: ["ours"] }, b: { entries: ["theirs"] }, c: { entries: ["other"] } },
      { members: ["a"], joiners: ["b", "c"], carry: false },
    );
    assert.ok(end.tag === "whole");
    assert.deepEqual(given, { a: ["ours"], b: ["ours"], c: ["ours"] });
    assert.equal(all.filter((call) => call === "history b").length, 1, "measured, and not read");
  });

  test("gives a peer that joins alone, and one that leaves with it, lists of their own", async () => {
    const { lists } = await reformOf({ a: {}, b: {} }, { members: [], joiners: ["a"], leavers: ["b"] });
    assert.deepEqual(lists, { a: ["seed", "a"], b: ["seed", "a", "b"] });
  });

  test("gives peers that have nothing a chain without entries", async () => {
    const reformed = await reformOf({ a: {}, b: {} }, { leavers: ["b"], members: ["a"] });
    assert.equal(told(reformed), "a, 0 entries");
    assert.deepEqual(calls(reformed, "hand"), ["hand a 0", "hand b 0"]);
  });

  test("hands long histories over in parts of a megabyte", async () => {
    const half = (digit: string): Uint8Array => new TextEncoder().encode(digit.repeat(524_288 - 256));
    const reformed = await reformOf(
      { a: { entries: [half("3"), half("2"), half("1")] } },
      { settings: ROOM },
    );
    assert.deepEqual(calls(reformed, "hand"), ["hand a 2", "hand a 1"]);
  });

  test("takes histories up to the limit, and of those that were not measured a quarter more", async () => {
    const of = (bytes: number): Uint8Array => new Uint8Array(bytes - 256);
    const [a, b] = [{ entries: [of(400)] }, { entries: [of(500)] }];
    // An entry that both hold counts once.
    const settings = { historyLimit: 400 };
    assert.equal(told(await reformOf({ a }, { settings })), "a, 1 entries");
    assert.equal(told(await reformOf({ a: {}, b }, { settings })), "a b, 1 entries");
    assert.match(
      told(await reformOf({ a: {}, b: { entries: [of(501)] } }, { settings })),
      /^touched HistoryTooLarge/u,
    );
  });

  test("allows more time where more is to be moved", async () => {
    const bounds = async (bytes: number): Promise<readonly (readonly number[] | undefined)[]> => {
      const entries = [new Uint8Array(bytes - 256)];
      const { bounds: all } = await reformOf(
        { a: { entries }, b: {}, c: {}, d: {} },
        { members: ["a", "b"], joiners: ["c"], leavers: ["d"], settings: ROOM },
      );
      return ["send for a", "history b", "go live a", "newest a"].map((call) => all[call]);
    };
    // Ten seconds and three for each 4,096,000 bytes of each of four; a part's time for those of all four.
    assert.deepEqual(await bounds(4_096), [[10_012], [5_004], [5_001], [1_001, 1_001]]);
    assert.deepEqual(await bounds(2_048_000), [[16_000], [7_000], [5_500], [1_500, 1_500]]);
    const { bounds: short } = await reformOf({ a: {} }, { settings: { joinTimeoutMs: 2_000 } });
    assert.deepEqual([short["send for a"], short["history a"]], [[4_000], [2_245, 2_000]]);
  });

  test("renews the lease for all that comes, before the network is frozen and again when all have come", async () => {
    const marks = async (settings = {}): Promise<readonly number[]> => {
      const entries = [new Uint8Array(4_096_000 - 256)];
      const reformed = await reformOf(
        { a: { entries }, b: { comesMs: 1_000 } },
        { settings: { ...ROOM, ...settings } },
      );
      return calls(reformed, "mark").map((call) => Number(call.split(" ")[1]));
    };
    // 13 s for two of 4 MB and 12 s for going live do not fit into 23 s; a second of it is over when all have come.
    assert.deepEqual(await marks(), [23_000, 2 * 7_000 + 2_000 + 12_000 + 3_000, 15_000 + 12_000 + 3_000]);
  });
});

describe("a lease that is not enough", () => {
  /** A lease that is all but over when this call has been answered. */
  const shortAt =
    (call: "history" | "newest" | "notify") =>
    (deps: Deps, lease: { until: number }): Deps => {
      const cut = <Result>(made: string, result: Promise<Result>): Promise<Result> =>
        result.finally(() => {
          if (made === call) lease.until = deps.clock.now() + 1;
        });
      const { lightpeer } = deps;
      return {
        ...deps,
        lightpeer: {
          ...lightpeer,
          history: (...args) => cut("history", lightpeer.history(...args)),
          newest: (...args) => cut("newest", lightpeer.newest(...args)),
          notify: (...args) => cut("notify", lightpeer.notify(...args)),
        },
      };
    };

  test("is renewed before the network is frozen", async () => {
    const reformed = await reformOf({ a: {} }, { tamper: shortAt("history") });
    assert.equal(calls(reformed, "mark").length >= 2, true);
  });

  for (const call of ["newest", "notify"] as const) {
    test(`stops before the next change, after ${call}`, async () => {
      const reformed = await reformOf({ a: {}, b: {} }, { tamper: shortAt(call) });
      assert.equal(
        told(reformed),
        "touched ReformFailed default/net-a 2: default/net-a is not whole after 3 attempts: the lease ran short",
      );
      assert.equal(calls(reformed, call === "newest" ? "finish" : "go live a").length, 0);
    });
  }

  test("is lost before the freeze, and nobody is sent for", async () => {
    const reformed = await reformOf(
      { a: {} },
      { marks: [undefined, { tag: "lost" }], tamper: shortAt("history") },
    );
    assert.match(told(reformed), /^untouched LeaseLost/u);
    assert.deepEqual(calls(reformed, "send for"), []);
  });

  test("is lost while all are frozen, and all are let go", async () => {
    const reformed = await reformOf({ a: {}, b: {} }, { marks: [undefined, { tag: "lost" }] });
    assert.match(told(reformed), /^touched LeaseLost default\/net-a/u);
    assert.deepEqual(calls(reformed, "refuse", "finish"), ["refuse a", "refuse b"]);
  });

  test("is long enough where the store is away for a moment", async () => {
    const reformed = await reformOf({ a: {} }, { marks: [undefined, { tag: "failed", message: "away" }] });
    assert.equal(told(reformed), "a, 0 entries");
  });
});

test("a pod that has no address is where it was when it had none", async () => {
  const { address: _, ...nowhere } = podNamed("a");
  const cluster = { getPod: async () => ({ tag: "pod", pod: nowhere }) } as unknown as Deps["cluster"];
  assert.equal(await stillThere({ cluster }, "net", [contactNamed("a", { address: "" })]), undefined);
});

describe("who is at an address when all have come", () => {
  const cases: readonly (readonly [string, Awaited<ReturnType<Deps["cluster"]["getPod"]>>, RegExp])[] = [
    ["nobody", { tag: "pod", pod: undefined }, /^touched LookTooOld default\/net-a/u],
    ["another pod", { tag: "pod", pod: podNamed("a", { uid: "other" }) }, /^touched LookTooOld/u],
    ["another process", { tag: "pod", pod: podNamed("a", { incarnation: "other" }) }, /^touched LookTooOld/u],
    [
      "the pod, elsewhere",
      { tag: "pod", pod: podNamed("a", { address: "10.9.9.9:1" }) },
      /^touched LookTooOld/u,
    ],
    [
      "the pod, which has finished",
      { tag: "pod", pod: podNamed("a", { finished: true }) },
      /^touched LookTooOld/u,
    ],
    [
      "not known",
      { tag: "failed", kind: "unavailable", message: "away" },
      /^touched ClusterUnavailable default\/net-a/u,
    ],
    ["the pod", { tag: "pod", pod: podNamed("a") }, /^a, 0 entries$/u],
  ];
  for (const [who, answer, expected] of cases) {
    test(who, async () => {
      const reformed = await reformOf({ a: {} }, { pods: async () => answer });
      assert.match(told(reformed), expected);
      if (expected.source.startsWith("^touched")) assert.deepEqual(calls(reformed, "hand"), []);
    });
  }

  test("is not asked before, where the look is 100 ms old", async () => {
    let asked = 0;
    const pods = async (): ReturnType<Deps["cluster"]["getPod"]> => {
      asked += 1;
      return { tag: "pod", pod: podNamed("a") };
    };
    await reformOf({ a: {} }, { pods, lookedMs: 100 });
    assert.equal(asked, 1);
    await reformOf({ a: {} }, { pods, lookedMs: 101 });
    assert.equal(asked, 3);
  });
});
