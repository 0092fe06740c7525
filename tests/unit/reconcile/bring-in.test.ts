import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { present, unlabelled } from "../../../lib/reconcile/bring-in.ts";
import type { Contacts } from "../../../lib/store/contacts.ts";
import { podOf } from "../../harness/networks.ts";
import {
  away,
  contact,
  member,
  MoveWorld,
  NETWORK,
  networkOf,
  OTHER,
  pod,
  said,
  shown,
  withoutLabel,
} from "./fixtures.ts";

const { incarnation } = pod("d");
/** A pod that says that this life of its peer is in the network, and has the other one's label now. */
const relabelled = podOf(OTHER, "d", said("True", "Joined", { incarnation }));
const isCalledFor = (world: MoveWorld, name: string): boolean =>
  world.calls.some((call) => new RegExp(`^(?:join|notify) ${name}`, "u").test(call));

/** A network of `a`, `b` and `d`, and one of `c`, for whose label that of `d` was changed. */
async function movingWorld(...others: readonly string[]): Promise<MoveWorld> {
  const world = await networkOf("a", "b", "d");
  const { incarnation: life } = pod("c");
  for (const name of others) {
    const its = podOf(OTHER, name, said("True", "Joined", { incarnation: life, network: OTHER }));
    world.addPod(its);
    await world.push(OTHER, its, null);
  }
  world.cluster.pods = [...world.cluster.pods.filter(({ name }) => name !== "d"), relabelled];
  return world;
}

describe("a pod that is there", () => {
  test("and says that this life of its peer is in costs no call", async () => {
    const world = new MoveWorld();
    world.cluster.failure = { kind: "unavailable", message: "away" };
    const deps = world.withStore({ begin: away, read: away, leave: away });
    const outcome = await present(deps, member("a"));
    assert.equal(shown(outcome), `member AlreadyMember a ${NETWORK}: a says that it is in ${NETWORK}`);
    assert.deepEqual(world.calls, []);
  });

  test("and says so of an earlier life is brought in", async () => {
    const world = new MoveWorld();
    const again = world.addPod(pod("a", said("True", "Joined", { incarnation: "containerd://old" })));
    world.say("a", { fresh: "fresh" });
    assert.equal((await present(world.deps, again)).name, "founded");
  });

  test("and has no label is nobody's", async () => {
    const world = new MoveWorld();
    const admission = { tag: "ignored", reason: "NoLabel", message: "no label" } as const;
    const joined = said("True", "Joined", { incarnation });
    const outcome = await present(world.deps, withoutLabel(pod("d", { admission, ...joined })));
    assert.equal(shown(outcome), "ignored NoLabel d nowhere: no label");
  });
});

describe("a pod on which something must be said better", () => {
  const why = { tag: "ignored", reason: "BadPort", message: "the port is x" } as const;
  const passing = { tag: "ignored", reason: "NotRunning", message: "the phase is Pending" } as const;
  const bad = pod("d", { admission: why });
  const told = ["d False BadPort", "d Warning BadPort"];

  const cases: readonly (readonly [string, Pod, Pod | undefined, readonly string[]])[] = [
    ["says so", bad, bad, told],
    ["does not say so twice", { ...bad, ...said("False", "BadPort") }, bad, []],
    ["says so where it says something else", { ...bad, ...said("False", "MemberHung") }, bad, told],
    ["does not say so by an event from before", bad, { ...bad, ...said("False", "BadPort") }, []],
    ["goes on saying that it is in", bad, { ...bad, ...said("True", "Joined") }, []],
    ["says nothing where it is better by now", bad, pod("d"), []],
    ["says nothing where it is something else by now", bad, { ...bad, admission: passing }, []],
    ["says nothing where it is gone", bad, undefined, []],
    ["says nothing where another one has its name", bad, { ...bad, uid: "another" }, []],
    [
      "says nothing of what passes by itself",
      { ...bad, admission: passing },
      { ...bad, admission: passing },
      [],
    ],
  ];
  for (const [rule, given, now, expected] of cases)
    test(rule, async () => {
      const world = new MoveWorld();
      world.now = now ? [now] : [];
      const outcome = await present(world.deps, given);
      const { reason, message } = given.admission.tag === "ignored" ? given.admission : assert.fail();
      assert.equal(shown(outcome), `ignored ${reason} d nowhere: ${message}`);
      assert.deepEqual(world.told, expected);
    });

  test("asks for nothing where nothing is to be said", async () => {
    const world = new MoveWorld();
    world.cluster.failure = { kind: "unavailable", message: "away" };
    for (const given of [
      { ...bad, ...said("True", "Joined") },
      { ...bad, admission: passing },
    ])
      assert.equal((await present(world.deps, given)).name, "ignored");
    assert.equal(shown(await present(world.deps, bad)), `held ClusterUnavailable d ${NETWORK}: away`);
  });
});

describe("a pod whose peer has ended", () => {
  const over = { tag: "ignored", reason: "Finished", message: "b has finished" } as const;
  const deleted = { tag: "ignored", reason: "BeingDeleted", message: "b is being deleted" } as const;
  const unready = { tag: "ignored", reason: "ContainerNotReady", message: "not ready" } as const;

  const cases: readonly (readonly [string, Partial<Pod>, "off" | "stays", readonly string[]])[] = [
    ["for good is taken off, and says so", { finished: true, admission: over }, "off", ["b False Finished"]],
    [
      "and which is being deleted is taken off; its condition goes with it",
      { finished: true, deleting: true, admission: deleted },
      "off",
      [],
    ],
    ["and whose next life is awaited stays", { finished: true, admission: unready }, "stays", []],
    ["and whose next life has begun stays", { finished: true }, "stays", []],
    ["stays while it is only being deleted", { deleting: true, admission: deleted }, "stays", []],
    [
      "stays where its condition is about another life",
      { finished: true, admission: over, ...said("True", "Joined", { incarnation: "containerd://b-0" }) },
      "stays",
      [],
    ],
    [
      "stays where it does not say that it is in",
      {
        finished: true,
        admission: over,
        ...said("False", "MemberHung", { incarnation: pod("b").incarnation }),
      },
      "stays",
      [],
    ],
  ];
  for (const [rule, changes, expected, told] of cases)
    test(rule, async () => {
      const world = await networkOf("a", "b");
      world.say("b", { probe: "refused" });
      const its = member("b", changes);
      world.cluster.pods = [member("a"), its];
      await present(world.deps, its);
      assert.deepEqual(await world.stack(), expected === "off" ? ["a"] : ["b", "a"]);
      assert.deepEqual(world.told, told);
    });

  const ended = member("b", { finished: true, admission: over });

  test("is not believed to have while the API server cannot be asked", async () => {
    const world = await networkOf("a", "b");
    world.cluster.failure = { kind: "forbidden", message: "no" };
    assert.equal(shown(await present(world.deps, ended)), `held ClusterForbidden b ${NETWORK}: no`);
    assert.deepEqual(await world.stack(), ["b", "a"]);
  });

  for (const [what, now] of [
    ["is not there any more", []],
    ["has given its name to another one", [member("b", { uid: "another", finished: true, admission: over })]],
    ["lives", [member("b")]],
  ] as const)
    test(`is not taken off where the pod ${what} by now`, async () => {
      const world = await networkOf("a", "b");
      world.cluster.pods = now;
      const outcome = await present(world.deps, ended);
      assert.equal(shown(outcome), "ignored PodGone b nowhere: default/b is not what it was");
      assert.deepEqual([await world.stack(), world.told], [["b", "a"], []]);
    });

  test("says nothing as long as the store cannot be written", async () => {
    const world = await networkOf("a", "b");
    world.cluster.pods = [ended];
    const outcome = await present(world.withStore({ leave: away }), ended);
    assert.deepEqual([shown(outcome), world.told], [`held StoreUnavailable b ${NETWORK}: away`, []]);
  });
});

test("a pod that was in no network is brought in without being asked for by name", async () => {
  const world = new MoveWorld();
  const fresh = world.addPod(pod("d"));
  world.say("d", { fresh: "fresh" });
  const deps: Deps = { ...world.deps, cluster: { ...world.deps.cluster, getPod: away } };
  assert.equal((await present(deps, fresh)).name, "founded");
});

describe("a living peer that goes to another network", () => {
  test("is left out of the one and taken into the other, by a re-form of each", async () => {
    const world = await movingWorld("c");
    const causes: string[] = [];
    const onReform: NonNullable<Deps["onReform"]> = ({ cause }) => void causes.push(cause.kind);
    const outcome = await present({ ...world.deps, onReform }, relabelled);
    assert.deepEqual(causes, ["moved-away", "was-elsewhere"]);
    assert.match(
      shown(outcome),
      /^reformed Reformed d default\/other: default\/other was re-formed because d was in another network before: 2 peers, /u,
    );
    assert.deepEqual(
      [await world.stack(), await world.stack(OTHER)],
      [
        ["b", "a"],
        ["d", "c"],
      ],
    );
  });

  test("is refused with KLIGHT_REFORM=off, and told", async () => {
    const world = await movingWorld("c");
    const { deps } = world;
    const off = { ...deps, settings: { ...deps.settings, reform: "off" } } as Deps;
    const says = podOf(OTHER, "d", said("False", "MovedOut", { incarnation }));
    world.cluster.pods = [...world.cluster.pods.slice(0, -1), says];
    assert.equal(
      shown(await present(off, says)),
      `refused RelabelRefused d ${OTHER}: d is in ${NETWORK} and was labelled for ${OTHER}, and KLIGHT_REFORM is off`,
    );
    assert.deepEqual(world.told, ["d False RelabelRefused", "d Warning RelabelRefused"]);
    assert.equal(isCalledFor(world, "d"), false);
  });

  test("waits until the network that it leaves can go on without it", async () => {
    const world = await movingWorld("c");
    world.say("b", { probe: "silent" });
    const outcome = await present(world.deps, relabelled);
    assert.deepEqual([outcome.name, outcome.reason, outcome.pod?.name], ["held", "MemberHung", "d"]);
    assert.deepEqual([await world.stack(), await world.stack(OTHER)], [["d", "b", "a"], ["c"]]);
  });

  for (const [what, reads, left] of [
    ["which life of it was there", 0, ["d", "b", "a"]],
    ["who it may have been waiting for", 1, ["b", "a"]],
  ] as const)
    test(`waits while nobody can tell ${what}`, async () => {
      const world = await movingWorld("c");
      let good = reads as number;
      const read: Contacts["read"] = (networks) =>
        (good -= 1) >= 0 ? world.contacts.read(networks) : away();
      const outcome = await present(world.withStore({ read }), relabelled);
      assert.equal(shown(outcome), `held StoreUnavailable d ${OTHER}: away`);
      assert.deepEqual([await world.stack(), await world.stack(OTHER)], [left, ["c"]]);
    });

  test("leaves what it holds with those that stay, whoever came after it", async () => {
    const world = await networkOf("d", "a");
    world.cluster.pods = [member("a"), relabelled];
    world.say("d", { history: ["stored in the first"] });
    assert.match((await present(world.deps, relabelled)).message, /: 1 peers, 0 entries, /u);
  });

  test("leaves what it holds with those that stay", async () => {
    const world = await movingWorld("c");
    for (const name of ["a", "b", "d"]) world.say(name, { history: ["stored in the first"] });
    world.say("c", { history: ["stored in the other"] });
    assert.match((await present(world.deps, relabelled)).message, /, 1 entries, /u);
  });

  test("takes along what it holds where only another life of it was there: that was never with the others", async () => {
    const world = await movingWorld("c");
    world.say("d", { history: ["stored alone"] });
    assert.ok(relabelled.admission.tag === "peer");
    const life = { incarnation: "containerd://new" };
    const admission = { tag: "peer", peer: { ...relabelled.admission.peer, ...life } } as const;
    const anew = { ...relabelled, ...life, admission };
    world.cluster.pods = [...world.cluster.pods.slice(0, -1), anew];
    assert.match((await present(world.deps, anew)).message, /, 1 entries, /u);
  });

  test("takes along what it holds where it was the last one", async () => {
    const world = await networkOf("d");
    world.cluster.pods = [relabelled];
    world.say("d", { history: ["stored in the first"] });
    const outcome = await present(world.deps, relabelled);
    assert.match(outcome.message, /: 1 peers, 1 entries, /u);
    assert.deepEqual([await world.stack(), await world.stack(OTHER)], [[], ["d"]]);
    const told = ["d False MovedOut", "d True Reformed", "d Normal Reformed"];
    assert.deepEqual(
      world.told.filter((line) => line.startsWith("d") && !line.includes("Network")),
      told,
    );
  });

  test("takes it along, too, where its own network was founded again while it was held", async () => {
    const world = await movingWorld("c");
    const says = { network: OTHER, was: NETWORK, incarnation, carries: NETWORK };
    world.cluster.pods = [
      ...world.cluster.pods.slice(0, -1),
      podOf(OTHER, "d", said("False", "MemberHung", says)),
    ];
    await world.commit(NETWORK, { drop: [contact("d")] });
    world.say("d", { history: ["stored in the first"] });
    assert.match((await present(world.deps, relabelled)).message, /: 2 peers, 1 entries, /u);
  });

  test("may be waiting for who hangs in the network that it leaves: the other one remembers that", async () => {
    const world = await movingWorld("c");
    const known = "10.9.9.9:9081";
    await world.commit(NETWORK, { waitedFor: [known] });
    world.says.set(known, { probe: "silent" });
    const begin: Contacts["begin"] = (network, ...rest) => {
      if (network === OTHER) world.say("b", { probe: "silent" });
      return world.contacts.begin(network, ...rest);
    };
    await present(world.withStore({ begin }), relabelled);
    const waitedFor = Object.keys((await world.view(OTHER))?.waitedFor ?? {});
    assert.deepEqual(waitedFor.toSorted(), [contact("b").address, known].toSorted());
  });

  for (const [what, now, says] of [
    ["has been moved back", pod("d", said("True", "Joined", { incarnation })), /^member AlreadyMember d /],
    [
      "is another one of that name",
      { ...relabelled, uid: "another" },
      /^ignored PodGone d .*: default\/d is gone$/,
    ],
    ["is gone", undefined, /^ignored PodGone d .*: default\/d is gone$/],
  ] as const)
    test(`stays where it is by an event that is old: the pod ${what}`, async () => {
      const world = await movingWorld("c");
      world.cluster.pods = [...world.cluster.pods.slice(0, -1), ...(now ? [now] : [])];
      assert.match(shown(await present(world.deps, relabelled)), says);
      assert.deepEqual([await world.stack(), await world.stack(OTHER)], [["d", "b", "a"], ["c"]]);
    });

  test("goes where its label is now by an event that is old", async () => {
    const world = await movingWorld("c");
    const third = podOf("default/third", "d", said("True", "Joined", { incarnation }));
    world.cluster.pods = [...world.cluster.pods.slice(0, -1), third];
    assert.equal((await present(world.deps, relabelled)).network, "default/third");
    assert.deepEqual(
      [await world.stack(), await world.stack(OTHER), await world.stack("default/third")],
      [["b", "a"], ["c"], ["d"]],
    );
  });

  test("is a member by an event from before it was moved", async () => {
    const world = await movingWorld("c");
    await present(world.deps, relabelled);
    const now = podOf(OTHER, "d", said("True", "Reformed", { incarnation, network: OTHER }));
    world.cluster.pods = [...world.cluster.pods.slice(0, -1), now];
    assert.equal((await present(world.deps, relabelled)).name, "member");
    assert.deepEqual(await world.stack(OTHER), ["d", "c"]);
  });

  test("is taken out of a network that only the store knows of, for its pod does not say it yet", async () => {
    const world = await movingWorld("c");
    world.cluster.pods = [...world.cluster.pods.slice(0, -1), podOf(OTHER, "d")];
    assert.equal((await present(world.deps, relabelled)).name, "reformed");
    assert.deepEqual(
      [await world.stack(), await world.stack(OTHER)],
      [
        ["b", "a"],
        ["d", "c"],
      ],
    );
  });

  test("is not moved while the API server cannot be asked", async () => {
    const world = await movingWorld("c");
    world.cluster.failure = { kind: "unavailable", message: "away" };
    assert.equal(shown(await present(world.deps, relabelled)), `held ClusterUnavailable d ${OTHER}: away`);
  });
});

describe("a living pod without its label", () => {
  const d = withoutLabel(member("d"));

  test("is left out of its network by a re-form, and told", async () => {
    const world = await networkOf("a", "b", "d");
    world.cluster.pods = [member("a"), member("b"), d];
    assert.equal(
      shown(await unlabelled(world.deps, d, NETWORK)),
      `left LabelRemoved d ${NETWORK}: d lost its label, and ${NETWORK} has gone on without it`,
    );
    assert.deepEqual(await world.stack(), ["b", "a"]);
    assert.deepEqual(world.told.slice(-2), ["d False LabelRemoved", "d Warning LabelRemoved"]);
  });

  test("says that it has what was stored, where it was the last one", async () => {
    const world = await networkOf("d");
    world.cluster.pods = [d];
    const words: string[] = [];
    const { cluster } = world.deps;
    const setCondition: typeof cluster.setCondition = (who, condition) => {
      words.push(`${condition.reason} ${/carries [^;)]*/u.exec(condition.message)?.[0]}`);
      return cluster.setCondition(who, condition);
    };
    const deps: Deps = { ...world.deps, cluster: { ...cluster, setCondition } };
    assert.equal((await unlabelled(deps, d, NETWORK)).reason, "LabelRemoved");
    assert.deepEqual(words, Array(2).fill(`LabelRemoved carries ${NETWORK}`));
    words.length = 0;
    world.cluster.pods = [member("a"), d];
    await world.commit(NETWORK, { stack: [contact("d"), contact("a")] });
    await unlabelled(deps, d, NETWORK);
    assert.deepEqual(words, ["LabelRemoved undefined"]);
  });

  test("stays with the others where re-forming is off: there is no call to leave", async () => {
    const world = await networkOf("a", "d");
    const deps: Deps = { ...world.deps, settings: { ...world.deps.settings, reform: "off" } };
    assert.equal(
      shown(await unlabelled(deps, d, NETWORK)),
      `left LabelRemoved d ${NETWORK}: d lost its label, but its peer is still in ${NETWORK}: there is no call to leave`,
    );
    assert.deepEqual([await world.stack(), world.calls], [["a"], []]);
    const again = await unlabelled(deps, d, NETWORK);
    assert.equal(shown(again), `ignored PodGone d ${NETWORK}: d was not on the stack of ${NETWORK}`);
    assert.equal(world.told.length, 2);
  });

  test("says nothing of it before that is done", async () => {
    const world = await networkOf("a", "b", "d");
    world.cluster.pods = [member("a"), member("b"), d];
    world.say("b", { probe: "silent" });
    const outcome = await unlabelled(world.deps, d, NETWORK);
    assert.deepEqual([outcome.reason, outcome.pod?.name, world.told], ["MemberHung", "d", []]);
  });

  test("and without an address leaves, too", async () => {
    const world = await networkOf("a", "d");
    const { address: _, ...nowhere } = d;
    world.cluster.pods = [member("a"), nowhere];
    assert.equal((await unlabelled(world.deps, nowhere, NETWORK)).name, "left");
    assert.deepEqual(await world.stack(), ["a"]);
  });
});
