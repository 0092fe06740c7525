import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readStatus, type NetworkStatus, type Status } from "../../functions/status/status.ts";
import { createMemoryContacts } from "../../lib/store/memory.ts";
import type { Joined, Pod } from "../../lib/pod/pod.ts";
import { handClock, ignoredPod, podOf, START, World } from "../harness/networks.ts";

const statusOf = async (world: World): Promise<Status> => {
  const reading = await readStatus(world);
  assert.ok(reading.tag === "status", "the store is read");
  return reading.status;
};

const networkOf = async (world: World, key: string): Promise<NetworkStatus> => {
  const network = (await statusOf(world)).networks.find((each) => each.network === key);
  assert.ok(network, `${key} is among the networks`);
  return network;
};

const joined = (pod: Pod, changes: Partial<Joined>): Pod => ({
  ...pod,
  joined: {
    status: "False",
    reason: "JoinerNotServing",
    message: "told",
    incarnation: pod.incarnation,
    ...changes,
  },
});

/** Why the one pod of `shop/orders` that is not in is not. */
const whyNot = async (world: World): Promise<NetworkStatus["notIn"][number]> => {
  const [first, ...others] = (await networkOf(world, "shop/orders")).notIn;
  assert.ok(first);
  assert.deepEqual(others, []);
  return first;
};

describe("the status", () => {
  test("shows members newest first, with what they were joined through", async () => {
    const world = new World();
    await world.join("shop/orders", "orders-0", null);
    world.clock.move(4_000);
    const newest = await world.join("shop/orders", "orders-1", "orders-0");
    const { members, notIn, id, namespace, generation, leased, deaths } = await networkOf(
      world,
      "shop/orders",
    );
    assert.deepEqual(members[0], {
      pod: "shop/orders-1",
      namespace: "shop",
      name: "orders-1",
      address: newest.address,
      via: "orders-0",
      joinedAt: "2026-11-24T08:00:04.000Z",
      incarnation: newest.incarnation,
    });
    assert.deepEqual(
      members.map(({ name }) => name),
      ["orders-1", "orders-0"],
    );
    assert.deepEqual(
      { notIn, id, namespace, generation, leased, deaths },
      { notIn: [], id: "orders", namespace: "shop", generation: 0, leased: false, deaths: false },
    );
  });

  test("has no namespace for a network of the whole cluster", async () => {
    const world = new World();
    await world.join("orders", "orders-0", null);
    const network = await networkOf(world, "orders");
    assert.equal(network.id, "orders");
    assert.ok(!("namespace" in network));
  });

  test("sorts networks, also those that only a pod's label tells of", async () => {
    const world = new World();
    await world.join("shop/stock", "stock-0", null);
    await world.join("bank/ledger", "ledger-0", null);
    world.addPod(podOf("shop/carts", "carts-0"));
    const { networks } = await statusOf(world);
    assert.deepEqual(
      networks.map(({ network, members, notIn }) => [network, members.length, notIn.length]),
      [
        ["bank/ledger", 1, 0],
        ["shop/carts", 0, 1],
        ["shop/stock", 1, 0],
      ],
    );
  });

  test("tells what is odd about the pod of a member", async () => {
    const world = new World();
    for (const name of ["gone", "again", "going", "unready", "well"]) {
      await world.join("shop/orders", name, null);
      world.clock.move(1_000);
    }
    const changes: Record<string, Partial<Pod>> = {
      again: { incarnation: "containerd://2" },
      going: { deleting: true },
      unready: { ready: false },
    };
    world.cluster.pods = world.cluster.pods
      .filter(({ name }) => name !== "gone")
      .map((pod) => Object.assign({}, pod, changes[pod.name]));
    const { members, notIn } = await networkOf(world, "shop/orders");
    assert.deepEqual(
      members.map(({ name, podIs }) => [name, podIs]),
      [
        ["well", undefined],
        ["unready", "not ready"],
        ["going", "being deleted"],
        ["again", "another life"],
        ["gone", "gone"],
      ],
    );
    assert.deepEqual(
      notIn.map(({ name }) => name),
      ["again"],
    );
  });

  test("tells for how long a member has not answered", async () => {
    const world = new World();
    const pod = await world.join("shop/orders", "orders-0", null);
    await world.commit("shop/orders", { hung: [pod.incarnation] });
    world.clock.move(12_000);
    const { members } = await networkOf(world, "shop/orders");
    assert.equal(members[0]?.hungMs, 12_000);
  });

  test("keeps pods whose label is empty apart", async () => {
    const world = new World();
    const { network: _, ...pod } = ignoredPod("shop/x", "odd", "EmptyNetworkId", "The label is empty");
    world.addPod(pod);
    const { networks, unplaced } = await statusOf(world);
    assert.deepEqual(networks, []);
    assert.deepEqual(
      unplaced.map((each) => [each.pod, each.reason]),
      [["shop/odd", "EmptyNetworkId"]],
    );
  });

  test("shows what the store knows while the API server is away, and says so", async () => {
    const world = new World();
    await world.join("shop/orders", "orders-0", null);
    world.cluster.failure = { kind: "unavailable", message: "connection refused" };
    const { cluster, networks } = await statusOf(world);
    assert.deepEqual(cluster, { tag: "failed", kind: "unavailable", message: "connection refused" });
    assert.equal(networks[0]?.members.length, 1);
    assert.ok(!("podIs" in (networks[0]?.members[0] ?? {})), "a pod that was not seen is not called gone");
    assert.deepEqual(networks[0]?.notIn, []);
  });

  for (const call of ["networks", "read"] as const) {
    test(`is a failure and never empty when the store does not answer to ${call}`, async () => {
      const world = new World();
      await world.join("shop/orders", "orders-0", null);
      const failed = { tag: "failed", message: "no answer from Redis" } as const;
      const contacts = { ...createMemoryContacts(world.clock), [call]: () => Promise.resolve(failed) };
      assert.deepEqual(await readStatus({ cluster: world.cluster, clock: world.clock, contacts }), failed);
    });
  }
});

describe("a pod that is not in", () => {
  test("is told of with the reason that keeps it out as it is now", async () => {
    const world = new World();
    world.addPod(ignoredPod("shop/orders", "orders-0", "NotRunning", "The phase of orders-0 is Pending"));
    const { reason, message, cure, mendsItself, says } = await whyNot(world);
    assert.deepEqual(
      { reason, message, mendsItself },
      { reason: "NotRunning", message: "The phase of orders-0 is Pending", mendsItself: true },
    );
    assert.equal(says, "The pod's phase is not Running.");
    assert.match(cure, /kubectl describe pod/u);
  });

  test("is under way while a step for it has the lease", async () => {
    const world = new World();
    const pod = world.addPod(podOf("shop/orders", "orders-0"));
    await world.beginStep(
      "shop/orders",
      { kind: "join", pod: "shop/orders-0", at: "2026-11-24T08:00:00Z" },
      5_000,
    );
    assert.equal((await whyNot(world)).reason, "UnderWay");
    world.clock.move(5_001);
    assert.equal((await whyNot(world)).reason, "NotSeenYet", `${pod.name} waits once the lease has run out`);
  });

  test("is told of with its condition, if that is of this life", async () => {
    const world = new World();
    const pod = podOf("shop/orders", "orders-0");
    world.addPod(joined(pod, { message: "says silent to a health check" }));
    assert.deepEqual(
      await whyNot(world).then(({ reason, message, mendsItself }) => [reason, message, mendsItself]),
      ["JoinerNotServing", "says silent to a health check", true],
    );
    world.cluster.pods = [joined(pod, { incarnation: "containerd://before" })];
    assert.equal((await whyNot(world)).reason, "NotSeenYet");
  });

  test("is told of with a reason that klight does not know, if somebody else has written it", async () => {
    const world = new World();
    world.addPod(joined(podOf("shop/orders", "orders-0"), { reason: "Custom" }));
    const { reason, says, mendsItself } = await whyNot(world);
    assert.equal(reason, "Custom");
    assert.match(says, /does not know this reason/u);
    assert.equal(mendsItself, false);
  });

  test("is told of with the newest hold in the log, and when it was", async () => {
    const world = new World();
    const pod = world.addPod(podOf("shop/orders", "orders-0"));
    const other = world.addPod(podOf("shop/orders", "orders-1"));
    await world.commit("shop/orders", { log: world.entry(pod, "held", "NotQuiet", "too many deaths") });
    world.clock.move(3_000);
    await world.push("shop/orders", other, null);
    const { reason, message, since } = await whyNot(world);
    assert.deepEqual(
      [reason, message, since],
      ["NotQuiet", "too many deaths", new Date(START).toISOString()],
    );
  });

  test("is off the stack when its condition says that it is in", async () => {
    const world = new World();
    const pod = podOf("shop/orders", "orders-0");
    world.addPod(joined(pod, { status: "True", reason: "Joined", network: "shop/orders" }));
    assert.equal((await whyNot(world)).reason, "OffTheStack");
  });

  test("is still elsewhere when it has got another label", async () => {
    const world = new World();
    const pod = podOf("shop/orders", "orders-0");
    world.addPod(joined(pod, { status: "True", reason: "Joined", network: "shop/before" }));
    const { reason, message } = await whyNot(world);
    assert.equal(reason, "StillElsewhere");
    assert.match(message, /shop\/before/u);
  });

  test("is not known anything of before its first step", async () => {
    const world = new World(handClock());
    world.addPod(podOf("shop/orders", "orders-0"));
    assert.equal((await whyNot(world)).reason, "NotSeenYet");
  });
});
