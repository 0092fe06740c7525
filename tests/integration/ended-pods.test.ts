import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { assertWhole } from "../harness/assert-whole.ts";
import { startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { stored, storedAt } from "../harness/stored.ts";
import { beforeItsEnd, recordedPod } from "../harness/recorded-pods.ts";
import { type Stage, type StagePod, stageFor } from "../harness/stage.ts";

/** A recorded pod that runs, with a peer of its own, at any free address or at this port. */
const running = async (stage: Stage, name: string, port = 0): Promise<StagePod> => {
  const pod = recordedPod(name);
  const added = stage.addRecorded(pod, await startGrpcPeer({ port }));
  stage.show(added, beforeItsEnd(pod));
  return added;
};

const portOf = ({ peer }: StagePod): number => Number(peer.address.split(":").at(-1));

describe("a member that is evicted, and its address goes to a pod of another network at once", () => {
  for (const [name, what] of [
    ["orders-a", "keeps its address in its status"],
    ["orders-a2", "has no address any more"],
  ] as const) {
    test(`leaves by its event, and the two networks never meet, where it ${what}`, async (t) => {
      const stage = await stageFor(t);
      const evicted = await running(stage, name);
      await stage.settled();
      assert.equal(stage.condition(evicted)?.reason, "Founded");
      await stored(evicted.peer, "an order");

      await evicted.peer.kill();
      const ledger = await running(stage, "ledger-a", portOf(evicted));
      stage.show(evicted, recordedPod(name));
      await stage.settled();
      assert.deepEqual(await stage.stack("shop/orders"), []);
      const { status, reason, message = "" } = stage.condition(evicted) ?? {};
      assert.deepEqual([status, reason], ["False", "Finished"]);
      assert.match(message, /has finished: Failed, Evicted/u);

      await stored(ledger.peer, "a booking");
      const orders = await stage.addPod({ name: "orders-b", namespace: "shop", network: "orders" });
      stage.start(orders);
      await stage.settled();
      assert.equal(stage.condition(orders)?.reason, "Founded");
      assert.equal(stage.condition(ledger)?.reason, "Founded");
      await stored(orders.peer, "a new order");
      await assertApart(stage, orders, ledger);

      const swept = await stage.ping();
      assert.doesNotMatch(swept.outcome, /joined|reformed/u);
      await assertApart(stage, orders, ledger);
      assert.deepEqual(await stage.stack("shop/orders"), ["orders-b"]);
      assert.deepEqual(await stage.stack("bank/ledger"), ["ledger-a"]);
    });

    test(`and its network goes on without it, where it ${what} and was not alone`, async (t) => {
      const stage = await stageFor(t);
      const evicted = await running(stage, name);
      const others = await Promise.all(
        ["orders-c", "orders-d"].map((other) =>
          stage.addPod({ name: other, namespace: "shop", network: "orders" }),
        ),
      );
      for (const other of others) stage.start(other);
      await stage.settled();
      const [first] = others;
      assert.ok(first);
      await stored(first.peer, "an order");

      await evicted.peer.kill();
      const ledger = await running(stage, "ledger-a", portOf(evicted));
      stage.show(evicted, recordedPod(name));
      await stage.settled();
      await stored(ledger.peer, "a booking");
      await assertWhole(stage, others);
      assert.deepEqual(await storedAt(ledger.peer), ["a booking"]);
      assert.ok((await storedAt(first.peer)).includes("an order"));
      for (const { peer } of others) assert.ok(!peer.state.network.includes(ledger.peer.address));
      assert.deepEqual(ledger.peer.state.network, [ledger.peer.address]);
    });
  }

  const assertApart = async (stage: Stage, orders: StagePod, ledger: StagePod): Promise<void> => {
    assert.deepEqual(await storedAt(orders.peer), ["a new order"]);
    assert.deepEqual(await storedAt(ledger.peer), ["a booking"]);
    for (const { peer } of [orders, ledger]) assert.deepEqual(peer.state.network, [peer.address]);
  };
});

describe("a Job's pod that has done its work", () => {
  test("says that it has finished, is no member any more, and is not missed", async (t) => {
    const stage = await stageFor(t);
    const [first, second] = await Promise.all(
      ["orders-1", "orders-2"].map((name) => stage.addPod({ name, namespace: "shop", network: "orders" })),
    );
    assert.ok(first && second);
    stage.start(first);
    stage.start(second);
    const job = await running(stage, "import-x7k2p");
    await stage.settled();
    assert.equal(stage.condition(job)?.status, "True");

    await job.peer.kill();
    stage.show(job, recordedPod("import-x7k2p"));
    await stage.settled();
    const { status, reason } = stage.condition(job) ?? {};
    assert.deepEqual([status, reason], ["False", "Finished"]);
    assert.deepEqual([...(await stage.stack("shop/orders"))].sort(), ["orders-1", "orders-2"]);

    const read = async (path: string): Promise<unknown> => (await fetch(`${stage.urls[0]}${path}`)).json();
    const { networks } = (await read("/networks")) as {
      readonly networks: readonly { readonly network: string; readonly notIn: readonly unknown[] }[];
    };
    const orders = networks.find(({ network }) => network === "shop/orders");
    assert.deepEqual(orders?.notIn, []);
    const why = (await read("/why/shop/import-x7k2p")) as { readonly reason: string };
    assert.equal(why.reason, "Finished");
    // The survivors of a death may race when they clean up: the sweep looks.
    await stage.ping();
    await assertWhole(stage, [first, second]);
  });
});
