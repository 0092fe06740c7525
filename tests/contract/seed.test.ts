import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { createServer } from "node:net";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientReadableStream, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { createLightpeerClient } from "../../lib/lightpeer/grpc-client.ts";
import { createSeeds } from "../../lib/lightpeer/grpc-seed.ts";
import type { Block, Seed, Seeds, SeedUse } from "../../lib/lightpeer/lightpeer.ts";
import { bodyOf, headOf, liveBlockOf } from "../../lib/reform/chain.ts";
import {
  ConnectRequest,
  type Lightblock,
  Lightblock_BlockType,
  LightpeerClient,
  LightpeerService,
} from "../../proto/generated/lightpeer.ts";

const SOON_MS = 10_000;
/** Long enough for what should not happen to happen. */
const A_WHILE_MS = 100;
const PEER = "10.0.0.1:9081";
const LIST = [PEER, "10.0.0.2:9081"];

const client = createLightpeerClient();
const callers: LightpeerClient[] = [];

after(() => {
  client.release();
  for (const caller of callers) caller.close();
});

const seedsHere = (lingerMs = 0): Seeds => createSeeds({ port: 0, address: "127.0.0.1", lingerMs });

const opened = async (seeds: Seeds, use: SeedUse = "reform"): Promise<Seed> => {
  const open = await seeds.open(use);
  assert.ok(open.tag === "open", open.tag === "failed" ? open.message : "");
  return open.seed;
};

const callerOf = (address: string): LightpeerClient => {
  const options = { "grpc.use_local_subchannel_pool": 1 };
  const caller = new LightpeerClient(address, credentials.createInsecure(), options);
  callers.push(caller);
  return caller;
};

/** ConnectNewPeer as a peer that names itself `peer` calls it. */
const connectNewPeer = (seed: Seed, peer: string): ClientReadableStream<Lightblock> =>
  callerOf(seed.address).connectNewPeer({ Peer: { Address: peer, Name: "" } });

/** One ConnectNewPeer: what has streamed back by now, and how it ended; undefined: it is open. */
interface Visit {
  readonly blocks: Lightblock[];
  readonly stream: ClientReadableStream<Lightblock>;
  end: "ended" | ServiceError | undefined;
}

const come = (seed: Seed, peer: string): Visit => {
  const stream = connectNewPeer(seed, peer);
  const visit: Visit = { blocks: [], stream, end: undefined };
  stream.on("data", (block: Lightblock) => visit.blocks.push(block));
  stream.on("end", () => {
    visit.end ??= "ended";
  });
  stream.on("error", (error: ServiceError) => {
    visit.end = error;
  });
  return visit;
};

const until = async (isSo: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const limit = Date.now() + SOON_MS;
  while (!(await isSo())) {
    assert.ok(Date.now() < limit, what);
    await sleep(5);
  }
};

const idsOf = ({ blocks }: Visit): readonly string[] => blocks.map(({ ID }) => ID);

/** The code that it ended with, once it has. */
const codeOf = async (visit: Visit): Promise<status> => {
  await until(() => visit.end !== undefined, "the stream ends");
  return visit.end === "ended" ? status.OK : (visit.end?.code ?? status.OK);
};

/** What the seed says to a peer that is about to store a block. */
const tell = (seed: Seed, { id, prevId, payload }: Block): Promise<status> =>
  new Promise((resolve) => {
    const block: Lightblock = {
      ID: id,
      Payload: Buffer.from(payload),
      PrevID: prevId,
      Type: Lightblock_BlockType.NETWORK,
      last_updated: new Date(),
    };
    callerOf(seed.address).notifyNewBlock(block, (error) => {
      resolve(error?.code ?? status.OK);
    });
  });

const blockOn = (prevId: string, id = `on ${prevId}`): Block => ({
  id,
  prevId,
  kind: "network",
  payload: new Uint8Array(),
});

const entries = (count: number, bytes = 16 * 1_024): readonly Uint8Array[] => {
  const payload = Buffer.alloc(bytes, 1);
  return Array.from({ length: count }, () => payload);
};

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

const addressOf = async (address: string): Promise<string> => {
  const seed = await opened(createSeeds({ port: 0, address, lingerMs: 0 }));
  seed.close();
  return seed.address;
};

describe("what a peer that is sent for gets", () => {
  const seeds = seedsHere();

  test("one block at once, the rest while its stream is open, and the end when the seed ends it", async () => {
    const seed = await opened(seeds);
    const begin = Date.now();
    const guest = seed.expect(PEER, headOf("x", LIST));
    const visit = come(seed, PEER);
    assert.equal(await guest.came, "came");
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
    await guest.came;
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
    await before.came;
    const guest = seed.expect(PEER, headOf("now", LIST));
    assert.equal(await codeOf(early), status.ABORTED);
    const visit = come(seed, PEER);
    await guest.came;
    before.finish();
    before.turnAway();
    guest.finish();
    assert.equal(await codeOf(visit), status.OK);
    assert.deepEqual(idsOf(visit), ["klight-now-head"]);
    seed.close();
  });

  test("an error where it is turned away after it came, and none of what is sent then", async () => {
    const seed = await opened(seeds);
    const guest = seed.expect(PEER, headOf("away", LIST));
    const visit = come(seed, PEER);
    await guest.came;
    guest.turnAway();
    await guest.send(bodyOf("away", entries(3)));
    guest.finish();
    assert.equal(await codeOf(visit), status.ABORTED);
    assert.deepEqual(idsOf(visit), ["klight-away-head"]);
    seed.close();
  });

  test("an error and no block where it is not expected, was turned away or let go before, or has no name", async () => {
    const seed = await opened(seeds);
    seed.expect("10.0.0.8:9081", headOf("c", LIST)).turnAway();
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
    const chain = bodyOf("large", entries(1_999)).map(({ payload, ...block }): Block => ({
      ...block,
      get payload() {
        made += 1;
        return payload;
      },
    }));
    const seed = await opened(seeds);
    const guest = seed.expect(PEER, headOf("large", LIST));
    const rest = callWithoutReading(seed.address, PEER);
    await guest.came;
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
    ["is turned away", (_: Visit, turnAway: () => void) => turnAway()],
  ] as const) {
    test(`no more than it waits for: sending to a peer that does not read ends when it ${what}`, async () => {
      const seed = await opened(seeds);
      const guest = seed.expect(PEER, headOf("cut", LIST));
      const visit = come(seed, PEER);
      await guest.came;
      await until(() => visit.blocks.length === 1, "the first block arrives");
      visit.stream.pause();
      let isSent = false;
      const sending = guest.send(bodyOf("cut", entries(5_000))).then(() => {
        isSent = true;
      });
      await sleep(A_WHILE_MS);
      assert.equal(isSent, false);
      end(visit, () => {
        guest.turnAway();
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
    seed.letPass(blockOn("any", "head"));
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
    visiting.letPass(blockOn("below", "head"));
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

describe("where the seed is", () => {
  test("a host gets the port that the seed listens on", async () => {
    assert.match(await addressOf("klight.example"), /^klight\.example:[1-9]\d+$/);
    assert.match(await addressOf("10.1.2.3"), /^10\.1\.2\.3:[1-9]\d+$/);
    assert.match(await addressOf("fd00::1"), /^\[fd00::1\]:[1-9]\d+$/);
    assert.match(await addressOf("[fd00::1]"), /^\[fd00::1\]:[1-9]\d+$/);
  });

  test("a host with a port is taken as it is", async () => {
    assert.equal(await addressOf("10.1.2.3:9082"), "10.1.2.3:9082");
    assert.equal(await addressOf("[fd00::1]:9082"), "[fd00::1]:9082");
  });

  test("the machine's own address is where it can be reached", async () => {
    for (const address of [undefined, ""]) {
      const seed = await opened(createSeeds({ port: 0, address, lingerMs: 0 }));
      assert.equal(await client.probe(seed.address, SOON_MS), "serving");
      seed.close();
    }
  });

  test("it answers on IPv4 and IPv6", async () => {
    const seed = await opened(seedsHere());
    const port = seed.address.split(":").at(-1);
    assert.equal(await client.probe(`127.0.0.1:${port}`, SOON_MS), "serving");
    assert.equal(await client.probe(`[::1]:${port}`, SOON_MS), "serving");
    seed.close();
  });
});

const gone = async (address: string): Promise<void> => {
  await until(
    async () => (await client.probe(address, SOON_MS)) === "refused",
    `${address} takes no connection`,
  );
};

describe("when the seed listens", () => {
  test("it takes no connection a moment after its last close", async () => {
    const seed = await opened(seedsHere());
    assert.equal(await client.probe(seed.address, SOON_MS), "serving");
    seed.close();
    await gone(seed.address);
  });

  test("after its last close it answers health checks a while longer, and refuses no block any more", async () => {
    const seed = await opened(seedsHere(1_000));
    const closed = Date.now();
    seed.close();
    assert.equal(await tell(seed, blockOn("any")), status.UNIMPLEMENTED);
    assert.equal(await codeOf(come(seed, PEER)), status.PERMISSION_DENIED);
    assert.equal(await client.probe(seed.address, SOON_MS), "serving");
    await gone(seed.address);
    assert.ok(Date.now() - closed >= 950, `it listened for ${Date.now() - closed} ms only`);
  });

  test("opened while it lingers, it goes on at the same port", async () => {
    const seeds = seedsHere(300);
    const first = await opened(seeds);
    first.close();
    const second = await opened(seeds);
    assert.equal(second.address, first.address);
    await sleep(600);
    assert.equal(await client.probe(second.address, SOON_MS), "serving");
    second.close();
    await gone(second.address);
  });

  test("a close turns away whom it serves and whom it still expects", async () => {
    const seeds = seedsHere(1_000);
    const seed = await opened(seeds);
    const guest = seed.expect(PEER, headOf("close", LIST));
    seed.expect("10.0.0.2:9081", headOf("close", LIST));
    const visit = come(seed, PEER);
    await guest.came;
    seed.close();
    assert.equal(await codeOf(visit), status.ABORTED);
    assert.equal(await codeOf(come(seed, "10.0.0.2:9081")), status.PERMISSION_DENIED);
    const late = seed.expect("10.0.0.3:9081", headOf("late", LIST));
    assert.equal(await codeOf(come(seed, "10.0.0.3:9081")), status.PERMISSION_DENIED);
    await late.send(bodyOf("late", []));
  });

  test("a peer that took its whole chain just before the close has it to its end", async () => {
    const seed = await opened(seedsHere());
    const guest = seed.expect(PEER, headOf("end", LIST));
    const visit = come(seed, PEER);
    await guest.came;
    await guest.send(bodyOf("end", entries(200)));
    guest.finish();
    seed.close();
    assert.equal(await codeOf(visit), status.OK);
    assert.equal(visit.blocks.length, 201);
  });

  test("a second close of the same seed closes nobody else's", async () => {
    const seeds = seedsHere();
    const [mine, other] = [await opened(seeds), await opened(seeds)];
    mine.close();
    mine.close();
    await sleep(A_WHILE_MS);
    assert.equal(await client.probe(other.address, SOON_MS), "serving");
    assert.equal(await tell(other, blockOn("any")), status.UNKNOWN);
    other.close();
    await gone(other.address);
  });

  test("a network that ends does not take away what another one has for the same address since", async () => {
    const seeds = seedsHere();
    const [before, now] = [await opened(seeds), await opened(seeds)];
    before.expect(PEER, headOf("before", LIST));
    const guest = now.expect(PEER, headOf("now", LIST));
    before.close();
    const visit = come(now, PEER);
    await guest.came;
    guest.finish();
    assert.equal(await codeOf(visit), status.OK);
    assert.deepEqual(idsOf(visit), ["klight-now-head"]);
    now.close();
  });

  test("opened and closed many times at once, it serves whoever has it open and is gone at the end", async () => {
    const port = await freePort();
    const seeds = createSeeds({ port, address: "127.0.0.1", lingerMs: 20 });
    const turns = Array.from({ length: 20 }, async (_, turn) => {
      const seed = await opened(seeds);
      const peer = `10.0.1.${turn}:9081`;
      const guest = seed.expect(peer, headOf(`turn-${turn}`, [peer]));
      const visit = come(seed, peer);
      await guest.came;
      guest.finish();
      assert.equal(await codeOf(visit), status.OK);
      seed.close();
      return idsOf(visit)[0];
    });
    const ids = await Promise.all(turns);
    assert.deepEqual(
      ids,
      turns.map((_, turn) => `klight-turn-${turn}-head`),
    );
    await gone(`127.0.0.1:${port}`);
  });

  test("a port that is taken is a failure that names it, and works when it is free again", async () => {
    const taken = createServer();
    taken.listen(0, "::");
    await once(taken, "listening");
    const address = taken.address();
    assert.ok(typeof address === "object" && address !== null);
    const seeds = createSeeds({ port: address.port, address: "127.0.0.1", lingerMs: 0 });
    const open = await seeds.open("reform");
    assert.ok(open.tag === "failed" && open.message.includes(String(address.port)));
    taken.close();
    await once(taken, "close");
    const seed = await opened(seeds);
    assert.equal(seed.address, `127.0.0.1:${address.port}`);
    seed.close();
  });
});

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "::");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  assert.ok(typeof address === "object" && address !== null);
  return address.port;
}
