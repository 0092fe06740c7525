import assert from "node:assert/strict";
import { connect as connectHttp2 } from "node:http2";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ServiceError, status } from "@grpc/grpc-js";
import type { Block } from "../../lib/peers/lightpeer.ts";
import { bodyOf, headOf, liveBlockOf } from "../../lib/reconcile/reform/chain.ts";
import { ConnectRequest, LightpeerService } from "../../proto/generated/lightpeer.ts";
import {
  A_WHILE_MS,
  blockOn,
  client,
  codeOf,
  come,
  entries,
  hangUp,
  idsOf,
  LIST,
  opened,
  PEER,
  seedsHere,
  SOON_MS,
  tell,
  until,
  type Visit,
} from "./seed-caller.ts";

after(hangUp);

/** ConnectNewPeer over bare HTTP/2, for gRPC's own client reads ahead. What is returned reads, and counts the bytes. */
const callWithoutReading = (address: string, peer: string): (() => Promise<number>) => {
  const session = connectHttp2(`http://${address}`);
  const stream = session.request({
    ":method": "POST",
    ":path": LightpeerService.connectNewPeer.path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  const message = ConnectRequest.encode({ Peer: { Address: peer, Name: "" } }).finish();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  stream.end(Buffer.concat([head, message]));
  return async () => {
    let bytes = 0;
    for await (const chunk of stream) bytes += (chunk as Buffer).byteLength;
    session.close();
    return bytes;
  };
};

/** What a count comes to a stop at, after it has begun. */
const settled = async (count: () => number): Promise<number> => {
  for (;;) {
    const earlier = count();
    await sleep(100);
    if (earlier > 0 && earlier === count()) return earlier;
  }
};

describe("what a peer that is sent for gets", () => {
  const seeds = seedsHere();

  test("one block at once, the rest while its stream is open, and the end when the seed ends it", async () => {
    const seed = await opened(seeds);
    const begin = Date.now();
    const guest = seed.expect(PEER, headOf("x", LIST));
    const visit = come(seed, PEER);
    assert.equal(await guest.arrived, "arrived");
    await until(() => visit.blocks.length === 1, "the first block arrives");
    await sleep(A_WHILE_MS);
    assert.deepEqual([idsOf(visit), visit.end], [["klight-x-head"], undefined]);
    await guest.send(bodyOf("x", [Buffer.from("new"), Buffer.from("old")]));
    await until(() => visit.blocks.length === 3, "the rest arrives");
    await sleep(A_WHILE_MS);
    assert.equal(visit.end, undefined);
    guest.finish();
    assert.equal(await codeOf(visit), status.OK);
    seed.close();
    assert.deepEqual(
      visit.blocks.map(({ ID, PrevID, Type, Payload }) => [ID, PrevID, Type, Payload.toString()]),
      [
        ["klight-x-head", "klight-x-1", 0, `[{"Address":"${LIST[0]}"},{"Address":"${LIST[1]}"}]`],
        ["klight-x-1", "klight-x-2", 1, "new"],
        ["klight-x-2", "", 1, "old"],
      ],
    );
    for (const { last_updated: at } of visit.blocks) {
      assert.ok(at !== undefined && at.getTime() >= begin && at.getTime() <= Date.now());
    }
  });

  test("nothing a second time, neither while its first call is open nor after it", async () => {
    const seed = await opened(seeds);
    const guest = seed.expect(PEER, headOf("once", LIST));
    const visit = come(seed, PEER);
    await guest.arrived;
    assert.equal(await codeOf(come(seed, PEER)), status.PERMISSION_DENIED);
    assert.equal(visit.end, undefined);
    guest.finish();
    assert.equal(await codeOf(visit), status.OK);
    assert.equal(await codeOf(come(seed, PEER)), status.PERMISSION_DENIED);
    seed.close();
  });

  test("what it is expected for last, when it is expected anew", async () => {
    const seed = await opened(seeds);
    const before = seed.expect(PEER, headOf("before", LIST));
    const early = come(seed, PEER);
    await before.arrived;
    const guest = seed.expect(PEER, headOf("now", LIST));
    assert.equal(await codeOf(early), status.ABORTED);
    const visit = come(seed, PEER);
    await guest.arrived;
    before.finish();
    before.refuse();
    guest.finish();
    assert.equal(await codeOf(visit), status.OK);
    assert.deepEqual(idsOf(visit), ["klight-now-head"]);
    seed.close();
  });

  test("an error where it is turned away after it came, and none of what is sent then", async () => {
    const seed = await opened(seeds);
    const guest = seed.expect(PEER, headOf("away", LIST));
    const visit = come(seed, PEER);
    await guest.arrived;
    guest.refuse();
    await guest.send(bodyOf("away", entries(3)));
    guest.finish();
    assert.equal(await codeOf(visit), status.ABORTED);
    assert.deepEqual(idsOf(visit), ["klight-away-head"]);
    seed.close();
  });

  test("an error and no block where it is not expected, was turned away or let go before, or has no name", async () => {
    const seed = await opened(seeds);
    seed.expect("10.0.0.8:9081", headOf("c", LIST)).refuse();
    seed.expect("10.0.0.9:9081", headOf("d", LIST)).finish();
    seed.expect(PEER, headOf("e", LIST));
    for (const peer of ["10.0.0.8:9081", "10.0.0.9:9081", "10.0.0.3:9081", ""]) {
      const visit = come(seed, peer);
      assert.deepEqual([await codeOf(visit), visit.blocks], [status.PERMISSION_DENIED, []]);
      assert.ok((visit.end as ServiceError).details.includes(`"${peer}"`));
    }
    seed.close();
  });

  test("a chain far larger than any buffer, whole, and made ready only as fast as it is read", async () => {
    let made = 0;
    const chain = [...bodyOf("large", entries(1_999))].map(({ id, prevId, kind, payload }): Block => ({
      id,
      prevId,
      kind,
      get payload() {
        made += 1;
        return payload;
      },
    }));
    const seed = await opened(seeds);
    const guest = seed.expect(PEER, headOf("large", LIST));
    const rest = callWithoutReading(seed.address, PEER);
    await guest.arrived;
    let isSent = false;
    const sending = guest.send(chain).then(() => {
      isSent = true;
    });
    const madeFirst = await settled(() => made);
    assert.equal(isSent, false);
    const reading = rest();
    await sending;
    guest.finish();
    const bytes = await reading;
    seed.close();
    assert.ok(madeFirst < chain.length / 2, `${madeFirst} blocks made ready for a reader that has not begun`);
    assert.ok(bytes > chain.length * 16 * 1_024);
    assert.equal(made, chain.length);
  });

  for (const [what, end] of [
    ["hangs up", (visit: Visit) => visit.stream.cancel()],
    ["is turned away", (_: Visit, refuse: () => void) => refuse()],
  ] as const) {
    test(`no more than it waits for: sending to a peer that does not read ends when it ${what}`, async () => {
      const seed = await opened(seeds);
      const guest = seed.expect(PEER, headOf("cut", LIST));
      const visit = come(seed, PEER);
      await guest.arrived;
      await until(() => visit.blocks.length === 1, "the first block arrives");
      visit.stream.pause();
      let isSent = false;
      const sending = guest.send(bodyOf("cut", entries(5_000))).then(() => {
        isSent = true;
      });
      await sleep(A_WHILE_MS);
      assert.equal(isSent, false);
      end(visit, () => {
        guest.refuse();
      });
      await sending;
      visit.stream.resume();
      await until(() => visit.end !== undefined, "the stream ends");
      assert.notEqual(visit.end, "ended");
      guest.finish();
      seed.close();
    });
  }
});

describe("what else the seed answers", () => {
  const seeds = seedsHere();

  test("is health, and no other call that a lightpeer has", async () => {
    const seed = await opened(seeds);
    assert.equal(await client.probe(seed.address, SOON_MS), "serving");
    assert.equal((await client.newest(seed.address, SOON_MS)).tag, "failed");
    assert.equal((await client.visit(seed.address, PEER, SOON_MS)).tag, "failed");
    seed.close();
  });

  test("is a refusal of every new block while a network is re-formed, which keeps peers from storing", async () => {
    const seed = await opened(seeds);
    assert.equal(await tell(seed, blockOn("")), status.UNKNOWN);
    assert.equal(await tell(seed, liveBlockOf("x", LIST)), status.UNKNOWN);
    seed.close();
  });

  test("is no refusal of a new block while a network is visited, which would fork it", async () => {
    const seed = await opened(seeds, "visit");
    assert.equal(await tell(seed, blockOn("any")), status.UNIMPLEMENTED);
    seed.allow(blockOn("any", "head"));
    assert.equal(await tell(seed, blockOn("another")), status.UNIMPLEMENTED);
    seed.close();
  });

  test("waits, with a re-form and a visit at once, until the visit tells what passes", async () => {
    const [visiting, reforming] = [await opened(seeds, "visit"), await opened(seeds)];
    let answered = 0;
    const count = (code: status): status => {
      answered += 1;
      return code;
    };
    const passes = tell(visiting, blockOn("head", "first")).then(count);
    const refused = tell(reforming, blockOn("frozen")).then(count);
    await sleep(A_WHILE_MS);
    assert.equal(answered, 0);
    visiting.allow(blockOn("below", "head"));
    assert.deepEqual(await Promise.all([passes, refused]), [status.UNIMPLEMENTED, status.UNKNOWN]);
    assert.equal(await tell(visiting, blockOn("first")), status.UNIMPLEMENTED);
    reforming.close();
    assert.equal(await tell(visiting, blockOn("frozen")), status.UNIMPLEMENTED);
    visiting.close();
  });

  test("waits no longer than a visit that ends without a word", async () => {
    const [visiting, reforming] = [await opened(seeds, "visit"), await opened(seeds)];
    const refused = tell(reforming, blockOn("frozen"));
    visiting.close();
    assert.equal(await refused, status.UNKNOWN);
    reforming.close();
  });
});
