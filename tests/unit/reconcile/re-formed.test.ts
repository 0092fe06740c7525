import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import type { JoinEnd, NameTold } from "../../../lib/peers/lightpeer.ts";
import type { Ending } from "../../../lib/reconcile/move.ts";
import { repair } from "../../../lib/reconcile/repair.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import type { Contacts } from "../../../lib/store/contacts.ts";
import { podOf } from "../../harness/networks.ts";
import {
  addressOf,
  away,
  contact,
  isCalled,
  joinerOf,
  known,
  MoveWorld,
  NETWORK,
  OTHER,
  pod,
  repaired,
  said,
  shown,
  WHY,
} from "./fixtures.ts";

const members = [known("a"), known("b")];
const pods = ["a", "b", "c", "d"].map((name) => pod(name));
const AT = "2026-11-24T08:00:00.000Z";

type Given = Parameters<MoveWorld["step"]>;

const stackOf = ({ change }: Ending): readonly string[] => (change?.stack ?? []).map(({ name }) => name);
const newsOf = ({ tell = [] }: Ending): readonly string[] =>
  tell.map((news) => `${news.tag} ${news.pod?.name ?? "nobody"}`);
const UNCLEAR: JoinEnd = { tag: "unclear", message: "no word" };
const otherName: NameTold = { tag: "name", name: "x:1" };

describe("a network that is re-formed", () => {
  test("keeps what its members hold, and what its joiner brings along", async () => {
    const world = new MoveWorld();
    world.say("a", { history: ["one"] });
    world.say("c", { history: ["two"] });
    const seen = { members, joiner: joinerOf("c") };
    assert.match((await repaired(world, seen)).outcome.message, /: 3 peers, 2 entries, /u);
  });

  test("does not get what its joiner leaves with others", async () => {
    const from = {
      network: OTHER,
      incarnation: pod("c").incarnation,
      carry: false,
      waitedFor: [],
      others: [],
    };
    const entries = async (itSays: Partial<Pod>): Promise<unknown> => {
      const world = new MoveWorld();
      world.say("c", { history: ["two"] });
      const { outcome } = await repaired(world, { members, joiner: joinerOf("c", itSays) }, { from });
      return /: 3 peers, (\d) entries, /u.exec(outcome.message)?.[1];
    };
    assert.equal(await entries({}), "0");
    const anew = { ...pod("c"), incarnation: "containerd://new" };
    assert.equal(await entries(anew), "1", "what a new life holds was never with the others");
    const alone = await repaired(new MoveWorld(), { members }, { from });
    assert.match(alone.outcome.message, /: 2 peers, /u, "nor does one that has gone silent keep the others");
    const life = { network: NETWORK, was: OTHER, incarnation: pod("c").incarnation };
    assert.equal(
      await entries(said("False", "MemberHung", { ...life, carries: OTHER })),
      "1",
      "nobody has it",
    );
    assert.equal(await entries(said("False", "MemberHung", { ...life, carries: NETWORK })), "0");
    const old = { ...life, carries: OTHER, incarnation: "containerd://old" };
    assert.equal(await entries(said("False", "MemberHung", old)), "0", "nor has this life of it");
  });

  test("is written as about to be, with the pod that it is for", async () => {
    const world = new MoveWorld();
    const intents: unknown[] = [];
    const mark: Contacts["mark"] = (...args) => {
      intents.push(args[3].pod);
      return world.contacts.mark(...args);
    };
    const ofJoiner = await world.step({}, { members, pods, joiner: joinerOf("c") });
    await repair({ ...ofJoiner, deps: world.withStore({ mark }) }, WHY);
    assert.deepEqual(new Set(intents), new Set(["default/c"]));
  });

  test("is counted with its cause, how long it took, and for how long writes were refused", async () => {
    const reforms: unknown[] = [];
    const onReform: NonNullable<Deps["onReform"]> = (end) => void reforms.push(end);
    const world = new MoveWorld();
    const step = await world.step({}, { members, pods });
    await repair({ ...step, deps: { ...step.deps, onReform } }, WHY);
    assert.deepEqual(reforms, [{ cause: WHY, isWhole: true, ms: 100, refusedMs: 100 }]);
    const failing = new MoveWorld();
    for (const name of ["a", "b"]) failing.say(name, { join: UNCLEAR });
    const stopped = await failing.step({}, { members, pods });
    await repair({ ...stopped, deps: { ...stopped.deps, onReform } }, WHY);
    assert.deepEqual(reforms[1], { cause: WHY, isWhole: false, ms: 3_800, refusedMs: 0 });
  });

  test("tells a member that is brought in once more that it is in", async () => {
    const ending = await repaired(new MoveWorld(), { members, joiner: joinerOf("b") });
    assert.deepEqual(newsOf(ending), ["re-formed b", "in b"]);
    assert.equal(ending.outcome.name, "reformed");
  });

  test("holds the joiner that did not do its part, and tells it; the others go on", async () => {
    const world = new MoveWorld();
    world.say("c", { join: UNCLEAR });
    const ending = await repaired(world, { members, joiner: joinerOf("c") });
    assert.match(
      shown(ending.outcome),
      /^held PeerNotAnswering c default\/net: the joiner did not do its part: default\/net was re-formed because a join failed: 2 peers, without c, 0 entries/u,
    );
    assert.deepEqual(
      [stackOf(ending), newsOf(ending)],
      [
        ["b", "a"],
        ["re-formed b", "out c", "held c"],
      ],
    );
    assert.equal(ending.outcome.name === "held" && ending.outcome.retryAfterS, 10);
  });

  test("names all that it has gone on without, and tells each why", async () => {
    const world = new MoveWorld();
    for (const name of ["b", "d"]) world.say(name, { join: UNCLEAR });
    const ending = await repaired(world, { members: [known("a"), known("b"), known("d"), known("c")] });
    assert.match(ending.outcome.message, /: 2 peers, without b, d, 0 entries/u);
    const outs = (ending.tell ?? []).flatMap((news) => (news.tag === "out" ? [news.message] : []));
    assert.deepEqual(outs, [
      `${NETWORK} was re-formed without b: it did not answer`,
      `${NETWORK} was re-formed without d: it did not answer`,
    ]);
  });

  test("tells nobody else that they are out: not a pod that waits, and not another life", async () => {
    const another = pod("d", { incarnation: "containerd://d-2" });
    const second = pod("e", { uid: contact("d").uid });
    const alike = pod("x", { incarnation: contact("d").incarnation });
    const ending = await repaired(new MoveWorld(), {
      members,
      pods: [pod("a"), pod("b"), pod("c"), another, second, alike],
      lost: [contact("d")],
    });
    assert.deepEqual(newsOf(ending), ["re-formed b"]);
  });

  test("tells one that is readdressed and comes in again that it is in, and not that it is out", async () => {
    const ending = await repaired(new MoveWorld(), { members, readdressed: [contact("c")] });
    assert.deepEqual(
      [stackOf(ending), newsOf(ending)],
      [
        ["c", "b", "a"],
        ["re-formed c", "in c"],
      ],
    );
  });
});

test("a re-form is not done with where nobody can tell whether a member has moved out", async () => {
  const world = new MoveWorld();
  const silent = { members, moved: [contact("d")], silent: [addressOf("d")] };
  const step = await world.step({}, { pods, ...silent });
  const { cluster } = step.deps;
  world.cluster.pods = pods;
  const getPod: typeof cluster.getPod = (who) => (who.name === "d" ? away() : cluster.getPod(who));
  const ending = await repair({ ...step, deps: { ...step.deps, cluster: { ...cluster, getPod } } }, WHY);
  assert.equal(shown(ending.outcome), `held ClusterUnavailable nobody ${NETWORK}: away`);
  assert.equal(ending.change?.keepIntent, true);
});

describe("who takes part in a re-form", () => {
  test("one that has moved to another network is frozen, so that nobody can store through it", async () => {
    const world = new MoveWorld();
    await repaired(world, { members, moved: [contact("c")] });
    assert.equal(isCalled(world, "c"), true);
  });

  test("not one that has moved, where it does not answer", async () => {
    const world = new MoveWorld();
    await repaired(world, { members, moved: [contact("c")], silent: [addressOf("c")] });
    assert.equal(isCalled(world, "c"), false);
  });

  test("the one that leaves once, though it has moved as well", async () => {
    const world = new MoveWorld();
    await repaired(world, { members, moved: [contact("c")] }, { leaver: contact("c") });
    assert.equal(world.calls.filter((call) => call === "join c through the seed").length, 1);
  });

  const inOther = said("True", "Joined", { network: OTHER, incarnation: pod("c").incarnation ?? "" });
  const waiting: readonly (readonly [string, Given[1], Given[0], Given[2], readonly string[]])[] = [
    ["nobody who only waits: each has a step of its own", { members }, {}, {}, ["b", "a"]],
    [
      "the one that a step which died was for",
      { members },
      {},
      { intent: { kind: "join", pod: "default/d", at: AT } },
      ["d", "b", "a"],
    ],
    [
      "the one that a step which died was for, not twice where it is a member",
      { members },
      {},
      { intent: { kind: "join", pod: "default/b", at: AT } },
      ["b", "a"],
    ],
    [
      "all who wait where the last one leaves",
      { members: [known("a")], pods: pods.slice(0, 3) },
      { leaver: contact("a") },
      {},
      ["c", "b"],
    ],
    [
      "not who waits and is in another network still: its own step brings it over",
      { members: [known("a")], pods: [...pods.slice(0, 2), pod("c", inOther)] },
      { leaver: contact("a") },
      {},
      ["b"],
    ],
    [
      "not all who wait where others stay",
      { members: [known("a"), known("b")] },
      { leaver: contact("a") },
      {},
      ["b"],
    ],
  ];
  for (const [rule, seen, target, was, expected] of waiting)
    test(rule, async () => {
      assert.deepEqual(stackOf(await repaired(new MoveWorld(), seen, target, was)), expected);
    });

  const intent = { kind: "join", pod: "default/d", at: AT } as const;
  test("not one that waits and does not serve, is not admitted, or calls itself otherwise", async () => {
    const world = new MoveWorld();
    world.say("d", { probe: "not-serving" });
    assert.deepEqual(stackOf(await repaired(world, { members }, {}, { intent })), ["b", "a"]);
    const starting = pod("d", { admission: { tag: "ignored", reason: "NotRunning", message: "" } });
    const unready = [pod("a"), pod("b"), starting];
    assert.deepEqual(stackOf(await repaired(new MoveWorld(), { members, pods: unready }, {}, { intent })), [
      "b",
      "a",
    ]);
    const other = new MoveWorld();
    other.say("d", { name: otherName });
    assert.deepEqual(stackOf(await repaired(other, { members }, {}, { intent })), ["b", "a"]);
  });

  test("not a joiner that calls itself otherwise: it is told, and the others are put right", async () => {
    const world = new MoveWorld();
    world.say("c", { name: otherName });
    const ending = await repaired(world, { members, joiner: joinerOf("c") });
    assert.equal(ending.outcome.reason, "PeerNameDiffers");
    assert.deepEqual(
      [stackOf(ending), newsOf(ending)],
      [
        ["b", "a"],
        ["re-formed b", "held c"],
      ],
    );
  });
});

describe("a network of which nobody is left", () => {
  test("is empty, and remembers who hangs", async () => {
    const ending = await repaired(new MoveWorld(), {
      pods: [],
      lost: [contact("a")],
      silent: [addressOf("a")],
      waitedFor: ["10.9.9.9:1", addressOf("a")],
    });
    assert.equal(shown(ending.outcome), `left Left nobody ${NETWORK}: nobody is left in ${NETWORK}`);
    assert.deepEqual(ending.change?.waitedFor, ["10.9.9.9:1", addressOf("a")]);
    assert.deepEqual([ending.change?.stack, ending.change?.hung], [[], []]);
  });

  const took = async (now: readonly Pod[]): Promise<unknown> => {
    const world = new MoveWorld();
    world.now = now;
    const { first } = await repaired(world, {
      pods: [],
      moved: [contact("b"), contact("c")],
    });
    return first && [first.isLast, ...first.movedOut.map(({ name }) => name)];
  };
  const b = podOf(OTHER, "b");
  const c = podOf(OTHER, "c");

  test("goes on with those that leave it, and they say so before it is empty", async () => {
    assert.deepEqual(await took([b, c]), [true, "b", "c"]);
    const { network: _, ...unlabelled } = c;
    assert.deepEqual(await took([unlabelled]), [true, "c"]);
  });

  const carries = { network: OTHER, was: NETWORK, carries: NETWORK };
  const { address: _, ...nowhere } = c;
  const others: readonly (readonly [string, Pod])[] = [
    [
      "says so already",
      podOf(OTHER, "c", said("False", "MemberHung", { ...carries, incarnation: c.incarnation })),
    ],
    ["has its label again", pod("c")],
    ["has ended", podOf(OTHER, "c", { finished: true })],
    ["has no address", nowhere],
    ["has another life, which was never in it", podOf(OTHER, "c", { incarnation: "containerd://new" })],
  ];
  for (const [rule, now] of others)
    test(`does not go on with one that ${rule}`, async () => {
      assert.equal(await took([now]), undefined);
    });

  test("goes on with one that says so of an earlier life", async () => {
    const old = said("False", "MovedOut", { ...carries, incarnation: "containerd://old" });
    assert.deepEqual(await took([podOf(OTHER, "c", old)]), [true, "c"]);
  });

  test("stays on its stack where they cannot say so, or cannot be asked", async () => {
    const world = new MoveWorld();
    world.now = [c];
    const step = await world.step({}, { pods: [], moved: [contact("c")] });
    const { ifUntold } = (await repair(step, WHY)).first ?? {};
    assert.deepEqual([ifUntold?.stack, ifUntold?.hung, ifUntold?.keepIntent], [undefined, [], false]);
    world.cluster.failure = { kind: "unavailable", message: "away" };
    const { outcome, change } = await repair(step, WHY);
    assert.deepEqual(
      [outcome.reason, outcome.network, change?.stack],
      ["ClusterUnavailable", NETWORK, undefined],
    );
  });

  test("tells a joiner that calls itself otherwise, and that alone", async () => {
    const world = new MoveWorld();
    world.say("c", { name: otherName });
    const ending = await repaired(world, { joiner: joinerOf("c") });
    assert.deepEqual([ending.outcome.reason, newsOf(ending)], ["PeerNameDiffers", ["held c"]]);
  });

  test("is so with a joiner that does not serve, too", async () => {
    const ending = await repaired(new MoveWorld(), { joiner: joinerOf("c", {}, "silent") });
    assert.equal(shown(ending.outcome), `left Left c ${NETWORK}: nobody is left in ${NETWORK}`);
    assert.deepEqual(newsOf(ending), []);
  });
});

describe("after a re-form the others may be waiting for", () => {
  const hangs = async (
    addresses: readonly string[],
    seen: Given[1],
    target: Given[0] = {},
    was: Given[2] = {},
  ): Promise<readonly [readonly string[] | undefined, boolean | undefined]> => {
    const world = new MoveWorld();
    world.cluster.pods = pods;
    for (const address of addresses) world.says.set(address, { probe: "silent" });
    const { change } = await repaired(world, { members, ...seen }, target, was);
    return [change?.waitedFor, change?.deaths];
  };
  const x = "10.9.9.9:1";
  const y = "10.9.9.8:1";

  test("who did not answer the look, as long as it hangs", async () => {
    assert.deepEqual(await hangs([x], { silent: [x] }), [[x], false]);
    assert.deepEqual(await hangs([], { silent: [x] }), [[], true]);
  });

  test("nobody who is in", async () => {
    assert.deepEqual(await hangs([], { silent: [addressOf("a")] }), [[], false]);
  });

  test("who was known before, each once", async () => {
    assert.deepEqual(await hangs([x, y], { silent: [y], waitedFor: [x, y] }), [[x, y], false]);
  });

  test("the seed of a step that died", async () => {
    const was = { intent: { kind: "reform", seed: x, at: AT } } as const;
    assert.deepEqual(await hangs([x], {}, {}, was), [[x], false]);
    assert.deepEqual(await hangs([], {}, {}, was), [[], true]);
  });

  test("the peer that a step which died was for, in the network or not", async () => {
    const was = { intent: { kind: "join", pod: "default/d", at: AT } } as const;
    assert.deepEqual(await hangs([addressOf("d")], { pods: [] }, {}, was), [[addressOf("d")], false]);
    assert.deepEqual(await hangs([], { pods: [] }, {}, { intent: { ...was.intent, pod: "default/z" } }), [
      [],
      false,
    ]);
  });

  test("those of the network that the joiner comes from", async () => {
    const from = {
      network: OTHER,
      incarnation: "i",
      carry: true,
      waitedFor: [],
      others: [x, y, addressOf("a")],
    };
    assert.deepEqual(await hangs([x], {}, { from }), [[x], false]);
    const world = new MoveWorld();
    world.say("a", { probe: ["serving", "silent"] });
    const { change } = await repaired(world, { members }, { from: { ...from, others: [addressOf("a")] } });
    assert.deepEqual(change?.waitedFor, [], "but for those who are in");
  });

  test("a pod that hangs, where the store has lost who is in", async () => {
    assert.deepEqual(await hangs([addressOf("c")], { restored: true }), [[addressOf("c")], false]);
    assert.deepEqual(await hangs([addressOf("c")], {}), [[], false]);
  });

  test("who did not come and was left out", async () => {
    const world = new MoveWorld();
    world.cluster.pods = pods;
    world.say("c", { join: UNCLEAR, probe: "silent" });
    const { change } = await repaired(world, { members: [...members, known("c")] });
    assert.deepEqual([change?.waitedFor, change?.deaths], [[addressOf("c")], false]);
  });

  test("one that left and could not be frozen", async () => {
    const world = new MoveWorld();
    world.cluster.pods = pods;
    world.say("c", { join: UNCLEAR, probe: "silent" });
    const { change } = await repaired(world, { members }, { leaver: contact("c") });
    assert.deepEqual([change?.waitedFor, change?.deaths], [[addressOf("c")], false]);
  });

  test("nobody that the API server cannot tell of", async () => {
    const world = new MoveWorld();
    world.cluster.pods = [];
    const { change } = await repaired(
      world,
      { members },
      {},
      { intent: { kind: "join", pod: "default/d", at: AT } },
    );
    assert.deepEqual([change?.waitedFor, change?.deaths], [[], false]);
  });
});
