import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { healthOfContact } from "../../../lib/reconcile/contact-health.ts";
import { type Look, observe } from "../../../lib/reconcile/observe.ts";
import type { Target } from "../../../lib/reconcile/plan.ts";
import { sharedBy } from "../../../lib/reconcile/whose-address.ts";
import type { NetworkRecord } from "../../../lib/store/contacts.ts";
import { podOf } from "../../harness/networks.ts";
import {
  addressOf,
  away,
  contact,
  joinerOf,
  member,
  MoveWorld,
  NETWORK,
  OTHER,
  pod,
  record,
  said,
  shown,
} from "./fixtures.ts";

const pods = ["a", "b"].map((name) => member(name));
const off = ({ deps }: MoveWorld): Deps => ({ ...deps, settings: { ...deps.settings, reform: "off" } });
const stack = (...names: readonly string[]): NetworkRecord["stack"] => names.map((name) => contact(name));

async function look(
  world: MoveWorld,
  was: Partial<NetworkRecord> = {},
  target: Partial<Target> = {},
  deps = world.deps,
): Promise<Look> {
  return observe(deps, { network: NETWORK, ...target }, record({ stack: stack("b", "a"), ...was }));
}
const seenIn = (end: Look): NonNullable<Look["seen"]> => end.seen ?? assert.fail(end.tag);
const membersOf = (end: Look): readonly string[] => seenIn(end).members.map(({ contact: { name } }) => name);
const outcomeOf = (end: Look): string => (end.tag === "stop" ? shown(end.outcome) : end.tag);
const probesOf = ({ calls }: MoveWorld, name: string): number =>
  calls.filter((call) => call === `probe ${name}`).length;

const worldWith = (...now: readonly Pod[]): MoveWorld => {
  const world = new MoveWorld();
  world.cluster.pods = now;
  return world;
};

describe("the pods of a network are listed", () => {
  const listed = async (network: string, known: readonly string[]): Promise<unknown> => {
    const world = worldWith(...pods);
    const asked: unknown[] = [];
    const { cluster } = world.deps;
    const listPods: typeof cluster.listPods = (which) => {
      asked.push(which);
      return cluster.listPods(which);
    };
    const deps = { ...world.deps, cluster: { ...cluster, listPods } };
    await observe(deps, { network }, record({ stack: stack(...known) }));
    return asked[0];
  };

  test("by namespace and label", async () => {
    assert.deepEqual(await listed(NETWORK, ["a"]), { namespace: "default", networkId: "net" });
  });
  test("by label alone where networks span namespaces", async () => {
    assert.deepEqual(await listed("net", ["a"]), { networkId: "net" });
  });
  test("with whoever mentions it where the stack is lost: one of another label may say that it is in", async () => {
    assert.deepEqual(await listed(NETWORK, []), { namespace: "default", mentioning: "net" });
    assert.deepEqual(await listed("net", []), { mentioning: "net" });
  });
});

describe("a look at a quiet network", () => {
  test("does not wait", async () => {
    const world = worldWith(...pods);
    assert.equal((await look(world)).tag, "seen");
    assert.deepEqual([world.slept, probesOf(world, "a")], [[], 1]);
  });

  test("at which somebody else does not answer the first time asks nobody whether it is fresh", async () => {
    const world = worldWith(...pods);
    world.say("a", { fresh: "fresh" });
    assert.deepEqual(membersOf(await look(world)), ["a", "b"]);
    assert.ok(!world.calls.includes("fresh? a"));
  });

  test("of one whose only member was silent before does not ask it: it may never have had a chain", async () => {
    const world = worldWith(member("a"));
    world.say("a", { fresh: "fresh" });
    const was = { stack: stack("a"), hung: { [contact("a").incarnation]: 5 } };
    assert.deepEqual(membersOf(await look(world, was)), ["a"]);
  });
});

describe("members that go away", () => {
  test("one after the other are too many for one step, and the last is named", async () => {
    const names = ["a", "b", "c", "d", "e", "f"];
    const world = worldWith(...names.slice(0, -1).map((name) => member(name)));
    const dies = (): void => {
      for (const name of names.slice(world.cluster.pods.length)) world.say(name, { probe: "refused" });
    };
    dies();
    world.clock.sleep = () => {
      world.cluster.pods = world.cluster.pods.slice(0, -1);
      return Promise.resolve(dies());
    };
    assert.equal(
      outcomeOf(await look(world, { stack: stack(...names.toReversed()) })),
      `held NotQuiet nobody ${NETWORK}: members of ${NETWORK} go away one after the other, b last`,
    );
  });

  for (const probe of ["serving", "not-serving"] as const)
    test(`and are back before the others have noticed are other processes: ${probe}`, async () => {
      const world = worldWith(member("a"));
      world.say("b", { probe: ["refused", probe] });
      const seen = seenIn(await look(world));
      assert.deepEqual(
        [seen.dead, seen.replaced].map((those) => those.map(({ name }) => name)),
        [[], ["b"]],
      );
    });

  test("are waited out where nothing can be re-formed, whoever is at their address", async () => {
    const world = worldWith(member("a"));
    const seen = seenIn(await look(world, {}, {}, off(world)));
    assert.deepEqual([seen.dead.map(({ name }) => name), seen.replaced, world.slept], [["b"], [], [1_200]]);
  });

  test("are waited for where nothing can be re-formed and nobody is left, no more than without a process at the address", async () => {
    const world = worldWith();
    const seen = seenIn(await look(world, { stack: stack("b") }, {}, off(world)));
    assert.deepEqual([seen.dead.map(({ name }) => name), seen.replaced, world.slept], [["b"], [], []]);
  });

  test("and refused before the API server showed that they are gone are waited out from then on: it may have been a firewall", async () => {
    const world = worldWith(...pods);
    world.say("b", { probe: "refused" });
    const sleep = world.clock.sleep.bind(world.clock);
    world.clock.sleep = (ms) => {
      world.cluster.pods = world.cluster.pods.slice(0, 1);
      return sleep(ms);
    };
    const seen = seenIn(await look(world));
    assert.deepEqual(
      [seen.dead.map(({ name }) => name), seen.restored, world.slept],
      [["b"], false, [1_200, 1_200]],
    );
  });

  test("are not believed to have where one of them cannot be asked for", async () => {
    const world = worldWith(member("a"));
    world.say("b", { probe: "refused" });
    const deps: Deps = { ...world.deps, cluster: { ...world.deps.cluster, getPod: away } };
    assert.equal(
      outcomeOf(await look(world, {}, {}, deps)),
      `held ClusterUnavailable nobody ${NETWORK}: away`,
    );
  });

  test("are told from those whose address another process has, which are not waited out", async () => {
    const world = worldWith(member("a"));
    const seen = seenIn(await look(world));
    assert.deepEqual([seen.replaced.map(({ name }) => name), seen.dead, world.slept], [["b"], [], []]);
  });

  test("and whose address the joiner has are replaced by it, wherever that hangs", async () => {
    const { address: at } = contact("b");
    const { admission } = pod("d");
    assert.ok(admission.tag === "peer");
    const heir = pod("d", {
      address: at,
      admission: { tag: "peer", peer: { ...admission.peer, address: at } },
    });
    const world = worldWith(member("a"), heir);
    world.say("b", { probe: "silent" });
    const seen = seenIn(await look(world, {}, { joiner: heir }));
    assert.deepEqual(
      [seen.replaced, seen.lost].map((those) => those.map(({ name }) => name)),
      [["b"], []],
    );
  });

  test("while other pods say that they are in are not the last: those are looked for", async () => {
    const world = worldWith(pod("d"), member("c"));
    for (const name of ["a", "b"]) world.say(name, { probe: "refused" });
    const end = await look(world);
    assert.deepEqual([membersOf(end), seenIn(end).restored], [["c"], true]);
    assert.deepEqual(world.slept, []);
  });

  for (const [what, other] of [
    ["does not say that it is in", pod("c")],
    ["says so of another life", pod("c", said("True", "Joined", { incarnation: "containerd://old" }))],
  ] as const)
    test(`are the last where the only other pod ${what}`, async () => {
      const world = worldWith(other);
      for (const name of ["a", "b"]) world.say(name, { probe: "refused" });
      const end = await look(world);
      assert.deepEqual([membersOf(end), seenIn(end).restored], [[], false]);
      assert.equal(world.slept.length, 0);
    });

  test("are the last where only the joiner says that it is in", async () => {
    const world = worldWith(member("d"));
    for (const name of ["a", "b"]) world.say(name, { probe: "refused" });
    const end = await look(world, {}, { joiner: member("d") });
    assert.deepEqual([membersOf(end), seenIn(end).restored], [[], false]);
  });

  test("and whose next life says that it is in are no others: that one comes by its own event", async () => {
    const next = "containerd://a-2";
    const world = worldWith(
      pod("a", { incarnation: next, ...said("True", "Joined", { incarnation: next }) }),
    );
    for (const name of ["a", "b"]) world.say(name, { probe: "refused" });
    assert.equal(seenIn(await look(world)).restored, false);
  });

  test("and say themselves that they are in are no others", async () => {
    const over = member("a", { finished: true });
    const world = worldWith(over);
    for (const name of ["a", "b"]) world.say(name, { probe: "refused" });
    assert.equal(seenIn(await look(world)).restored, false);
  });
});

describe("what has become of members that do not answer as they did", () => {
  const cases: readonly (readonly [string, Pod[], Partial<NetworkRecord>, string])[] = [
    ["lost: gone, and somebody hangs at the address", [member("a")], {}, "lost"],
    ["given up", pods, { hung: { [contact("b").incarnation]: 30_000 } }, "givenUp"],
    ["hung", pods, {}, "hung"],
  ];
  for (const [rule, now, was, where] of cases)
    test(rule, async () => {
      const world = worldWith(...now);
      world.say("b", { probe: "silent" });
      const seen = seenIn(await look(world, was));
      assert.deepEqual(
        (["lost", "givenUp", "hung", "unreachable", "dead"] as const).filter((each) => seen[each].length > 0),
        [where],
      );
      assert.deepEqual(seen.silent, [addressOf("b")]);
    });

  for (const [where, address, silent] of [
    ["where it was, and answers", addressOf("b"), []],
    ["elsewhere: nobody is asked at its old address", "10.9.9.9:9081", [addressOf("b")]],
  ] as const)
    test(`moved: its pod is of another network, and ${where}`, async () => {
      const world = worldWith(member("a"), member("b", { network: OTHER, address }));
      const seen = seenIn(await look(world));
      assert.deepEqual([seen.moved.map(({ name }) => name), seen.silent], [["b"], silent]);
    });

  test("readdressed: its pod has another address, and it answers there", async () => {
    const world = worldWith(member("a"), member("b", { address: "10.9.9.9:9081" }));
    const seen = seenIn(await look(world));
    assert.deepEqual([seen.readdressed.map(({ name }) => name), seen.silent], [["b"], []]);
  });
});

describe("a joiner", () => {
  const joiner = pod("d");
  test("that does not answer is silent, and one that is not there is nobody", async () => {
    const world = worldWith(...pods, joiner);
    world.say("d", { probe: "silent" });
    assert.equal(seenIn(await look(world, {}, { joiner })).joiner?.probe, "silent");
    assert.equal(seenIn(await look(world)).joiner, undefined);
  });

  for (const [what, now, expected] of [
    ["has another label by now", pod("d", { network: OTHER }), "is not a pod of"],
    ["is gone by now", undefined, "is not a pod of"],
  ] as const)
    test(`that ${what} is nobody's here`, async () => {
      const world = worldWith(...pods, ...(now ? [now] : []));
      const end = await look(world, {}, { joiner });
      assert.equal(outcomeOf(end), `ignored PodGone d ${NETWORK}: default/d ${expected} ${NETWORK} any more`);
    });

  test("that is not to be in by now is told why", async () => {
    const over = { tag: "ignored", reason: "BeingDeleted", message: "d is being deleted" } as const;
    const world = worldWith(...pods, pod("d", { admission: over }));
    assert.equal(
      outcomeOf(await look(world, {}, { joiner })),
      `ignored BeingDeleted d ${NETWORK}: d is being deleted`,
    );
  });

  test("that the list does not show is not believed to be gone while nobody can be asked", async () => {
    const world = worldWith(...pods);
    const deps: Deps = { ...world.deps, cluster: { ...world.deps.cluster, getPod: away } };
    assert.equal(
      outcomeOf(await look(world, {}, { joiner }, deps)),
      `held ClusterUnavailable nobody ${NETWORK}: away`,
    );
  });

  test("that is listed as the stack has it, or not on the stack, is not asked for by name", async () => {
    const world = worldWith(...pods, joiner);
    const deps: Deps = { ...world.deps, cluster: { ...world.deps.cluster, getPod: away } };
    assert.equal((await look(world, {}, { joiner }, deps)).tag, "seen");
    assert.equal((await look(world, { stack: stack("d", "b", "a") }, { joiner }, deps)).tag, "seen");
  });
});

describe("a stack that is put together from conditions", () => {
  test("asks for each pod once", async () => {
    const says = (name: string): Pod =>
      pod(name, said("True", "Joined", { incarnation: pod(name).incarnation }));
    const world = worldWith(says("a"), says("b"));
    const asked: string[] = [];
    const { cluster } = world.deps;
    const getPod: typeof cluster.getPod = (who) => {
      asked.push(who.name);
      return cluster.getPod(who);
    };
    const end = await look(world, { stack: [] }, {}, { ...world.deps, cluster: { ...cluster, getPod } });
    assert.deepEqual(
      [asked, membersOf(end).toSorted()],
      [
        ["a", "b"],
        ["a", "b"],
      ],
    );
  });

  test("is asked for by name, for the list may be behind: one may have gone to another network", async () => {
    const says = said("True", "Joined", { incarnation: pod("a").incarnation });
    const world = worldWith(
      pod("a", says),
      pod("b", said("True", "Joined", { incarnation: pod("b").incarnation })),
    );
    world.now = [podOf(OTHER, "a", says), ...world.cluster.pods.slice(1)];
    const end = await look(world, { stack: [] });
    assert.deepEqual([membersOf(end), seenIn(end).moved.map(({ name }) => name)], [["b"], ["a"]]);
  });

  test("has through whom each came in, and not those without an address", async () => {
    const { address: _, ...nowhere } = member("c");
    const { incarnation } = pod("a");
    const world = worldWith(
      member("a", said("True", "Joined", { incarnation, via: "z" })),
      member("b"),
      nowhere,
    );
    const end = await look(world, { stack: [] });
    assert.deepEqual(
      seenIn(end).members.map(({ contact: { name, via } }) => [name, via]),
      [
        ["b", null],
        ["a", "z"],
      ],
    );
  });
});

describe("what has become of one contact", () => {
  const facts = { network: NETWORK, taker: undefined, silentMs: 0, mayBeFresh: true };
  const health = async (
    world: MoveWorld,
    listed: Pod | undefined,
    changes: Partial<typeof facts> = {},
  ): Promise<string> => {
    const found = await healthOfContact(
      world.deps,
      { contact: contact("b"), pod: listed },
      { ...facts, ...changes },
    );
    return found.tag === "health" ? found.health : found.tag;
  };

  test("is known without a question where it answers and is listed as it was", async () => {
    const world = worldWith();
    world.cluster.failure = { kind: "unavailable", message: "away" };
    assert.equal(await health(world, pod("b")), "living");
    assert.deepEqual(world.calls, ["probe b"]);
  });

  test("is another process where it did not answer before and is fresh", async () => {
    const world = worldWith(pod("b"));
    world.say("b", { fresh: "fresh" });
    assert.equal(await health(world, pod("b"), { mayBeFresh: false }), "replaced");
    assert.equal(await health(world, pod("b")), "living");
    world.say("b", { fresh: "chained" });
    assert.equal(await health(world, pod("b"), { mayBeFresh: false }), "living");
  });

  test("is not asked of a peer that does not serve", async () => {
    const world = worldWith(pod("b"));
    world.say("b", { fresh: "fresh", probe: "not-serving" });
    assert.equal(await health(world, pod("b"), { mayBeFresh: false }), "hung");
    assert.ok(!world.calls.includes("fresh? b"));
  });

  test("is looked for where the pod is now, but only if it is of this network still", async () => {
    const at = "10.9.9.9:9081";
    const world = worldWith(pod("b", { address: at }));
    assert.equal(await health(world, undefined), "readdressed");
    const moved = worldWith(pod("b", { address: at, network: OTHER }));
    moved.say("b", { probe: "silent" });
    assert.equal(await health(moved, undefined), "moved");
    assert.deepEqual(moved.calls.length, 1);
  });

  test("is not known where nobody can be asked", async () => {
    const world = worldWith();
    world.cluster.failure = { kind: "unavailable", message: "away" };
    assert.equal(await health(world, undefined), "failed");
  });
});

describe("another pod at the address of a joiner", () => {
  const at = addressOf("d");
  const over = { tag: "ignored", reason: "Finished", message: "" } as const;
  const joiner = joinerOf("d");
  const { incarnation } = pod("e");
  const { network: _, ...unlabelled } = pod("e", { address: at });
  const shared = `held AddressShared d ${NETWORK}: default/d at ${at} and default/e have one address`;

  const cases: readonly (readonly [string, Pod, string | undefined])[] = [
    ["holds it, and both are named", pod("e", { address: at }), shared],
    ["of another network, too", podOf(OTHER, "e", { address: at }), shared],
    [
      "without a label, too, where it was in a network",
      { ...unlabelled, ...said("True", "Joined", { incarnation }) },
      shared,
    ],
    ["without a label does not where it was in none", unlabelled, undefined],
    ["does not where it is itself", pod("d"), undefined],
    ["does not at another port", pod("e", { address: at.replace(/\d+$/u, "9082") }), undefined],
    ["does, while its container restarts", pod("e", { address: at, finished: true }), shared],
    [
      "does not once it has ended for good",
      pod("e", { address: at, finished: true, admission: over }),
      undefined,
    ],
  ];
  for (const [rule, other, expected] of cases)
    test(rule, async () => {
      const found = await sharedBy(worldWith(other).deps, NETWORK, joiner);
      assert.equal(found && shown(found), expected);
    });

  const here = said("True", "Joined", { incarnation: pod("d").incarnation });
  const elsewhere = said("True", "Joined", { incarnation: pod("d").incarnation, address: "10.9.9.9:9081" });
  for (const [rule, changes, expected] of [
    ["is not asked for where the joiner has been in a network", here, undefined],
    ["is asked for where that was at another address", elsewhere, shared],
  ] as const)
    test(rule, async () => {
      const found = await sharedBy(
        worldWith(pod("e", { address: at })).deps,
        NETWORK,
        joinerOf("d", changes),
      );
      assert.equal(found && shown(found), expected);
    });

  test("is not looked for where the joiner has another label by now: it is none any more", async () => {
    const found = await sharedBy(worldWith(podOf(OTHER, "d")).deps, NETWORK, joiner);
    assert.equal(
      found && shown(found),
      `held LookTooOld d ${NETWORK}: d has got another label since the pods of ${NETWORK} were read`,
    );
  });

  test("is asked for by the IP address alone", async () => {
    const world = worldWith();
    const asked: unknown[] = [];
    const { cluster } = world.deps;
    const listPods: typeof cluster.listPods = (which) => {
      asked.push(which);
      return cluster.listPods(which);
    };
    await sharedBy({ cluster: { ...cluster, listPods } }, NETWORK, joiner);
    assert.deepEqual(asked, [{ ip: at.replace(/:\d+$/u, "") }]);
  });

  test("cannot be told while the API server is away, nor of an address that is none", async () => {
    const world = worldWith();
    world.cluster.failure = { kind: "unavailable", message: "away" };
    const found = await sharedBy(world.deps, NETWORK, joiner);
    assert.equal(found && shown(found), `held ClusterUnavailable d ${NETWORK}: away`);
    const nowhere = { ...joiner, peer: { ...joiner.peer, address: "" } };
    assert.equal(await sharedBy(world.deps, NETWORK, nowhere), undefined);
  });
});
