import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readWhy, type Why } from "../../functions/status/why.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { ignoredPod, podOf, START, World } from "../harness/networks.ts";

const ask = async (world: World, namespace: string, name: string): Promise<Why> => {
  const reading = await readWhy(world, { namespace, name });
  assert.ok(reading.tag === "why", JSON.stringify(reading));
  return reading.why;
};

const network = "shop/orders";

describe("asked why", () => {
  test("a member is in, with its place, its contact and what was seen of its pod", async () => {
    const world = new World();
    await world.join(network, "orders-0", null);
    world.clock.move(1_000);
    const pod = await world.join(network, "orders-1", "orders-0");
    await world.join(network, "orders-2", "orders-1");
    const why = await ask(world, "shop", "orders-1");
    assert.deepEqual([why.verdict, why.reason, why.waitsFor], ["in", "OnTheStack", []]);
    assert.deepEqual(why.member, {
      address: pod.address,
      via: "orders-0",
      joinedAt: "2026-11-24T08:00:01.000Z",
      incarnation: pod.incarnation,
      newer: 1,
      hungMs: null,
    });
    assert.deepEqual(why.seen, {
      uid: pod.uid,
      label: "orders",
      address: pod.address,
      port: 9081,
      container: "lightpeer",
      incarnation: pod.incarnation,
      ready: true,
      unreadySince: null,
      deleting: false,
    });
    assert.deepEqual(why.network, { network, members: 3, generation: 0, leased: false, intent: null });
    assert.deepEqual(
      why.log.map(({ pod: of, outcome }) => [of, outcome]),
      [["shop/orders-1", "joined"]],
    );
  });

  test("a member at whose address another pod runs is in, and needs help: both are named", async () => {
    const world = new World();
    const pod = await world.join(network, "orders-0", null);
    const asked: unknown[] = [];
    world.cluster.listPods = (where) => {
      asked.push(where);
      return Promise.resolve({ tag: "pods", pods: world.cluster.pods });
    };
    assert.equal((await ask(world, "shop", "orders-0")).reason, "OnTheStack");
    assert.deepEqual(asked, [{ ip: pod.address?.split(":")[0] }]);
    world.addPod({ ...podOf("bank/ledger", "ledger-0"), address: pod.address ?? "" });
    const { verdict, reason, message, needsHelp } = await ask(world, "shop", "orders-0");
    assert.deepEqual([verdict, reason, needsHelp], ["in", "AddressShared", true]);
    assert.equal(message, `shop/orders-0 at ${pod.address} and bank/ledger-0 have one address`);
    world.cluster.listPods = () => Promise.resolve({ tag: "failed", kind: "forbidden", message: "no" });
    assert.equal((await ask(world, "shop", "orders-0")).reason, "OnTheStack");
  });

  test("a pod that has ended is not in, though it is on the stack until its event or the sweep comes", async () => {
    const world = new World();
    const pod = await world.join(network, "orders-0", null);
    const admission = {
      tag: "ignored",
      reason: "Finished",
      message: "orders-0 has finished: Failed, Evicted",
    } as const;
    world.cluster.pods = [{ ...pod, finished: true, admission }];
    const { verdict, reason, message } = await ask(world, "shop", "orders-0");
    assert.deepEqual([verdict, reason, message], ["not in", "Finished", admission.message]);
  });

  test("a pod that starts is not in, with what helps", async () => {
    const world = new World();
    const pod = ignoredPod(network, "orders-0", "NoAddress", "orders-0 has no IP address yet");
    const { address: _, ...unaddressed } = { ...pod, ready: false, unreadySince: START - 5_000 };
    world.addPod(unaddressed);
    const { verdict, reason, message, cure, seen } = await ask(world, "shop", "orders-0");
    assert.deepEqual([verdict, reason, message], ["not in", "NoAddress", "orders-0 has no IP address yet"]);
    assert.match(cure, /network plugin/u);
    assert.equal(seen?.address, null);
    assert.equal(seen.port, null);
    assert.equal(seen.unreadySince, "2026-11-24T07:59:55.000Z");
  });

  test("the condition is told with its time", async () => {
    const world = new World();
    const pod = podOf(network, "orders-0");
    const joined = {
      status: "False",
      reason: "JoinerNotServing",
      message: "silent",
      incarnation: pod.incarnation,
    } as const;
    world.addPod({ ...pod, joined, joinedSince: START - 60_000 });
    const { condition, reason } = await ask(world, "shop", "orders-0");
    assert.equal(reason, "JoinerNotServing");
    assert.deepEqual(condition, { ...joined, since: "2026-11-24T07:59:00.000Z" });
  });

  test("another life of a member's pod is not in", async () => {
    const world = new World();
    const before = await world.join(network, "orders-0", null);
    world.cluster.pods = [{ ...before, incarnation: "containerd://after" }];
    const why = await ask(world, "shop", "orders-0");
    assert.equal(why.verdict, "not in");
    assert.equal(why.member?.incarnation, before.incarnation);
    assert.equal(why.seen?.incarnation, "containerd://after");
  });

  test("a pod without the label is found on the stack that still has it", async () => {
    const world = new World();
    const member = await world.join(network, "orders-0", null);
    const { network: _, ...unlabelled } = member;
    const admission = { tag: "ignored", reason: "NoLabel", message: "orders-0 has no label" } as const;
    world.cluster.pods = [{ ...unlabelled, incarnation: "containerd://after", admission }];
    const why = await ask(world, "shop", "orders-0");
    assert.deepEqual([why.verdict, why.reason, why.network?.network], ["not in", "NoLabel", network]);
    assert.equal(why.seen?.label, null);
  });

  test("a contact whose pod is gone is not in", async () => {
    const world = new World();
    await world.join(network, "orders-0", null);
    world.cluster.pods = [];
    const { verdict, reason, seen } = await ask(world, "shop", "orders-0");
    assert.deepEqual([verdict, reason, seen], ["not in", "PodGone", null]);
  });

  test("a name that nobody knows is absent", async () => {
    const world = new World();
    const reading = await readWhy(world, { namespace: "shop", name: "nobody" });
    assert.deepEqual(reading, { tag: "absent", message: "klight knows no pod shop/nobody" });
  });

  for (const [kind, expected] of [
    ["unavailable", "ClusterUnavailable"],
    ["forbidden", "ClusterForbidden"],
  ] as const) {
    test(`nothing is claimed of a member while the API server is ${kind}`, async () => {
      const world = new World();
      await world.join(network, "orders-0", null);
      world.cluster.failure = { kind, message: "no" };
      const { verdict, reason, member } = await ask(world, "shop", "orders-0");
      assert.deepEqual([verdict, reason], ["unknown", expected]);
      assert.ok(member, "its place is told all the same");
    });
  }

  test("a store that does not answer is a failure", async () => {
    const world = new World();
    world.addPod(podOf(network, "orders-0"));
    const failed = { tag: "failed", message: "no answer from Redis" } as const;
    const contacts = { ...world.contacts, read: () => Promise.resolve(failed) };
    const reading = await readWhy(
      { contacts, clock: world.clock, cluster: world.cluster },
      { namespace: "shop", name: "orders-0" },
    );
    assert.deepEqual(reading, failed);
  });
});

const waiting = async (prepare: (world: World, member: Pod) => Promise<void>): Promise<Why["waitsFor"]> => {
  const world = new World();
  const member = await world.join(network, "orders-0", null);
  world.addPod(podOf(network, "orders-1"));
  await prepare(world, member);
  return (await ask(world, "shop", "orders-1")).waitsFor;
};

describe("what a pod waits for", () => {
  const join = { kind: "join", pod: "shop/orders-9", at: new Date(START).toISOString() } as const;

  test("is nothing where nothing is in its way", async () => {
    assert.deepEqual(await waiting(() => Promise.resolve()), []);
  });

  test("is the step that has the lease", async () => {
    assert.deepEqual(await waiting((world) => world.beginStep(network, join)), [
      "the step for shop/orders-9 that is changing shop/orders now",
    ]);
  });

  test("is the settling of what was left half-done", async () => {
    const waits = await waiting(async (world) => {
      await world.beginStep(network, join, 1_000);
      world.clock.move(1_001);
    });
    assert.deepEqual(waits, [
      "the next step or sweep, which settles a join for shop/orders-9 that was left half-done",
    ]);
  });

  test("is a member that klight does not reach, for as long as it takes", async () => {
    const world = new World();
    const silent = await world.join(network, "orders-0", null);
    const pod = world.addPod(podOf(network, "orders-1"));
    const log = { ...world.entry(pod, "held", "MemberUnreachable", "no answer") };
    await world.commit(network, { hung: [silent.incarnation], log });
    assert.deepEqual((await ask(world, "shop", "orders-1")).waitsFor, [
      "shop/orders-0 to be reached by klight again",
    ]);
  });

  test("is a member that does not answer, or its being given up", async () => {
    const waits = await waiting(async (world, { incarnation }) => {
      await world.commit(network, { hung: [incarnation] });
      world.clock.move(12_000);
    });
    assert.deepEqual(waits, ["shop/orders-0 to answer, or to be given up in 18 s"]);
  });

  test("is the clean-up after a death", async () => {
    const waits = await waiting(async (world) => {
      await world.join(network, "orders-5", "orders-0");
      await world.contacts.leave(network, "uid-shop-orders-5", 1_200);
    });
    assert.deepEqual(waits, ["the clean-up of shop/orders after a member died, 1200 ms more"]);
  });
});
