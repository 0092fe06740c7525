import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { recordCensus } from "../../functions/telemetry/census.ts";
import type { Outcome } from "../../lib/outcome.ts";
import type { SweepReport } from "../../lib/reconcile/sweep.ts";
import { ignoredPod, podOf, START, World } from "../harness/networks.ts";

const MINUTE = 60_000;

/** Each value of the gauges, by metric and attribute; 0 is left out. */
function gaugesOf(report: SweepReport, now: number): Readonly<Record<string, number>> {
  const found: Record<string, number> = {};
  recordCensus(
    {
      record(metric, value, attributes) {
        const name = [metric, ...Object.values(attributes)].join(" ");
        assert.ok(!(name in found), `${name} is written once`);
        found[name] = value;
      },
    },
    report,
    now,
  );
  return found;
}

const notZero = (gauges: Readonly<Record<string, number>>): Readonly<Record<string, number>> =>
  Object.fromEntries(Object.entries(gauges).filter(([, value]) => value !== 0));

const swept = async (world: World, more: Partial<SweepReport> = {}): Promise<SweepReport> => {
  const known = await world.contacts.networks();
  assert.ok(known.tag === "networks");
  const labelled = world.cluster.pods.flatMap(({ network }) => network ?? []);
  const read = await world.contacts.read([...new Set([...known.networks, ...labelled])]);
  assert.ok(read.tag === "read");
  return {
    outcomes: [],
    unfinished: [],
    slow: [],
    seen: { pods: world.cluster.pods, views: read.views },
    ...more,
  };
};

const outcome = (name: "joined" | "held", reason: string, pod = "orders-1"): Outcome =>
  ({ name, reason, message: "", pod: { namespace: "shop", name: pod }, via: "x", generation: 0 }) as never;

describe("the gauges of a sweep", () => {
  test("count networks by how they stand, peers in, and pods that are not in by reason and by need", async () => {
    const world = new World();
    await world.join("shop/orders", "orders-0", null);
    world.addPod(ignoredPod("shop/orders", "orders-1", "ContainerNotReady", "not ready"));
    world.addPod(ignoredPod("shop/carts", "carts-0", "BadPort", "the port is http"));
    world.addPod(ignoredPod("shop/carts", "carts-1", "Finished", "has ended"));
    await world.join("bank/ledger", "ledger-0", null);
    const now = START + 3 * MINUTE;
    assert.deepEqual(notZero(gaugesOf(await swept(world), now)), {
      "networks well": 1,
      "networks wait": 1,
      "networks help": 1,
      peersIn: 2,
      "podsNotIn ContainerNotReady": 1,
      "podsNotIn BadPort": 1,
      "podsInNeed BadPort": 1,
      oldestNotIn: 180,
      lastSweep: now / 1_000,
    });
  });

  test("go back to 0 for every reason that is over", async () => {
    const world = new World();
    const before = gaugesOf(await swept(world), START);
    world.addPod(ignoredPod("shop/carts", "carts-0", "BadPort", "the port is http"));
    const after = gaugesOf(await swept(world), START);
    assert.deepEqual(Object.keys(before), Object.keys(after));
    assert.deepEqual([before["podsInNeed BadPort"], after["podsInNeed BadPort"]], [0, 1]);
  });

  test("count whom the sweep has brought in as in, and whom it has held as out", async () => {
    const world = new World();
    world.addPod(podOf("shop/orders", "orders-1"));
    world.addPod(podOf("shop/orders", "orders-2"));
    const outcomes = [outcome("joined", "Joined"), outcome("held", "NetworkBusy", "orders-2")];
    const gauges = gaugesOf(await swept(world, { outcomes }), START);
    assert.equal(gauges["peersIn"], 1);
    assert.equal(gauges["podsNotIn NotSeenYet"], 1);
    assert.equal(gauges["networks wait"], 1);
  });

  test("count no member whose pod is gone or lives another life", async () => {
    const world = new World();
    await world.join("shop/orders", "orders-0", null);
    world.cluster.pods = [];
    assert.equal(gaugesOf(await swept(world), START)["peersIn"], 0);
  });

  test("tell of a network that is held, by the reason", async () => {
    const world = new World();
    const pod = await world.join("shop/orders", "orders-0", null);
    await world.commit("shop/orders", { hung: [pod.incarnation] });
    const gauges = gaugesOf(await swept(world), START);
    world.clock.move(6 * MINUTE);
    const later = gaugesOf(await swept(world), START + 6 * MINUTE);
    assert.deepEqual([gauges["heldNetworks MemberHung"], later["heldNetworks MemberHung"]], [0, 1]);
  });

  test("call a reason that somebody else has written `other`", async () => {
    const world = new World();
    const pod = podOf("shop/orders", "orders-0");
    const joined = { status: "False", reason: "Theirs", message: "", incarnation: pod.incarnation } as const;
    world.addPod({ ...pod, joined });
    assert.equal(gaugesOf(await swept(world), START)["podsInNeed other"], 1);
  });

  test("of a blind sweep tell only that it was blind, and why", async () => {
    const world = new World();
    const blind = outcome("held", "StoreUnavailable");
    const gauges = gaugesOf({ outcomes: [blind], unfinished: [], slow: [], seen: undefined }, START);
    assert.deepEqual(gauges, {
      "blind StoreUnavailable": 1,
      "blind ClusterUnavailable": 0,
      "blind ClusterForbidden": 0,
    });
    const half = gaugesOf(await swept(world, { outcomes: [blind] }), START);
    assert.equal(half["blind StoreUnavailable"], 1);
    assert.ok(!("lastSweep" in half), "a sweep that lost its sight is not whole");
  });

  test("do not call a sweep whole that has left networks out", async () => {
    const gauges = gaugesOf(await swept(new World(), { unfinished: ["shop/orders"] }), START);
    assert.ok(!("lastSweep" in gauges));
    assert.equal(gauges["blind StoreUnavailable"], 0);
  });
});
