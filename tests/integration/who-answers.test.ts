import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Status } from "../../functions/status/status.ts";
import { moveTo, restartContainer } from "../harness/api-server/kubelet.ts";
import { assertWhole } from "../harness/assert-whole.ts";
import { startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { recordedPod } from "../harness/recorded-pods.ts";
import { stored, storedAt } from "../harness/stored.ts";
import { type Stage, type StagePod, stageFor, up } from "../harness/stage.ts";

const eventsOf = (stage: Stage, { name }: StagePod): readonly string[] =>
  stage.api.events
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ type, reason, message }) => `${type} ${reason}: ${message}`);

describe("two pods that run with one address", () => {
  test("are both named, and the peer there is not touched", async (t) => {
    const stage = await stageFor(t);
    const [orders, ledger] = [recordedPod("host-a"), recordedPod("host-b")];
    const peer = await startGrpcPeer();
    const first = stage.addRecorded(orders, peer);
    stage.show(first, orders);
    await stage.settled();
    assert.equal(stage.condition(first)?.reason, "Founded");
    await stored(peer, "an order");
    const before = peer.state;

    const second = stage.addRecorded(ledger, peer);
    stage.show(second, ledger);
    const { outcome } = await stage.post(second);
    assert.match(outcome, /^held; reason="(?:AddressShared|NetworkBusy)/u);
    await stage.ping();
    const told = await stage.told(second, "AddressShared");
    assert.equal(told?.status, "False");
    assert.match(told?.message ?? "", /bank\/host-b .*shop\/host-a have one address/u);
    assert.deepEqual(await stage.stack("bank/ledger"), []);

    const both = /bank\/host-b .*shop\/host-a have one address|shop\/host-a .*bank\/host-b have one address/u;
    assert.equal(stage.condition(first)?.status, "True", "nothing is taken out of its network");
    const warnings = eventsOf(stage, first).filter((event) => event.includes("AddressShared"));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", both);
    const [url] = stage.urls;
    for (const [path, verdict] of [
      ["why/shop/host-a", "in"],
      ["why/bank/host-b", "not in"],
    ]) {
      const why = (await (await fetch(`${url}/${path}`)).json()) as Record<string, string | boolean>;
      assert.deepEqual([why["verdict"], why["reason"], why["needsHelp"]], [verdict, "AddressShared", true]);
      assert.match(String(why["message"]), both);
    }
    const { networks } = (await (await fetch(`${url}/networks`)).json()) as Status;
    assert.deepEqual(
      networks.map(({ network, level }) => [network, level]),
      [
        ["bank/ledger", "help"],
        ["shop/orders", "help"],
      ],
    );

    assert.deepEqual(peer.state, before);
    assert.deepEqual(await storedAt(peer), ["an order"]);
  });
});

describe("a peer that calls itself otherwise than its pod is called", () => {
  for (const place of ["first", "second"] as const) {
    test(`is not brought in as the ${place} of its network, and both names are told`, async (t) => {
      const stage = await stageFor(t);
      const others = place === "first" ? [] : await up(stage, ["well"]);
      const peer = await startGrpcPeer({ name: "203.0.113.9:9081" });
      const odd = await stage.addPod({ name: "odd", namespace: "shop", network: "orders", peer });
      stage.start(odd);
      const told = await stage.told(odd, "PeerNameDiffers");
      assert.equal(told?.status, "False");
      const names = new RegExp(`calls itself 203\\.0\\.113\\.9:9081, and its pod is at ${peer.address}`, "u");
      assert.match(told?.message ?? "", names);
      const why = (await (await fetch(`${stage.urls[0]}/why/shop/odd`)).json()) as Record<string, string>;
      assert.deepEqual([why["verdict"], why["reason"]], ["not in", "PeerNameDiffers"]);
      assert.equal(peer.state.network.length, 1);
      assert.deepEqual(
        await stage.stack("shop/orders"),
        others.map(({ name }) => name),
      );
      const late = await stage.addPod({ name: "late", namespace: "shop", network: "orders" });
      stage.start(late);
      await stage.told(late, "Founded", "Joined", "Reformed");
      await assertWhole(stage, [...others, late]);
      assert.ok(eventsOf(stage, odd).some((event) => event.startsWith("Warning PeerNameDiffers: ")));
    });
  }
});

describe("a pod with a container that was put into it, where nothing names the lightpeer's", () => {
  test("is brought in by the annotation that names its default container, and a restart of that is seen", async (t) => {
    const stage = await stageFor(t);
    const recorded = recordedPod("mesh-a");
    const mesh = stage.addRecorded(recorded, await startGrpcPeer());
    stage.show(mesh, recorded);
    const [other] = await up(stage, ["other"]);
    assert.ok(other);
    await assertWhole(stage, [mesh, other]);
    await mesh.peer.restart();
    restartContainer(stage.api.pods, mesh, "node");
    await stage.settled();
    await stage.ping();
    await assertWhole(stage, [mesh, other]);
    assert.match(stage.condition(mesh)?.message ?? "", /incarnation containerd:\/\/shop-mesh-a-node-1/u);
  });

  test("is not brought in without it, and a Warning says which annotation helps", async (t) => {
    const stage = await stageFor(t);
    const recorded = recordedPod("mesh-b");
    const mesh = stage.addRecorded(recorded, await startGrpcPeer());
    stage.show(mesh, recorded);
    await stage.settled();
    const told = stage.condition(mesh);
    assert.deepEqual([told?.status, told?.reason], ["False", "ContainerUnknown"]);
    assert.match(told?.message ?? "", /the annotation klight\.dev\/container says it/u);
    const warning = "Warning ContainerUnknown: Which container of mesh-b runs the lightpeer cannot be told";
    // Said once, however often the pod changes.
    stage.touch(mesh);
    await stage.settled();
    assert.equal(eventsOf(stage, mesh).filter((event) => event.startsWith(warning)).length, 1);
    assert.deepEqual(mesh.peer.joins, []);

    const { annotations } = stage.api.pods.get(mesh)?.metadata ?? {};
    stage.api.pods.replace(mesh, {
      labels: { "klight.networkId": "orders" },
      annotations: { ...annotations, "klight.dev/container": "node" },
    });
    await stage.settled();
    assert.equal(stage.condition(mesh)?.reason, "Founded");
  });
});

describe("a pod whose address changes while its container runs on", () => {
  test("is off its network by the event of that, for its peer still calls itself by the old one, and in again when it starts anew", async (t) => {
    // Here all calls come from one address, as where addresses are translated between pods.
    const stage = await stageFor(t, { KLIGHT_SEED_CALLERS: "any" });
    const peer = await startGrpcPeer();
    const others = await up(stage, ["orders-1"]);
    const moved = await stage.addPod({ name: "moved", namespace: "shop", network: "orders", peer });
    stage.start(moved);
    others.push(...(await up(stage, ["orders-2"])));
    await stored(peer, "an order");

    const before = peer.address;
    await peer.moveTo("127.0.0.2");
    moveTo(stage.api.pods, moved, "127.0.0.2");
    const told = await stage.told(moved, "PeerNameDiffers");
    assert.match(
      told?.message ?? "",
      new RegExp(`calls itself ${before}, and its pod is at ${peer.address}`, "u"),
    );
    for (const pod of others) assert.ok(!pod.peer.state.network.includes(before), `${pod.name} lists it`);
    await assertWhole(stage, others);

    await peer.restart();
    restartContainer(stage.api.pods, moved, "lightpeer");
    assert.equal((await stage.told(moved, "Joined", "Reformed"))?.status, "True");
    await assertWhole(stage, [...others, moved]);
    assert.ok((await storedAt(peer)).includes("an order"));
  });
});

describe("an entry that no other peer can take", () => {
  test("is named with its peer and its size, and the others go on; when that one has started again it is in", async (t) => {
    const stage = await stageFor(t);
    const pods = await up(stage, ["orders-1", "orders-2", "orders-3"]);
    const [first, second, third] = pods;
    assert.ok(first && second && third);
    await stored(first.peer, "an order");
    const bytes = 4 * 1_024 * 1_024 - 40;
    await stored(second.peer, Buffer.alloc(bytes, 1));

    await stage.ping();
    assert.equal((await stage.told(second, "LeftOut"))?.status, "False");
    await assertWhole(stage, [first, third]);
    await stage.ping();
    const held = await stage.told(second, "EntryTooLong");
    assert.equal(held?.status, "False");
    const size = new RegExp(`orders-2 at ${second.peer.address} holds an entry of ${bytes} bytes`, "u");
    assert.match(held.message, size);
    await assertWhole(stage, [first, third]);

    await stage.restart(second, 1_500);
    assert.match((await stage.told(second, "Joined", "Reformed"))?.reason ?? "", /^(?:Joined|Reformed)$/u);
    await assertWhole(stage, pods);
    assert.ok((await storedAt(second.peer)).includes("an order"));
  });
});
