import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { status } from "@grpc/grpc-js";
import { createLightpeerClient } from "../../lib/peers/client/grpc-client.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { type GrpcPeerHost, type GrpcPeerOptions, startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { knock } from "../harness/lightpeer/impostor.ts";
import { Lan } from "../harness/lightpeer/lan.ts";
import { systemTimers as timers } from "../harness/timers.ts";
import { entriesAt } from "../harness/lightpeer/whole.ts";

/** What happens around lightpeers and hurts: the double must do it, or nobody tests it. */
const started: GrpcPeerHost[] = [];
const client = createLightpeerClient();
const dialer = grpcDialer();
after(async () => {
  client.release();
  await Promise.all(started.map((peer) => peer.kill()));
});

const start = async (options: GrpcPeerOptions = {}): Promise<GrpcPeerHost> => {
  const peer = await startGrpcPeer(options);
  started.push(peer);
  return peer;
};

const join = async (joiner: GrpcPeerHost, contact: string): Promise<void> => {
  const reply = await dialer.dial(joiner.address).joinNetwork(Context.within(timers, 5_000), contact);
  assert.deepEqual(reply, { tag: "ok" });
};

const persist = (at: string, payload: Uint8Array) =>
  dialer.dial(at).persist(Context.within(timers, 10_000), payload);

describe("a firewall in front of a peer", () => {
  for (const wall of ["refuse", "reset"] as const) {
    test(`that would ${wall} keeps klight out and lets peers through, and falls`, async () => {
      const lan = new Lan();
      const [a, b] = [await start({ lan }), await start({ lan })];
      await join(b, a.address);
      await a.setWall(wall);
      assert.notEqual(await client.probe(a.address, 1_000), "serving");
      assert.deepEqual(await persist(b.address, Buffer.from("stored")), { tag: "ok" });
      assert.equal(a.status, "running");
      await a.setWall(undefined);
      assert.equal(await client.probe(a.address, 1_000), "serving");
      const { entries } = await entriesAt({ dialer, addresses: [a.address] }, a.address);
      assert.deepEqual(entries, ["stored"]);
    });
  }

  test("stays while the peer behind it starts again", async () => {
    const peer = await start();
    await peer.setWall("refuse");
    await peer.restart();
    assert.equal(await client.probe(peer.address, 1_000), "refused");
    await peer.setWall(undefined);
    assert.equal(await client.probe(peer.address, 1_000), "serving");
  });
});

describe("a peer whose host gets another address", () => {
  test("is reached there alone, and calls itself as before", async () => {
    const peer = await start();
    const before = peer.address;
    await peer.moveTo("127.0.0.2");
    assert.equal(peer.address, before.replace("127.0.0.1", "127.0.0.2"));
    assert.equal(await client.probe(peer.address, 1_000), "serving");
    assert.equal(await client.probe(before, 1_000), "refused");
    assert.deepEqual(peer.state.network, [before]);
  });
});

describe("an entry within 80 bytes of 4 MiB", () => {
  test("is stored at its peer, acknowledged, and never gets to the others", async () => {
    const [a, b] = [await start(), await start()];
    await join(b, a.address);
    assert.deepEqual(await persist(b.address, Buffer.alloc(4 * 1_024 * 1_024 - 40, 1)), { tag: "ok" });
    const [at, other] = [a, b].map(({ address }) => entriesAt({ dialer, addresses: [address] }, address));
    assert.equal((await at)?.entries.length, 0);
    assert.equal((await other)?.entries.length, 1);
    const late = await start();
    const end = await dialer.dial(late.address).joinNetwork(Context.within(timers, 5_000), b.address);
    assert.ok(
      end.tag === "failed" && /code = (?:ResourceExhausted|Unknown)/u.test(end.message),
      JSON.stringify(end),
    );
  });

  test("is one byte too large to be stored at 4 MiB", async () => {
    const a = await start();
    const reply = await persist(a.address, Buffer.alloc(4 * 1_024 * 1_024, 1));
    assert.ok(reply.tag === "failed" && reply.code === "RESOURCE_EXHAUSTED", JSON.stringify(reply));
  });
});

describe("somebody who calls at a peer from elsewhere", () => {
  test("comes from the address that it is given, under any name", async () => {
    const a = await start();
    await persist(a.address, Buffer.from("secret"));
    const { blocks, end } = await knock({
      seed: a.address,
      name: "10.0.0.9:9081",
      from: "127.0.0.9",
      patienceMs: 5_000,
    });
    assert.equal(end, status.OK);
    assert.ok(blocks.some((block) => block.toString() === "secret"));
  });
});
