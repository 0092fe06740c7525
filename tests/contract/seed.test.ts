import assert from "node:assert/strict";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { createServer } from "node:net";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientReadableStream, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { createLightpeerClient } from "../../lib/lightpeer/grpc-client.ts";
import { createSeeds } from "../../lib/lightpeer/grpc-seed.ts";
import type { Block, Seed, Seeds } from "../../lib/lightpeer/lightpeer.ts";
import { chainOf } from "../../lib/reform/chain.ts";
import {
  ConnectRequest,
  type Lightblock,
  LightpeerClient,
  LightpeerService,
} from "../../proto/generated/lightpeer.ts";

const SOON_MS = 10_000;
const PEER = "10.0.0.1:9081";
const LIST = [PEER, "10.0.0.2:9081"];

const client = createLightpeerClient();
const callers: LightpeerClient[] = [];

after(() => {
  client.release();
  for (const caller of callers) caller.close();
});

const opened = async (seeds: Seeds): Promise<Seed> => {
  const open = await seeds.open();
  assert.ok(open.tag === "open", open.tag === "failed" ? open.message : "");
  return open.seed;
};

/** ConnectNewPeer as a peer that names itself `peer` calls it. */
const connectNewPeer = (seed: Seed, peer: string): ClientReadableStream<Lightblock> => {
  const options = { "grpc.use_local_subchannel_pool": 1 };
  const caller = new LightpeerClient(seed.address, credentials.createInsecure(), options);
  callers.push(caller);
  return caller.connectNewPeer({ Peer: { Address: peer, Name: "" } });
};

/** What streams back, and how it ended. */
const received = async (
  stream: ClientReadableStream<Lightblock>,
): Promise<{ blocks: Lightblock[]; error?: ServiceError }> => {
  const blocks: Lightblock[] = [];
  try {
    for await (const block of stream) blocks.push(block as Lightblock);
    return { blocks };
  } catch (error) {
    return { blocks, error: error as ServiceError };
  }
};

const take = (seed: Seed, peer: string): ReturnType<typeof received> => received(connectNewPeer(seed, peer));

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
  const seed = await opened(createSeeds({ port: 0, address }));
  await seed.close();
  return seed.address;
};

describe("what the seed serves", () => {
  const seeds = createSeeds({ port: 0, address: "127.0.0.1" });

  test("the chain as it is, newest block first, each block dated now", async () => {
    const seed = await opened(seeds);
    const begin = Date.now();
    seed.serve(PEER, chainOf("x", [Buffer.from("new"), Buffer.from("old")], LIST));
    const { blocks, error } = await take(seed, PEER);
    await seed.close();
    assert.equal(error, undefined);
    const seen = blocks.map(({ ID, PrevID, Type, Payload }) => [ID, PrevID, Type, Payload.toString()]);
    assert.deepEqual(seen, [
      ["klight-x-3", "klight-x-2", 0, `[{"Address":"${LIST[0]}"},{"Address":"${LIST[1]}"}]`],
      ["klight-x-2", "klight-x-1", 1, "new"],
      ["klight-x-1", "", 1, "old"],
    ]);
    for (const { last_updated: at } of blocks) {
      assert.ok(at !== undefined && at.getTime() >= begin && at.getTime() <= Date.now());
    }
  });

  test("a chain again, and another one from the next serve on", async () => {
    const seed = await opened(seeds);
    seed.serve(PEER, chainOf("a", [], LIST));
    const first = [await take(seed, PEER), await take(seed, PEER)];
    seed.serve(PEER, chainOf("b", [], LIST));
    const second = await take(seed, PEER);
    await seed.close();
    const ids = [...first, second].map(({ blocks }) => blocks[0]?.ID);
    assert.deepEqual(ids, ["klight-a-1", "klight-a-1", "klight-b-1"]);
  });

  test("a peer that is not expected, is denied again, or has an empty chain is denied with a reason", async () => {
    const seed = await opened(seeds);
    seed.serve("10.0.0.9:9081", []);
    seed.serve(PEER, chainOf("c", [], LIST));
    seed.deny(PEER);
    for (const peer of ["10.0.0.9:9081", PEER, "10.0.0.3:9081", ""]) {
      const { blocks, error } = await take(seed, peer);
      assert.deepEqual([blocks, error?.code], [[], status.PERMISSION_DENIED]);
      assert.ok(error?.details.includes(`"${peer}"`), error?.details);
    }
    await seed.close();
  });

  test("health, and no other call of a lightpeer", async () => {
    const seed = await opened(seeds);
    assert.equal(await client.probe(seed.address, SOON_MS), "serving");
    assert.equal(await client.askFresh(seed.address, SOON_MS), "unimplemented");
    assert.equal((await client.newest(seed.address, SOON_MS)).tag, "failed");
    await seed.close();
  });

  test("a chain far larger than any buffer arrives whole, and is made ready only as fast as it is read", async () => {
    const payload = Buffer.alloc(16 * 1_024, 1);
    const history = Array.from({ length: 1_999 }, () => payload);
    let made = 0;
    const chain = chainOf("large", history, LIST).map(({ id, prevId, kind, payload: bytes }): Block => ({
      id,
      prevId,
      kind,
      get payload() {
        made += 1;
        return bytes;
      },
    }));
    const seed = await opened(seeds);
    seed.serve(PEER, chain);
    const rest = callWithoutReading(seed.address, PEER);
    const madeFirst = await settled(() => made);
    const bytes = await rest();
    await seed.close();
    assert.ok(madeFirst < chain.length / 2, `${madeFirst} blocks made ready for a reader that has not begun`);
    assert.ok(bytes > history.length * payload.length);
    assert.equal(made, chain.length);
  });

  test("a reader that hangs up in the middle is let go", async () => {
    const history = Array.from({ length: 5_000 }, () => Buffer.alloc(16 * 1_024));
    const seed = await opened(seeds);
    seed.serve(PEER, chainOf("cut", history, LIST));
    const stream = connectNewPeer(seed, PEER);
    stream.on("error", () => {});
    await once(stream, "data");
    stream.cancel();
    assert.equal((await take(seed, PEER)).blocks.length, 5_001);
    await seed.close();
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
      const seed = await opened(createSeeds({ port: 0, address }));
      assert.equal(await client.probe(seed.address, SOON_MS), "serving");
      await seed.close();
    }
  });

  test("it answers on IPv4 and IPv6", async () => {
    const seed = await opened(createSeeds({ port: 0, address: "127.0.0.1" }));
    const port = seed.address.split(":").at(-1);
    assert.equal(await client.probe(`127.0.0.1:${port}`, SOON_MS), "serving");
    assert.equal(await client.probe(`[::1]:${port}`, SOON_MS), "serving");
    await seed.close();
  });
});

describe("when the seed listens", () => {
  test("it takes no connection after its last close", async () => {
    const seed = await opened(createSeeds({ port: 0, address: "127.0.0.1" }));
    assert.equal(await client.probe(seed.address, SOON_MS), "serving");
    await seed.close();
    assert.equal(await client.probe(seed.address, SOON_MS), "refused");
  });

  test("a second close of the same seed closes nobody else's", async () => {
    const seeds = createSeeds({ port: 0, address: "127.0.0.1" });
    const [mine, other] = [await opened(seeds), await opened(seeds)];
    await mine.close();
    await mine.close();
    mine.serve(PEER, chainOf("late", [], LIST));
    assert.equal(await client.probe(other.address, SOON_MS), "serving");
    assert.equal((await take(other, PEER)).error?.code, status.PERMISSION_DENIED);
    await other.close();
  });

  test("a network that ends does not take away what another one serves to the same address since", async () => {
    const seeds = createSeeds({ port: 0, address: "127.0.0.1" });
    const [gone, now] = [await opened(seeds), await opened(seeds)];
    gone.serve(PEER, chainOf("gone", [], LIST));
    now.serve(PEER, chainOf("now", [], LIST));
    gone.deny(PEER);
    await gone.close();
    assert.equal((await take(now, PEER)).blocks[0]?.ID, "klight-now-1");
    await now.close();
  });

  test("opened and closed many times at once, it serves whoever has it open and is gone at the end", async () => {
    const port = await freePort();
    const seeds = createSeeds({ port, address: "127.0.0.1" });
    const turns = Array.from({ length: 20 }, async (_, turn) => {
      const seed = await opened(seeds);
      const peer = `10.0.1.${turn}:9081`;
      seed.serve(peer, chainOf(`turn-${turn}`, [], [peer]));
      const { blocks } = await take(seed, peer);
      await seed.close();
      return blocks[0]?.ID;
    });
    const ids = await Promise.all(turns);
    assert.deepEqual(
      ids,
      turns.map((_, turn) => `klight-turn-${turn}-1`),
    );
    assert.equal(await client.probe(`127.0.0.1:${port}`, SOON_MS), "refused");
  });

  test("a port that is taken is a failure that names it, and works when it is free again", async () => {
    const taken = createServer();
    taken.listen(0, "::");
    await once(taken, "listening");
    const address = taken.address();
    assert.ok(typeof address === "object" && address !== null);
    const seeds = createSeeds({ port: address.port, address: "127.0.0.1" });
    const open = await seeds.open();
    assert.ok(open.tag === "failed" && open.message.includes(String(address.port)));
    taken.close();
    await once(taken, "close");
    const seed = await opened(seeds);
    assert.equal(seed.address, `127.0.0.1:${address.port}`);
    await seed.close();
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
