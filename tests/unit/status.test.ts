import type { Joined } from "../../lib/pod/condition.ts";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createStatusReader, type NetworkStatus, type Status } from "../../functions/status/status.ts";
import { createMemoryContacts } from "../../lib/store/memory.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { handClock, ignoredPod, podOf, START, World } from "../harness/networks.ts";

const statusOf = async (world: World): Promise<Status> => {
  const reading = await createStatusReader(world)();
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
      assert.deepEqual(await createStatusReader({ cluster: world.cluster, clock: world.clock, contacts })(), {
        ...failed,
        at: "2026-11-24T08:00:00.000Z",
      });
    });
  }
});

describe("who needs help", () => {
  const MINUTE = 60_000;

  const levels = async (world: World): Promise<readonly string[]> =>
    (await statusOf(world)).networks.map(({ network, level }) => `${network} ${level}`);

  test("is a pod that is out for longer than its reason may last, and its network comes first", async () => {
    const world = new World();
    await world.join("bank/ledger", "ledger-0", null);
    world.addPod(ignoredPod("shop/orders", "orders-0", "ContainerNotReady", "not ready"));
    assert.deepEqual(await levels(world), ["bank/ledger well", "shop/orders wait"]);
    world.clock.move(10 * MINUTE - 1);
    assert.deepEqual(await levels(world), ["bank/ledger well", "shop/orders wait"]);
    world.clock.move(1);
    assert.deepEqual(await levels(world), ["shop/orders help", "bank/ledger well"]);
    const { since, needsHelp } = await whyNot(world);
    assert.deepEqual([since, needsHelp], ["2026-11-24T08:00:00.000Z", true]);
  });

  test("is at once a pod that waits for somebody", async () => {
    const world = new World();
    world.addPod(ignoredPod("shop/orders", "orders-0", "BadPort", "The port is http"));
    assert.deepEqual(await levels(world), ["shop/orders help"]);
  });

  const starts: readonly (readonly [what: string, changes: Partial<Pod>, since: string])[] = [
    ["its condition says so", { joinedSince: START + MINUTE }, "2026-11-24T08:01:00.000Z"],
    ["its container runs", { joinedSince: START, incarnation: "containerd://2" }, "2026-11-24T08:03:00.000Z"],
    [
      "it is not ready, but for no longer than its container runs",
      { incarnation: "containerd://2", unreadySince: START + 2 * MINUTE },
      "2026-11-24T08:03:00.000Z",
    ],
    [
      "it is not ready any more",
      { incarnation: "containerd://2", unreadySince: START + 4 * MINUTE },
      "2026-11-24T08:04:00.000Z",
    ],
  ];
  for (const [what, changes, since] of starts) {
    test(`is told by how long the pod is out: since ${what}`, async () => {
      const world = new World();
      const pod = joined(podOf("shop/orders", "orders-0", { aliveSince: START + 3 * MINUTE }), {});
      world.addPod({ ...pod, ...changes });
      assert.equal((await whyNot(world)).since, since);
    });
  }

  test("is a network at whose member's address another pod runs, whatever that one's network is", async () => {
    const world = new World();
    const [a, b] = [podOf("shop/orders", "orders-0"), podOf("bank/ledger", "ledger-0")];
    const shares = world.addPod({ ...b, address: a.address ?? "" });
    const first = world.addPod(a);
    await world.push("shop/orders", first, null);
    const message = `shop/orders-0 at ${a.address} and bank/ledger-0 have one address`;
    const seen = await networkOf(world, "shop/orders");
    assert.deepEqual([seen.level, seen.troubles.map((trouble) => trouble.message)], ["help", [message]]);
    assert.deepEqual(
      seen.troubles.map(({ reason, needsHelp }) => [reason, needsHelp]),
      [["AddressShared", true]],
    );
    assert.deepEqual((await networkOf(world, "bank/ledger")).troubles, [], "told of a member alone");
    const over = { tag: "ignored", reason: "Finished", message: "" } as const;
    world.cluster.pods = [first, { ...shares, finished: true, admission: over }];
    assert.equal((await networkOf(world, "shop/orders")).level, "well");
    world.cluster.pods = [first, shares];
    world.cluster.failure = { kind: "unavailable", message: "away" };
    assert.equal((await networkOf(world, "shop/orders")).level, "unknown");
  });

  test("is no pod that has ended or goes: it is not meant to be in", async () => {
    const world = new World();
    world.addPod(ignoredPod("shop/orders", "orders-0", "BeingDeleted", "orders-0 is being deleted"));
    world.addPod(ignoredPod("shop/orders", "orders-1", "Finished", "orders-1 has ended"));
    world.clock.move(60 * MINUTE);
    const { notIn, level } = await networkOf(world, "shop/orders");
    assert.deepEqual([notIn, level], [[], "well"]);
  });

  test("is a network whose member has not answered for longer than a sweep takes to come", async () => {
    const world = new World();
    const pod = await world.join("shop/orders", "orders-0", null);
    await world.commit("shop/orders", { hung: [pod.incarnation] });
    world.clock.move(6 * MINUTE - 1);
    assert.deepEqual(await levels(world), ["shop/orders wait"]);
    world.clock.move(1);
    assert.deepEqual(await levels(world), ["shop/orders help"]);
    const { troubles } = await networkOf(world, "shop/orders");
    assert.deepEqual(
      troubles.map(({ reason, since, message }) => [reason, since, message]),
      [["MemberHung", "2026-11-24T08:00:00.000Z", `shop/orders-0 at ${pod.address} does not answer`]],
    );
  });

  test("is a network with a member that klight does not reach: nothing is said of giving it up", async () => {
    const world = new World();
    const pod = await world.join("shop/orders", "orders-0", null);
    const log = { ...world.entry(pod, "held", "MemberUnreachable", "no answer") };
    await world.commit("shop/orders", { hung: [pod.incarnation], log });
    const [trouble] = (await networkOf(world, "shop/orders")).troubles;
    assert.equal(trouble?.reason, "MemberUnreachable");
    assert.match(trouble.cure, /^Look at NetworkPolicies and firewalls between klight and the member/u);
  });

  test("is a network that was left half-done, when no step has settled it for long", async () => {
    const world = new World();
    await world.join("shop/orders", "orders-0", null);
    await world.beginStep("shop/orders", { kind: "reform", at: "2026-11-24T08:00:00Z" }, 5_000);
    assert.deepEqual(await levels(world), ["shop/orders wait"]);
    world.clock.move(10 * MINUTE);
    const { level, troubles } = await networkOf(world, "shop/orders");
    assert.deepEqual([level, troubles[0]?.reason], ["help", "HalfDone"]);
  });

  const held = async (world: World, reason: string): Promise<void> => {
    const { pod: _, ...entry } = world.entry({ namespace: "", name: "" }, "held", reason, "held by a sweep");
    await world.commit("shop/orders", { log: entry });
  };

  test("is a network that every sweep holds, though all its pods are in", async () => {
    const world = new World();
    await world.join("shop/orders", "orders-0", null);
    for (let sweeps = 0; sweeps < 3; sweeps += 1) {
      world.clock.move(5 * MINUTE);
      await held(world, "ReformFailed");
    }
    const { level, troubles } = await networkOf(world, "shop/orders");
    const [trouble] = troubles;
    assert.deepEqual(
      [level, trouble?.reason, trouble?.since],
      ["help", "ReformFailed", "2026-11-24T08:05:00.000Z"],
    );
  });

  test("is no network of which no sweep has told again, or that has been changed since", async () => {
    const world = new World();
    await world.join("shop/orders", "orders-0", null);
    await held(world, "ReformFailed");
    assert.deepEqual(await levels(world), ["shop/orders help"]);
    world.clock.move(15 * MINUTE + 1);
    assert.deepEqual(await levels(world), ["shop/orders well"]);
    await held(world, "ReformFailed");
    await world.join("shop/orders", "orders-1", null);
    assert.deepEqual(await levels(world), ["shop/orders well"]);
  });

  test("is not known while the API server is away, and what needed help before still does", async () => {
    const world = new World();
    await world.join("bank/ledger", "ledger-0", null);
    world.addPod(ignoredPod("shop/orders", "orders-0", "BadPort", "The port is http"));
    const read = createStatusReader(world);
    await read();
    world.cluster.failure = { kind: "unavailable", message: "connection refused" };
    world.clock.move(MINUTE);
    const blind = await read();
    assert.ok(blind.tag === "status");
    assert.deepEqual(
      blind.status.networks.map(({ network, level }) => `${network} ${level}`),
      ["shop/orders help", "bank/ledger unknown"],
    );
    assert.equal(blind.status.podsSeenAt, "2026-11-24T08:00:00.000Z");
  });
});

test("names with numbers are in the order of the numbers", async () => {
  const world = new World();
  for (const number of [10, 9, 2]) {
    world.addPod(podOf("shop/orders", `orders-${number}`));
    await world.join(`shop/n${number}`, "peer", null);
  }
  const { networks } = await statusOf(world);
  assert.deepEqual(
    networks.map(({ id }) => id),
    ["n2", "n9", "n10", "orders"],
  );
  assert.deepEqual(
    networks.at(-1)?.notIn.map(({ name }) => name),
    ["orders-2", "orders-9", "orders-10"],
  );
});

test("whoever asks while a status is read gets the same one, and later another", async () => {
  const world = new World();
  let lists = 0;
  const cluster = {
    ...world.cluster,
    listPods: () => {
      lists += 1;
      return world.cluster.listPods({});
    },
  };
  const read = createStatusReader({ contacts: world.contacts, cluster, clock: world.clock });
  const [one, two] = await Promise.all([read(), read()]);
  assert.equal(one, two);
  assert.equal(lists, 1);
  assert.notEqual(await read(), one);
  assert.equal(lists, 2);
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
