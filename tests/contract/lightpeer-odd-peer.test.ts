import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { createLightpeerClient } from "../../lib/peers/client/grpc-client.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { type Oddity, startOddPeer } from "../harness/lightpeer/odd-peer.ts";
import { whole } from "../harness/lightpeer/whole.ts";
import { systemTimers } from "../harness/timers.ts";
import { historyAt } from "./history-at.ts";

const dialer = grpcDialer();
const LIMIT_BYTES = 1_000_000;

describe("a peer that can be odd", () => {
  test("is a lightpeer while it is not", async (t) => {
    const odd = await startOddPeer();
    const other = await startGrpcPeer();
    t.after(() => Promise.all([odd.kill(), other.kill()]));
    const join = dialer.dial(odd.address).joinNetwork(Context.within(systemTimers, 5_000), other.address);
    assert.deepEqual(await join, { tag: "ok" });
    const found = await whole({ dialer, addresses: [odd.address, other.address] });
    assert.equal(found.tag, "whole", found.tag === "broken" ? found.reason : "");
  });

  const ends: readonly (readonly [Exclude<Oddity, "deaf">, string])[] = [
    ["empty", "too-large"],
    ["huge", "too-large"],
    ["bombs", "too-large"],
    ["lie", "failed"],
  ];
  for (const [oddity, tag] of ends) {
    test(`and does ${oddity} costs no more than the limit, and the time that it was given`, async (t) => {
      const odd = await startOddPeer(oddity);
      const client = createLightpeerClient();
      t.after(() => {
        client.release();
        return odd.kill();
      });
      const before = process.memoryUsage().rss;
      const { end } = await historyAt(client, odd.address, { limitBytes: LIMIT_BYTES, timeoutMs: 2_000 });
      assert.equal(end.tag, tag, JSON.stringify(end));
      // It says the rest of what it is in between.
      assert.equal(await client.probe(odd.address, 2_000), "serving");
      const grownMib = (process.memoryUsage().rss - before) / 2 ** 20;
      assert.ok(grownMib < 400, `grown by ${Math.round(grownMib)} MiB, with what the peer itself holds`);
    });
  }

  test("and is deaf comes to whom it is told, and reads nothing", async (t) => {
    const odd = await startOddPeer("deaf");
    const other = await startGrpcPeer();
    t.after(() => Promise.all([odd.kill(), other.kill()]));
    const ctx = Context.within(systemTimers, 500);
    const end = await dialer.dial(odd.address).joinNetwork(ctx, other.address);
    assert.ok(end.tag === "failed" && end.code === "DEADLINE_EXCEEDED", JSON.stringify(end));
    assert.equal(odd.deaf, 1);
    assert.ok(other.state.network.includes(odd.address));
    await sleep(100);
    assert.equal(odd.deaf, 1);
  });
});
