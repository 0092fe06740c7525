import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Pod } from "../../../lib/pod/pod.ts";
import { podChanged } from "../../../lib/reconcile/pod-changed.ts";
import { reformAsked } from "../../../lib/reconcile/reform-asked.ts";
import { addressOf, contact, member, MoveWorld, NETWORK, networkOf, pod } from "./fixtures.ts";

const stackOf = async ({ contacts }: MoveWorld): Promise<readonly string[]> => {
  const read = await contacts.read([NETWORK]);
  return read.tag === "read"
    ? (read.views[0]?.stack ?? []).map(({ name, address }) => `${name} ${address}`)
    : [];
};
const at = (...names: readonly string[]): readonly string[] =>
  names.map((name) => `${name} ${addressOf(name)}`);

const deleted = (world: MoveWorld, gone: Pod): ReturnType<typeof podChanged> =>
  podChanged(world.deps, { change: "delete", name: gone, pod: gone });
const updated = (world: MoveWorld, now: Pod): ReturnType<typeof podChanged> =>
  podChanged(world.deps, { change: "update", name: now, pod: now });
const without = (world: MoveWorld, name: string): void => {
  world.cluster.pods = world.cluster.pods.filter((each) => each.name !== name);
};

describe("a delete event", () => {
  test("takes a pod off the stack that the API server does not have any more", async () => {
    const world = await networkOf("a", "b");
    without(world, "b");
    world.say("b", { probe: "refused" });
    assert.equal((await deleted(world, member("b"))).reason, "Left");
    assert.deepEqual(await stackOf(world), at("a"));
  });

  test("with the name of a pod that never was and a member's uid takes nobody off", async () => {
    const world = await networkOf("a", "b");
    const forged = pod("nobody", { uid: contact("b").uid });
    const outcome = await deleted(world, forged);
    assert.deepEqual([outcome.name, outcome.reason], ["ignored", "PodGone"]);
    assert.match(outcome.message, /the uid of default\/nobody is that of default\/b/u);
    assert.deepEqual(await stackOf(world), at("b", "a"));
  });

  test("of a pod that is there takes nobody off", async () => {
    const world = await networkOf("a", "b");
    assert.equal((await deleted(world, member("b"))).name, "member");
    assert.deepEqual(await stackOf(world), at("b", "a"));
  });

  test("is no reason to believe that a pod is gone while nobody can be asked", async () => {
    const world = await networkOf("a", "b");
    world.cluster.failure = { kind: "unavailable", message: "away" };
    assert.equal((await deleted(world, member("b"))).reason, "ClusterUnavailable");
    assert.deepEqual(await stackOf(world), at("b", "a"));
  });

  test("re-forms the network where another process has the address already: the others keep it on their lists", async () => {
    const world = await networkOf("a", "b");
    without(world, "b");
    const outcome = await deleted(world, member("b"));
    assert.deepEqual([outcome.name, outcome.pod?.name], ["reformed", "b"]);
    assert.match(outcome.message, /because b was a member at .*, and another process is there now/u);
    assert.deepEqual(await stackOf(world), at("a"));
    assert.ok(!world.calls.some((call) => /^(?:join|notify) b/u.test(call)), "who is there is not touched");
  });

  test("in Reference mode finds the network by the contact's name", async () => {
    const world = await networkOf("a", "b");
    without(world, "b");
    world.say("b", { probe: "refused" });
    const name = { namespace: "default", name: "b" };
    assert.equal((await podChanged(world.deps, { change: "delete", name })).reason, "Left");
    assert.deepEqual(await stackOf(world), at("a"));
  });
});

describe("a pod on which something must be said better", () => {
  const unknown = { tag: "ignored", reason: "ContainerUnknown", message: "which one is not told" } as const;

  test("says so in its condition, once", async () => {
    const world = new MoveWorld();
    const mesh = world.addPod(pod("mesh", { admission: unknown }));
    assert.equal((await updated(world, mesh)).reason, "ContainerUnknown");
    const both = ["mesh False ContainerUnknown", "mesh Warning ContainerUnknown"];
    assert.deepEqual(world.told, both);
    const told = { status: "False", reason: "ContainerUnknown", message: "" } as const;
    const now = { ...mesh, joined: told };
    world.cluster.pods = [now];
    await updated(world, now);
    // An event from before that tells nothing new either.
    await updated(world, mesh);
    assert.deepEqual(world.told, both);
  });

  test("says nothing where it is said by now, or where it passes by itself", async () => {
    const world = new MoveWorld();
    world.addPod(pod("mesh"));
    await updated(world, pod("mesh", { admission: unknown }));
    const starting = { tag: "ignored", reason: "NotRunning", message: "Pending" } as const;
    await updated(world, world.addPod(pod("new", { admission: starting })));
    assert.deepEqual(world.told, []);
  });

  test("goes on saying that it is in its network, if it is", async () => {
    const world = await networkOf("a");
    const edited = member("a", { admission: unknown });
    world.cluster.pods = [edited];
    assert.equal((await updated(world, edited)).name, "ignored");
    assert.deepEqual(world.told, []);
  });
});

describe("a pod that has finished", () => {
  const finished = {
    tag: "ignored",
    reason: "Finished",
    message: "b has finished: Failed, Evicted",
  } as const;
  const evicted = member("b", { finished: true, admission: finished });

  test("goes off the stack by its event, and says so in its condition", async () => {
    const world = await networkOf("a");
    world.addPod(evicted);
    await world.commit(NETWORK, { push: contact("b") });
    world.say("b", { probe: "refused" });
    assert.equal((await updated(world, evicted)).reason, "Left");
    assert.deepEqual([await stackOf(world), world.told], [at("a"), ["b False Finished"]]);
  });

  test("whose address another pod has already is left out by a re-form, and that other pod is not touched", async () => {
    const world = await networkOf("a");
    world.addPod(evicted);
    await world.commit(NETWORK, { push: contact("b") });
    assert.equal((await updated(world, evicted)).name, "reformed");
    assert.deepEqual(await stackOf(world), at("a"));
    assert.ok(!world.calls.some((call) => /^(?:join|notify|history) b/u.test(call)));
  });

  test("is not believed to have where only the event says so", async () => {
    const world = await networkOf("a", "b");
    assert.equal((await updated(world, evicted)).name, "ignored");
    assert.deepEqual(await stackOf(world), at("b", "a"));
  });

  test("and says that it is out costs nothing any more", async () => {
    const world = await networkOf("a");
    const after = pod("b", { finished: true, admission: finished });
    assert.deepEqual([(await updated(world, after)).reason, world.calls], ["Finished", []]);
  });

  test("founds nothing and joins nobody, and whoever comes next founds", async () => {
    const world = new MoveWorld();
    world.addPod(evicted);
    await world.commit(NETWORK, { push: contact("b") });
    const next = world.addPod(pod("c"));
    world.say("c", { fresh: "fresh" });
    const outcome = await updated(world, next);
    assert.deepEqual([outcome.name, await stackOf(world)], ["founded", at("c")]);
    assert.ok(!world.calls.some((call) => call.startsWith("join")));
  });
});

describe("a member whose pod has another address", () => {
  test("is known to have, too, when the store has lost the stack: one that keeps its old name stays out", async () => {
    const world = new MoveWorld();
    world.cluster.pods = [member("a"), where, pod("c")];
    world.says.set(address, { name: { tag: "name", name: addressOf("b") } });
    world.say("c", { fresh: "fresh" });
    assert.equal((await updated(world, pod("c"))).name, "reformed");
    assert.deepEqual(await stackOf(world), at("c", "a"));
  });

  const address = "10.9.9.9:9081";
  const { admission } = pod("b");
  assert.ok(admission.tag === "peer");
  const moved = member("b", { address, admission: { tag: "peer", peer: { ...admission.peer, address } } });
  const where = {
    ...moved,
    joined: { ...moved.joined, status: "True", reason: "Joined", message: "so", address: addressOf("b") },
  } as Pod;

  test("is re-formed with it by its event", async () => {
    const world = await networkOf("a", "b");
    world.cluster.pods = [member("a"), where];
    world.say("b", { probe: "refused" });
    assert.equal((await updated(world, where)).name, "reformed");
    assert.deepEqual(await stackOf(world), [`b ${address}`, ...at("a")]);
  });
});

test("a re-form that people ask for is done three times a minute at most, and it says when again", async () => {
  const world = await networkOf("a", "b");
  for (let time = 1; time <= 3; time += 1)
    assert.equal((await reformAsked(world.deps, NETWORK)).name, "reformed");
  const refused = await reformAsked(world.deps, NETWORK);
  assert.deepEqual([refused.name, refused.reason], ["refused", "ReformedJustNow"]);
  const [, when = ""] = /can be again at (\S+)$/u.exec(refused.message) ?? [];
  world.clock.move(Date.parse(when) - world.clock.now());
  assert.equal((await reformAsked(world.deps, NETWORK)).name, "reformed");
});

describe("an event of klight's own condition", () => {
  const world = (): MoveWorld => new MoveWorld();
  const held = (changes: Partial<Pod> = {}): Pod => {
    const { network, incarnation, address } = pod("a");
    const told = { status: "False", reason: "JoinerNotServing", message: "a does not serve" } as const;
    return pod("a", {
      ownWrite: true,
      joined: {
        ...told,
        incarnation,
        ...(network !== undefined && { network }),
        ...(address !== undefined && { address }),
      },
      ...changes,
    });
  };

  test("makes no work: nothing is asked, and nothing is held", async () => {
    const quiet = world();
    quiet.say("a", { probe: "refused" });
    const outcome = await updated(quiet, held());
    assert.deepEqual([outcome.name, outcome.reason, quiet.calls], ["ignored", "OwnCondition", []]);
    assert.equal(outcome.message, "default/a says JoinerNotServing, and klight said so itself");
  });

  const news: readonly (readonly [string, Partial<Pod>])[] = [
    ["of an earlier life of its peer", { incarnation: "containerd://another" }],
    ["at another address", { address: "10.9.9.9:9081" }],
    ["of another network than that of its label", { network: "default/other" }],
    ["with a request for a re-form that is not answered", { reformAsked: "now" }],
  ];
  for (const [what, changes] of news) {
    test(`is looked at where it is one ${what}`, async () => {
      const outcome = await updated(world(), held(changes));
      assert.notEqual(outcome.reason, "OwnCondition");
    });
  }

  test("is looked at where it is one after which somebody else has written", async () => {
    const { ownWrite: _own, ...now } = held();
    assert.notEqual((await updated(world(), now)).reason, "OwnCondition");
  });

  test("is looked at where the pod is new to the watcher, as after it was away", async () => {
    const now = held();
    const outcome = await podChanged(world().deps, { change: "add", name: now, pod: now });
    assert.notEqual(outcome.reason, "OwnCondition");
  });

  test("is looked at where the pod is about to go", async () => {
    const outcome = await updated(world(), held({ deleting: true }));
    assert.notEqual(outcome.reason, "OwnCondition");
  });
});
