import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import type { Seed } from "../../lib/peers/lightpeer.ts";
import { hostOfCaller, isFrom } from "../../lib/peers/seed/caller.ts";
import { createSeeds } from "../../lib/peers/seed/seeds.ts";
import { bodyOf, headOf } from "../../lib/reconcile/reform/chain.ts";
import { ConnectRequest, LightpeerService } from "../../proto/generated/lightpeer.ts";
import { HealthService } from "../../proto/generated/health.ts";
import {
  A_WHILE_MS,
  codeOf,
  come,
  entries,
  hangUp,
  opened,
  seedsHere,
  SOON_MS,
  until,
} from "./seed-caller.ts";

const MEMBER = "127.0.0.1:9081";
const LIST = [MEMBER, "127.0.0.3:9081"];
const strict = createSeeds({ port: 0, address: "127.0.0.1", lingerMs: 0 });

const sessions: ClientHttp2Session[] = [];
after(() => {
  hangUp();
  for (const session of sessions) session.destroy();
});

/** A connection to the seed that comes from this address of the machine. */
const connectFrom = (seed: Seed, localAddress: string): ClientHttp2Session => {
  const port = Number(seed.address.split(":").at(-1));
  const host = localAddress.includes(":") ? "::1" : "127.0.0.1";
  const session = connectHttp2(`http://${seed.address}`, {
    createConnection: () => connect({ host, port, localAddress }),
  });
  session.on("error", () => {});
  sessions.push(session);
  return session;
};

/** One call on it; what is returned is not read before somebody listens. */
const call = (
  session: ClientHttp2Session,
  path: string,
  message: Uint8Array,
): ReturnType<typeof session.request> => {
  const stream = session.request({
    ":method": "POST",
    ":path": path,
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => {});
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.byteLength, 1);
  stream.end(Buffer.concat([head, message]));
  return stream;
};

const connectNewPeer = (session: ClientHttp2Session, peer: string): ReturnType<typeof session.request> =>
  call(
    session,
    LightpeerService.connectNewPeer.path,
    ConnectRequest.encode({ Peer: { Address: peer, Name: "" } }).finish(),
  );

/** How a ConnectNewPeer from there ends: its code, its words, and how many bytes it was given. */
const comeFrom = async (
  seed: Seed,
  localAddress: string,
  peer: string,
): Promise<{ code: number; words: string; bytes: number }> => {
  const stream = connectNewPeer(connectFrom(seed, localAddress), peer);
  const headers = new Map<string, string>();
  const note = (those: object): void => {
    for (const [name, value] of Object.entries(those)) headers.set(name, String(value));
  };
  stream.on("response", note);
  stream.on("trailers", note);
  let bytes = 0;
  for await (const chunk of stream) bytes += (chunk as Buffer).byteLength;
  return {
    code: Number(headers.get("grpc-status")),
    words: decodeURI(headers.get("grpc-message") ?? ""),
    bytes,
  };
};

describe("who calls the seed", () => {
  test("gets nothing by naming a member, and does not take its turn", async () => {
    const seed = await opened(strict);
    const expected = seed.expect(MEMBER, headOf("mine", LIST));
    for (let tries = 0; tries < 3; tries += 1) {
      const { code, words, bytes } = await comeFrom(seed, "127.0.0.2", MEMBER);
      assert.deepEqual([code, bytes], [status.PERMISSION_DENIED, 0]);
      assert.match(words, /"127\.0\.0\.1:9081".* came from 127\.0\.0\.2: .*KLIGHT_SEED_CALLERS must be any/);
    }
    const visit = come(seed, MEMBER);
    await expected.arrived;
    await expected.send(bodyOf("mine", [Buffer.from("kept")]));
    expected.finish();
    assert.equal(await codeOf(visit), status.OK);
    assert.equal(visit.blocks.length, 2);
    seed.close();
  });

  test("gets nothing either while the member is served, or after it", async () => {
    const seed = await opened(strict);
    const expected = seed.expect(MEMBER, headOf("served", LIST));
    const visit = come(seed, MEMBER);
    await expected.arrived;
    assert.equal((await comeFrom(seed, "127.0.0.2", MEMBER)).bytes, 0);
    expected.finish();
    assert.equal(await codeOf(visit), status.OK);
    assert.equal((await comeFrom(seed, "127.0.0.2", MEMBER)).bytes, 0);
    seed.close();
  });

  test("is let in from another address where that is set, and addresses are translated", async () => {
    const seed = await opened(seedsHere());
    const expected = seed.expect(MEMBER, headOf("any", LIST));
    const coming = comeFrom(seed, "127.0.0.2", MEMBER);
    await expected.arrived;
    expected.finish();
    assert.equal((await coming).code, status.OK);
    seed.close();
  });

  test("is known by its address, however that is written", async () => {
    const seed = await opened(strict);
    const expected = seed.expect("[0:0:0:0:0:0:0:1]:9081", headOf("six", LIST));
    const coming = comeFrom(seed, "::1", "[0:0:0:0:0:0:0:1]:9081");
    await expected.arrived;
    expected.finish();
    assert.equal((await coming).code, status.OK);
    seed.close();
    const same: readonly (readonly [string, string, boolean])[] = [
      ["::ffff:10.0.0.1:5000", "10.0.0.1:9081", true],
      ["10.0.0.1:5000", "10.0.0.1:9081", true],
      ["10.0.0.10:5000", "10.0.0.1:9081", false],
      ["fd00::1:5000", "[FD00:0:0::1]:9081", true],
      ["fd00::2:5000", "[fd00::1]:9081", false],
      ["fe80::1%eth0:5000", "[fe80::1]:9081", true],
      ["10.0.0.1:5000", "peer.example:9081", false],
      ["unknown", "10.0.0.1:9081", false],
      ["", "10.0.0.1:9081", false],
    ];
    for (const [caller, address, is] of same)
      assert.equal(isFrom(caller, address), is, `${caller} ${address}`);
    assert.equal(hostOfCaller("::ffff:10.0.0.1:5000"), "10.0.0.1");
  });

  for (const what of ["is refused", "is to have no more, and the seed is closed"] as const) {
    test(`and never reads is cut soon after it ${what}`, async () => {
      const seed = await opened(strict);
      const expected = seed.expect(MEMBER, headOf("deaf", LIST));
      const session = connectFrom(seed, "127.0.0.1");
      const closed = once(session, "close");
      connectNewPeer(session, MEMBER);
      await expected.arrived;
      const sending = expected.send(bodyOf("deaf", entries(what === "is refused" ? 500 : 10)));
      await sleep(A_WHILE_MS);
      if (what === "is refused") expected.refuse();
      else {
        expected.finish();
        seed.close();
      }
      await sending;
      await closed;
      seed.close();
    });
  }
});

/** Whether the seed answers a health check on this connection within the time. */
const isServed = async (session: ClientHttp2Session, ms: number): Promise<boolean> => {
  const stream = call(session, HealthService.check.path, new Uint8Array());
  stream.resume();
  const served = await Promise.race([once(stream, "response").then(() => true), sleep(ms).then(() => false)]);
  return served;
};

describe("many connections at the seed", () => {
  test("of one address wait for their turn, are all answered, and hold up nobody else", async () => {
    const seed = await opened(strict);
    const many = Array.from({ length: 40 }, () => connectFrom(seed, "127.0.0.2"));
    const served = many.slice(0, 32);
    assert.ok((await Promise.all(served.map((session) => isServed(session, SOON_MS)))).every(Boolean));
    const waiting = many.slice(32);
    assert.deepEqual(
      await Promise.all(waiting.map((session) => isServed(session, A_WHILE_MS))),
      waiting.map(() => false),
    );
    assert.equal(await isServed(connectFrom(seed, "127.0.0.3"), SOON_MS), true);
    for (const session of served) session.destroy();
    assert.ok((await Promise.all(waiting.map((session) => isServed(session, SOON_MS)))).every(Boolean));
    seed.close();
  });

  test("are cut only where too many wait already", async () => {
    const seed = await opened(strict);
    const port = Number(seed.address.split(":").at(-1));
    let cut = 0;
    const sockets: Socket[] = [];
    for (let count = 0; count < 32 + 1_024 + 20; count += 1) {
      const socket = connect({ host: "127.0.0.1", port, localAddress: "127.0.0.4" });
      socket.on("error", () => {});
      socket.on("close", () => (cut += 1));
      sockets.push(socket);
      await once(socket, "connect");
    }
    await until(() => cut >= 20, "those that are too many are cut");
    await sleep(A_WHILE_MS);
    assert.equal(cut, 20);
    for (const socket of sockets) socket.destroy();
    await until(() => isServed(connectFrom(seed, "127.0.0.4"), 1_000), "there is room again");
    seed.close();
  });
});
