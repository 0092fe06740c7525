import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import type { Newest } from "../../../lib/peers/lightpeer.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { sweep } from "../../../lib/reconcile/sweep.ts";
import type { Contacts } from "../../../lib/store/contacts.ts";
import { podOf } from "../../harness/networks.ts";
import { away, member, MoveWorld, NETWORK, networkOf, OTHER, pod, said, shown } from "./fixtures.ts";

const LIMIT_MS = 60_000;
const IGNORED = { tag: "ignored", reason: "NotRunning", message: "" } as const;

/** A world in which a sweep takes its steps; nobody in it is slow, or has had its time. */
function sweepWorld(world: MoveWorld): MoveWorld {
  const sleep = world.clock.sleep.bind(world.clock);
  const looksWhoIsSlow = 250;
  world.clock.sleep = (ms) => (ms === looksWhoIsSlow ? new Promise(() => {}) : sleep(ms));
  return world;
}
const worldOf = async (...names: readonly string[]): Promise<MoveWorld> =>
  sweepWorld(await networkOf(...names));
const swept = async (world: MoveWorld, deps: Deps = world.deps): Promise<readonly string[]> =>
  (await sweep(deps, LIMIT_MS)).outcomes.map(shown);
const briefly = async (world: MoveWorld): Promise<readonly string[]> =>
  (await sweep(world.deps, LIMIT_MS)).outcomes.map(
    ({ name, reason, pod: about }) => `${name} ${reason} ${about?.name ?? "nobody"}`,
  );
const asksNewest = ({ calls }: MoveWorld): number => calls.filter((call) => call.startsWith("newest")).length;
const { incarnation } = pod("b");

describe("a sweep that cannot read the store", () => {
  for (const call of ["networks", "read"] as const)
    test(`saw nothing, and says why: ${call}`, async () => {
      const world = await worldOf("a");
      const report = await sweep(world.withStore({ [call]: away }), LIMIT_MS);
      assert.deepEqual(report.outcomes.map(shown), ["held StoreUnavailable nobody nowhere: away"]);
      assert.deepEqual([report.unfinished, report.slow, report.seen], [[], [], undefined]);
    });

  test("does not take steps where only the place of the last sweep is not known", async () => {
    const world = await worldOf("a");
    const report = await sweep(world.withStore({ sweepPlace: away }), LIMIT_MS);
    assert.deepEqual([report.outcomes, report.seen?.views.length], [[], 1]);
  });
});

describe("a sweep reads", () => {
  test("networks in one order, those of pods alone among them, and nothing for a pod without a label", async () => {
    const world = await worldOf("a");
    const { network: _, ...unlabelled } = pod("e", {
      admission: { tag: "ignored", reason: "NoLabel", message: "" },
    });
    const waiting = { tag: "ignored", reason: "NotRunning", message: "" } as const;
    world.cluster.pods = [...world.cluster.pods, podOf("default/b", "c", { admission: waiting }), unlabelled];
    const { seen, outcomes, unfinished } = await sweep(world.deps, LIMIT_MS);
    assert.deepEqual(
      seen?.views.map(({ network }) => network),
      ["default/b", NETWORK],
    );
    assert.deepEqual([outcomes, unfinished], [[], []]);
  });
});

describe("a sweep brings in", () => {
  const cases: readonly (readonly [string, Pod, Pod | undefined, string])[] = [
    ["a pod that no event told of", pod("d"), pod("d"), "joined Joined d"],
    ["a pod that says that it is in, and is on no stack", member("d"), member("d"), "joined Joined d"],
    [
      "a pod that asks for a re-form",
      pod("d", { reformAsked: "one" }),
      pod("d", { reformAsked: "one" }),
      "joined Joined d",
    ],
    [
      "the life that it has by now",
      pod("d", { incarnation: "containerd://old" }),
      pod("d"),
      "joined Joined d",
    ],
    ["nobody where the pod is gone by now", pod("d"), undefined, "ignored PodGone d"],
    [
      "nobody where another one of that name says that it is in",
      pod("d"),
      member("d", { uid: "another" }),
      "member AlreadyMember d",
    ],
    [
      "nobody where another life of it says that it is in",
      pod("d", { incarnation: "containerd://old" }),
      member("d"),
      "member AlreadyMember d",
    ],
  ];
  for (const [rule, listed, now, expected] of cases)
    test(rule, async () => {
      const world = await worldOf("a");
      world.cluster.pods = [...world.cluster.pods, listed];
      world.now = [member("a"), ...(now ? [now] : [])];
      world.say("d", { fresh: "fresh" });
      assert.deepEqual(await briefly(world), [expected]);
    });

  test("a pod to where its label says by now", async () => {
    const world = await worldOf("a");
    world.cluster.pods = [...world.cluster.pods, pod("d")];
    const now = podOf(
      OTHER,
      "d",
      said("True", "Joined", { incarnation: pod("d").incarnation, network: OTHER }),
    );
    world.now = [member("a"), now];
    assert.deepEqual(await swept(world), [`member AlreadyMember d ${OTHER}: d says that it is in ${OTHER}`]);
  });

  test("nobody while the API server cannot be asked for it", async () => {
    const world = await worldOf("a");
    world.cluster.pods = [...world.cluster.pods, pod("d")];
    const deps: Deps = { ...world.deps, cluster: { ...world.deps.cluster, getPod: away } };
    assert.deepEqual(await swept(world, deps), [`held ClusterUnavailable d ${NETWORK}: away`]);
  });

  test("nobody who is gone, and says which", async () => {
    const world = await worldOf("a");
    world.cluster.pods = [...world.cluster.pods, pod("d")];
    world.now = [member("a")];
    assert.deepEqual(await swept(world), [`ignored PodGone d ${NETWORK}: default/d is gone`]);
  });

  test("no pod that is not to be in", async () => {
    const world = await worldOf("a");
    const over = { tag: "ignored", reason: "Finished", message: "" } as const;
    world.cluster.pods = [...world.cluster.pods, pod("d", { finished: true, admission: over })];
    assert.deepEqual([await swept(world), world.told], [[], []]);
  });

  for (const [minute, order] of [
    [0, ["d", "e"]],
    [1, ["e", "d"]],
  ] as const)
    test(`not always the same pods first: minute ${minute}`, async () => {
      const world = await worldOf("a");
      world.cluster.pods = [pod("d"), pod("e"), { ...member("a"), admission: IGNORED }];
      const atZero = Math.ceil(world.clock.now() / 180_000) * 180_000;
      world.clock.move(atZero + minute * 60_000 - world.clock.now());
      const deps: Deps = { ...world.deps, cluster: { ...world.deps.cluster, getPod: away } };
      const { outcomes } = await sweep(deps, LIMIT_MS);
      assert.deepEqual(
        outcomes.map(({ pod: about }) => about?.name),
        order,
      );
    });

  test("no more pods once its network has had its time, and looks at nothing else in it", async () => {
    const world = await worldOf("a");
    world.cluster.pods = [pod("d"), pod("e")];
    const { cluster } = world.deps;
    const getPod: typeof cluster.getPod = () => {
      world.clock.move(LIMIT_MS / 6);
      return away();
    };
    const { outcomes } = await sweep({ ...world.deps, cluster: { ...cluster, getPod } }, LIMIT_MS);
    assert.deepEqual([outcomes.length, asksNewest(world)], [1, 0]);
  });

  test("a pod, and looks at its network as it is after that", async () => {
    const world = sweepWorld(new MoveWorld());
    world.addPod(pod("d"));
    world.say("d", { fresh: "fresh" });
    assert.deepEqual(await briefly(world), ["founded Founded d"]);
    assert.equal(asksNewest(world), 1);
  });
});

describe("a member that the stack has", () => {
  const elsewhere = "10.9.9.9:9081";
  const { admission } = pod("b");
  const moved = {
    address: elsewhere,
    admission:
      admission.tag === "peer"
        ? ({ tag: "peer", peer: { ...admission.peer, address: elsewhere } } as const)
        : admission,
  };
  const { address: _, ...nowhere } = member("b");

  const cases: readonly (readonly [string, Pod, readonly string[], readonly string[]])[] = [
    ["and whose pod says so needs nothing", member("b"), [], []],
    ["and whose pod has no address for now needs nothing", { ...nowhere, admission }, [], []],
    ["has its condition mended where that says nothing", pod("b"), [], ["b True Joined"]],
    [
      "has its condition mended where that says that it is out",
      pod("b", said("False", "MemberHung", { incarnation })),
      [],
      ["b True Joined"],
    ],
    [
      "in an earlier life gets a step",
      pod("b", { incarnation: "containerd://b-2", admission }),
      ["begins"],
      [],
    ],
    ["at an earlier address gets a step", member("b", moved), ["begins"], []],
    [
      "and that has been elsewhere since gets a step",
      pod("b", said("True", "Joined", { incarnation, network: OTHER })),
      ["begins"],
      [],
    ],
    ["whose process has ended gets a step", member("b", { finished: true }), ["begins"], []],
    ["that asks for a re-form gets a step", member("b", { reformAsked: "one" }), ["begins"], []],
  ];
  for (const [rule, now, steps, told] of cases)
    test(rule, async () => {
      const world = await worldOf("a", "b");
      world.cluster.pods = [member("a"), now];
      const asked: string[] = [];
      const { cluster } = world.deps;
      const getPod: typeof cluster.getPod = () => {
        asked.push("begins");
        return away();
      };
      const newest = (): Promise<Newest> => Promise.resolve({ tag: "newest", digest: "same" });
      await sweep(
        { ...world.deps, cluster: { ...cluster, getPod }, lightpeer: { ...world.deps.lightpeer, newest } },
        LIMIT_MS,
      );
      assert.deepEqual([asked.slice(0, 1), world.told], [steps, told]);
    });
});

describe("a network that no pod asks anything for", () => {
  const unlike = { tag: "newest", digest: "entry 2" } as const;

  test("and whose newest entries differ twice is re-formed", async () => {
    const world = await worldOf("a", "b");
    world.say("a", { newest: [unlike, unlike, { tag: "newest", digest: "entry 1" }] });
    const [line = ""] = await swept(world);
    assert.match(
      line,
      /^reformed Reformed nobody \S+: .*because its newest entries differed twice, a second apart/u,
    );
    assert.equal(world.slept[0], 1_000);
  });

  test("and whose newest entries differ where another thing was wrong a moment ago is left to the next sweep", async () => {
    const world = await worldOf("a", "b");
    world.say("a", { newest: [{ tag: "failed", message: "" }, unlike], probe: ["silent", "serving"] });
    assert.deepEqual([await swept(world), world.slept], [[], []]);
  });

  test("and in which a member has died is visited", async () => {
    const world = await worldOf("a", "b");
    await world.commit(NETWORK, { deaths: true });
    const list = ["a", "b"].map((name) => pod(name).address ?? "");
    const head = { id: "head", prevId: "", kind: "network", payload: new Uint8Array() } as const;
    world.say("b", { visit: { tag: "visited", head, list: [...list, "seed-visit:9082"] } });
    assert.deepEqual(await swept(world), [
      `member AlreadyMember nobody ${NETWORK}: ${NETWORK} is whole after a death`,
    ]);
    assert.equal((await world.view())?.deaths, false);
  });

  test("and from which one that hung does not hang any more is visited, and forgets that one", async () => {
    const world = await worldOf("a", "b");
    const [awake, asleep] = ["10.9.9.1:9081", "10.9.9.2:9081"];
    await world.commit(NETWORK, { waitedFor: [awake, asleep] });
    world.says.set(asleep, { probe: "silent" });
    const [line = ""] = await swept(world);
    assert.match(line, /because a visit at b failed/u);
    assert.deepEqual(Object.keys((await world.view())?.waitedFor ?? {}), [asleep]);
  });

  test("and in which nobody is left gets none, whoever does not hang any more", async () => {
    const world = await worldOf();
    world.cluster.pods = [pod("d", { admission: IGNORED })];
    await world.commit(NETWORK, { waitedFor: ["10.9.9.1:9081"] });
    assert.deepEqual(await swept(world), []);
  });

  test("and all of whose that hung still hang is well", async () => {
    const world = await worldOf("a", "b");
    await world.commit(NETWORK, { waitedFor: ["10.9.9.2:9081"] });
    world.says.set("10.9.9.2:9081", { probe: "silent" });
    assert.deepEqual(await swept(world), []);
  });

  for (const names of [["a", "b"], []])
    test(`and in which a step was left half-done has it settled: ${names.length} members`, async () => {
      const world = await worldOf(...names);
      await world.beginStep(NETWORK, { kind: "join", at: "2026-11-24T08:00:00.000Z" }, 1_000);
      world.clock.move(1_001);
      assert.equal((await swept(world)).length, 1);
      assert.equal((await world.view())?.intent, undefined);
    });

  test("and that is gone by now gets no step", async () => {
    const world = await worldOf("a", "b");
    await world.commit(NETWORK, { deaths: true });
    let reads = 0;
    const read: Contacts["read"] = (networks) => ((reads += 1) > 1 ? away() : world.contacts.read(networks));
    assert.deepEqual(await swept(world, world.withStore({ read })), []);
  });
});
