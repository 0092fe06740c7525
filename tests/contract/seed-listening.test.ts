import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { createSeeds } from "../../lib/peers/seed/seeds.ts";
import { bodyOf, headOf } from "../../lib/reconcile/reform/chain.ts";
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
} from "./seed-caller.ts";

after(hangUp);

const addressOf = async (address: string): Promise<string> => {
  const seed = await opened(createSeeds({ port: 0, address, lingerMs: 0 }));
  seed.close();
  return seed.address;
};

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
    await guest.arrived;
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
    await guest.arrived;
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
    await guest.arrived;
    guest.finish();
    assert.equal(await codeOf(visit), status.OK);
    assert.deepEqual(idsOf(visit), ["klight-now-head"]);
    now.close();
  });

  test("opened and closed many times at once, it serves whoever has it open and is gone at the end", async () => {
    const port = await freePort();
    const seeds = createSeeds({ port, address: "127.0.0.1", callers: "any", lingerMs: 20 });
    const turns = Array.from({ length: 20 }, async (_, turn) => {
      const seed = await opened(seeds);
      const peer = `10.0.1.${turn}:9081`;
      const guest = seed.expect(peer, headOf(`turn-${turn}`, [peer]));
      const visit = come(seed, peer);
      await guest.arrived;
      guest.finish();
      assert.equal(await codeOf(visit), status.OK);
      seed.close();
      return idsOf(visit)[0];
    });
    const ids = await Promise.all(turns);
    assert.deepEqual(
      ids,
      turns.map((_, turn) => headOf(`turn-${turn}`, []).id),
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
