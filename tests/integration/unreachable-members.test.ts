import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { assertWhole } from "../harness/assert-whole.ts";
import { type GrpcPeerHost, startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { Lan } from "../harness/lightpeer/lan.ts";
import { beforeItsEnd, recordedPod } from "../harness/recorded-pods.ts";
import { stored, storedAt } from "../harness/stored.ts";
import { type StagePod, stageFor } from "../harness/stage.ts";

/** A sweep waits for one network for a sixth of that, and here nobody has to wait for longer. */
const SHORT_SWEEP = { KLIGHT_SWEEP_MS: "12000" };

describe("a firewall between klight and every member", () => {
  for (const wall of ["refuse", "reset"] as const) {
    test(`that would ${wall} holds a new pod, which is joined when the way is free`, async (t) => {
      const stage = await stageFor(t, SHORT_SWEEP);
      const lan = new Lan();
      const peers: GrpcPeerHost[] = [];
      const add = async (name: string): Promise<StagePod> => {
        const peer = await startGrpcPeer({ lan });
        peers.push(peer);
        const pod = await stage.addPod({ name, namespace: "bank", network: "ledger", peer });
        stage.start(pod);
        return pod;
      };
      const [a, b] = [await add("ledger-a"), await add("ledger-b")];
      await stage.settled();
      await stored(b.peer, "a booking");

      await Promise.all(peers.map((peer) => peer.setWall(wall)));
      const c = await add("ledger-c");
      const held = await stage.post(c);
      assert.ok(held.status >= 400, `${held.status} ${held.outcome}`);
      assert.match(held.outcome, /^held; reason="(?:MemberUnreachable|NetworkBusy)/u);
      assert.deepEqual(c.peer.state.network, [c.peer.address]);
      // One sweep after the other changes nothing about it.
      for (let sweeps = 0; sweeps < 2; sweeps += 1) {
        const swept = await stage.ping();
        assert.doesNotMatch(swept.outcome, /founded|joined|reformed/u);
      }
      assert.deepEqual(c.peer.state.network, [c.peer.address]);
      const told = await stage.told(c, "MemberUnreachable");
      assert.equal(told?.status, "False");
      assert.match(
        told?.message ?? "",
        /bank\/ledger-[ab] at 127\.0\.0\.1:\d+, and the API server says that it runs/u,
      );

      await Promise.all(peers.map((peer) => peer.setWall(undefined)));
      await stage.ping();
      assert.equal((await stage.told(c, "Joined", "Reformed"))?.status, "True");
      await assertWhole(stage, [a, b, c]);
      assert.ok((await storedAt(c.peer)).includes("a booking"));
    });
  }
});

describe("a member whose pod has not been Ready for long, because of another container", () => {
  test("stays in when its peer stalls for a second while another pod joins", async (t) => {
    const stage = await stageFor(t, SHORT_SWEEP);
    const first = await stage.addPod({ name: "first", namespace: "shop", network: "orders" });
    stage.start(first);
    const recorded = recordedPod("busy-a");
    const busy = stage.addRecorded(recorded, await startGrpcPeer());
    stage.show(busy, beforeItsEnd(recorded));
    await stage.settled();
    stage.show(busy, recorded);
    await stage.settled();
    const ready = stage.api.pods.get(busy)?.status.conditions?.find(({ type }) => type === "Ready");
    assert.equal(ready?.status, "False");
    assert.ok(Date.now() - Date.parse(ready.lastTransitionTime ?? "") > 600_000);

    const third = await stage.addPod({ name: "third", namespace: "shop", network: "orders" });
    busy.peer.hang();
    stage.start(third);
    await sleep(1_100);
    busy.peer.wake();
    await stage.settled();
    await stage.ping();
    await assertWhole(stage, [first, busy, third]);
    assert.deepEqual([...(await stage.stack("shop/orders"))].sort(), ["busy-a", "first", "third"]);
    const outs = stage.api.events.filter(({ reason }) => reason === "LeftOut");
    assert.deepEqual(outs, []);
  });
});
