import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { after, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import {
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { createLightpeerClient } from "../../lib/peers/client/grpc-client.ts";
import { createSeeds } from "../../lib/peers/seed/seeds.ts";
import { HealthCheckResponse_ServingStatus } from "../../proto/generated/health.ts";
import type { JoinRequest, Lightblock, QueryResponse } from "../../proto/generated/lightpeer.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { historyAt } from "./history-at.ts";
import { lightpeerContract } from "./lightpeer-port.ts";
import { outOfStep } from "./lightpeer-worlds.ts";
import { type OddServer, startGrpc, startTcp } from "./odd-servers.ts";

/** A port of the system's own, on an address that nothing else uses. */
const NOBODY = "127.203.0.1:1";
const SOON_MS = 10_000;
const SHORT_MS = 150;

lightpeerContract("lightpeers over gRPC", () => {
  const peers: PeerHost[] = [];
  const lightpeer = createLightpeerClient();
  return Promise.resolve({
    lightpeer,
    seeds: createSeeds({ port: 0, address: "127.0.0.1" }),
    nobody: NOBODY,
    start: async (lacks = {}) => {
      const peer = await startGrpcPeer({ lacks, ...outOfStep(peers.length) });
      peers.push(peer);
      return peer;
    },
    store: async ({ address }, entry) => {
      const reply = await grpcDialer().dial(address).persist(new Context(), Buffer.from(entry));
      assert.deepEqual(reply, { tag: "ok" });
    },
    close: async () => {
      lightpeer.release();
      await Promise.all(peers.map((peer) => peer.kill()));
    },
  });
});

const client = createLightpeerClient();
const running: OddServer[] = [];

after(async () => {
  client.release();
  await Promise.all(running.map((server) => server.close()));
});

const start = async (starting: Promise<OddServer>): Promise<string> => {
  const server = await starting;
  running.push(server);
  return server.address;
};

const startLightpeer = (lightpeer: UntypedServiceImplementation): Promise<string> =>
  start(startGrpc({ lightpeer }));

const healthSaying = (serving: HealthCheckResponse_ServingStatus): UntypedServiceImplementation => ({
  check: (_call: unknown, done: sendUnaryData<unknown>) => {
    done(null, { status: serving });
  },
});

const healthFailing = (code: status): UntypedServiceImplementation => ({
  check: (_call: unknown, done: sendUnaryData<unknown>) => {
    done({ code, details: "odd" });
  },
});

describe("a probe of what is no lightpeer", () => {
  const { NOT_SERVING, SERVICE_UNKNOWN, UNKNOWN } = HealthCheckResponse_ServingStatus;

  for (const serving of [NOT_SERVING, SERVICE_UNKNOWN, UNKNOWN]) {
    test(`health status ${serving} is not serving`, async () => {
      const address = await start(startGrpc({ health: healthSaying(serving) }));
      assert.equal(await client.probe(address, SOON_MS), "not-serving");
    });
  }

  for (const code of [status.UNAVAILABLE, status.NOT_FOUND, status.INTERNAL, status.PERMISSION_DENIED]) {
    test(`an answer with ${status[code]} is not serving: somebody lives there`, async () => {
      const address = await start(startGrpc({ health: healthFailing(code) }));
      assert.equal(await client.probe(address, SOON_MS), "not-serving");
    });
  }

  test("a server of another protocol is not serving", async () => {
    const address = await start(
      startTcp((socket) => {
        socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n"));
      }),
    );
    assert.equal(await client.probe(address, SOON_MS), "not-serving");
  });

  test("garbage is not serving", async () => {
    const address = await start(startTcp((socket) => void socket.write(Buffer.alloc(4_096, 0xff))));
    assert.equal(await client.probe(address, SOON_MS), "not-serving");
  });

  test("a port that takes connections and never says a word is silent", async () => {
    const address = await start(startTcp(() => {}));
    assert.equal(await client.probe(address, SHORT_MS), "silent");
  });

  test("a health check that never ends is silent", async () => {
    const address = await start(startGrpc({ health: { check: () => {} } }));
    assert.equal(await client.probe(address, SHORT_MS), "silent");
  });

  const cuts: Readonly<Record<string, (socket: Socket) => void>> = {
    "reset at once": (socket) => socket.resetAndDestroy(),
    "closed at once": (socket) => socket.end(),
    "reset when it has heard us": (socket) => socket.once("data", () => socket.resetAndDestroy()),
    "closed when it has heard us": (socket) => socket.once("data", () => socket.end()),
  };
  for (const [how, cut] of Object.entries(cuts)) {
    test(`a connection that is ${how}, before a word, is a refusal`, async () => {
      const address = await start(startTcp(cut));
      assert.equal(await client.probe(address, SOON_MS), "refused");
    });
  }

  test("a connection to who never says a word is closed when the question is over", async () => {
    const closed = Promise.withResolvers<undefined>();
    const address = await start(
      startTcp((socket) => void socket.resume().once("end", () => closed.resolve(undefined))),
    );
    assert.equal(await client.probe(address, SHORT_MS), "silent");
    await closed.promise;
  });

  for (const address of [
    "",
    "10.0.0.1",
    "10.0.0.1:0",
    "10.0.0.1:99999",
    "::1:9081",
    "[10.0.0.1]:9081",
    "a b:1",
  ]) {
    test(`"${address}" is no address, and silent`, async () => {
      assert.equal(await client.probe(address, SHORT_MS), "silent");
    });
  }

  test("a host without a route is silent: that does not prove a process dead", async () => {
    assert.equal(await client.probe("[100::1]:9081", SHORT_MS), "silent");
  });

  test("a name that nobody knows is silent", async () => {
    assert.equal(await client.probe("nobody.invalid:9081", SHORT_MS), "silent");
  });

  test("IPv6 in brackets and names are reached", async () => {
    const { SERVING } = HealthCheckResponse_ServingStatus;
    const address = await start(startGrpc({ health: healthSaying(SERVING) }, "[::]"));
    const port = address.split(":").at(-1);
    assert.equal(await client.probe(`[::1]:${port}`, SOON_MS), "serving");
    assert.equal(await client.probe(`localhost:${port}`, SOON_MS), "serving");
  });
});

describe("a question with an odd answer", () => {
  test("an error that is not about the parent is silent", async () => {
    const address = await startLightpeer({
      notifyNewBlock: (_call: unknown, done: sendUnaryData<unknown>) => {
        done({ code: status.UNKNOWN, details: "disk full" });
      },
    });
    assert.equal(await client.askFresh(address, SOON_MS), "silent");
  });

  test("the deadline covers the whole question", async () => {
    let asked = 0;
    const address = await startLightpeer({
      notifyNewBlock: (_call: unknown, done: sendUnaryData<unknown>) => {
        asked += 1;
        if (asked === 1) done({ code: status.UNKNOWN, details: "new block links to invalid parent" });
      },
    });
    assert.equal(await client.askFresh(address, SHORT_MS), "silent");
  });

  test("an answer that was lost leaves the peer fresh", async () => {
    let head = "";
    let lose = true;
    const address = await startLightpeer({
      notifyNewBlock: ({ request }: ServerUnaryCall<Lightblock, unknown>, done: sendUnaryData<unknown>) => {
        if (request.PrevID !== head) {
          done({ code: status.UNKNOWN, details: "new block links to invalid parent" });
          return;
        }
        head = request.ID;
        done(lose ? { code: status.UNAVAILABLE, details: "lost" } : null, { Response: "" });
        lose = false;
      },
    });
    assert.equal(await client.askFresh(address, SOON_MS), "fresh");
    for (const lost of [1, 2, 3]) {
      lose = true;
      await client.askFresh(address, SOON_MS);
      assert.equal(await client.askFresh(address, SOON_MS), "fresh", `after ${lost} more lost answers`);
    }
  });
});

const queryOf = (run: (call: ServerWritableStream<unknown, QueryResponse>) => void): Promise<string> =>
  startLightpeer({ query: run });

describe("a Query with an odd answer", () => {
  test("the newest entry is known before the stream goes on", async () => {
    const address = await queryOf((call) => void call.write({ Payload: Buffer.from("newest") }));
    const newest = await client.newest(address, SOON_MS);
    assert.ok(newest.tag === "newest" && newest.digest !== "empty");
  });

  test("a stream that is cut in the middle is no history, and none that never ends", async () => {
    const cut = await queryOf((call) => {
      call.write({ Payload: Buffer.from("newest") });
      call.emit("error", { code: status.ABORTED, details: "cut" });
    });
    assert.equal((await historyAt(client, cut)).tag, "failed");
    const endless = await queryOf((call) => void call.write({ Payload: Buffer.from("newest") }));
    assert.equal((await historyAt(client, endless, { timeoutMs: SHORT_MS })).tag, "failed");
  });

  test("a history without end is too large at the limit, and is hung up on", async () => {
    const hungUp = Promise.withResolvers<undefined>();
    const address = await queryOf((call) => {
      const more = (): void => {
        while (!call.cancelled && call.write({ Payload: Buffer.alloc(1_000) }));
      };
      call.on("drain", more);
      call.on("cancelled" as "close", () => {
        hungUp.resolve(undefined);
      });
      more();
    });
    const { end } = await historyAt(client, address, { limitBytes: 9_999 });
    assert.deepEqual(end, { tag: "too-large", bytes: 8 * 1_256 });
    await hungUp.promise;
  });

  test("empty entries without end are too many at the limit, too", async () => {
    const address = await queryOf((call) => {
      const more = (): void => {
        while (!call.cancelled && call.write({ Payload: Buffer.alloc(0) }));
      };
      call.on("drain", more);
      more();
    });
    const { end } = await historyAt(client, address, { limitBytes: 256 * 1_000 });
    assert.deepEqual(end, { tag: "too-large", bytes: 256 * 1_001 });
  });

  test("an entry too long to be read is a history too large, not a peer without one", async () => {
    const address = await queryOf((call) => {
      call.write({ Payload: Buffer.alloc(65 * 1_024 * 1_024) });
      call.end();
    });
    assert.equal((await historyAt(client, address)).tag, "too-large");
  });
});

describe("a visit with an odd answer", () => {
  const visit = async (...blocks: Partial<Lightblock>[]): Promise<string> => {
    const address = await startLightpeer({
      connectNewPeer: (call: ServerWritableStream<unknown, unknown>) => {
        for (const block of blocks)
          call.write({ ID: "b", Payload: Buffer.alloc(0), PrevID: "", Type: 0, ...block });
        call.end();
      },
    });
    return (await client.visit(address, NOBODY, SOON_MS)).tag;
  };
  const list = Buffer.from(`[{"Address":"${NOBODY}","Name":"more"}]`);

  test("a list whose members say more of themselves is read", async () => {
    assert.equal(await visit({ Payload: list }), "visited");
  });

  test("a chain without a block fails", async () => {
    assert.equal(await visit(), "failed");
  });

  test("a newest block that lists nobody fails", async () => {
    assert.equal(await visit({ Payload: list, Type: 1 }), "failed");
    assert.equal(await visit({ Payload: list, Type: 7 as 0 }), "failed");
    for (const payload of ["", "rubbish", "{}", '["a"]', '[{"Address":1}]', "null"]) {
      assert.equal(await visit({ Payload: Buffer.from(payload) }), "failed", payload);
    }
  });
});

describe("connections", () => {
  test("a join whose connection is cut has been sent once, and is unclear", async () => {
    const joins: string[] = [];
    const peer = await startGrpc({
      lightpeer: {
        joinNetwork: ({ request }: ServerUnaryCall<JoinRequest, unknown>) => {
          joins.push(request.Address);
          void front.close();
        },
      },
    });
    running.push(peer);
    const port = Number(peer.address.split(":").at(-1));
    const front = await startTcp((socket) => {
      const inside = connect(port, "127.0.0.1");
      inside.on("error", () => {});
      socket.pipe(inside).pipe(socket);
      socket.on("close", () => inside.destroy());
    });
    assert.equal((await client.join(front.address, NOBODY, SOON_MS)).tag, "unclear");
    assert.deepEqual(joins, [NOBODY]);
  });

  test("of those that nobody uses only so many are kept, the ones used last", async () => {
    const { SERVING } = HealthCheckResponse_ServingStatus;
    const peer = await startGrpc({ health: healthSaying(SERVING) });
    running.push(peer);
    const port = Number(peer.address.split(":").at(-1));
    const open = [0, 0, 0, 0];
    const fronts = await Promise.all(
      open.map((_, at) =>
        start(
          startTcp((socket) => {
            open[at] = (open[at] ?? 0) + 1;
            socket.on("close", () => (open[at] = (open[at] ?? 0) - 1));
            const inside = connect(port, "127.0.0.1");
            inside.on("error", () => {});
            inside.on("close", () => socket.destroy());
            socket.pipe(inside).pipe(socket);
          }),
        ),
      ),
    );
    const few = createLightpeerClient(2);
    const [first = "", second = "", third = "", fourth = ""] = fronts;
    for (const address of [first, second, third, first, fourth]) {
      assert.equal(await few.probe(address, SOON_MS), "serving");
    }
    const until = performance.now() + SOON_MS;
    while (String(open) !== "1,0,0,1" && performance.now() < until) await sleep(10);
    assert.deepEqual(open, [1, 0, 0, 1]);
    few.release();
  });

  /** A way to a peer that counts its connections; a mute one passes nothing on that comes from the peer. */
  const startWay = async (): Promise<{
    readonly address: string;
    made: number;
    open: number;
    mute: boolean;
  }> => {
    const { SERVING } = HealthCheckResponse_ServingStatus;
    const port = Number((await start(startGrpc({ health: healthSaying(SERVING) }))).replace(/^.*:/u, ""));
    const way = { address: "", made: 0, open: 0, mute: false };
    way.address = await start(
      startTcp((socket) => {
        way.made += 1;
        way.open += 1;
        const inside = connect(port, "127.0.0.1");
        inside.on("error", () => {}).on("close", () => socket.destroy());
        socket
          .on("error", () => {})
          .on("close", () => {
            way.open -= 1;
            inside.destroy();
          });
        socket.pipe(inside).on("data", (data) => way.mute || socket.write(data));
      }),
    );
    return way;
  };

  test("the next step finds a connection as it was, and soon after the last one it is closed", async () => {
    const way = await startWay();
    const own = createLightpeerClient();
    await own.probe(way.address, SOON_MS);
    own.release();
    const { made } = way;
    await own.probe(way.address, SOON_MS);
    own.release();
    assert.equal(way.made, made);
    const until = performance.now() + SOON_MS;
    while (way.open > 0 && performance.now() < until) await sleep(10);
    assert.equal(way.open, 0);
  });

  test("a connection on which nothing came back is not believed again", async () => {
    const way = await startWay();
    const own = createLightpeerClient();
    assert.equal(await own.probe(way.address, SOON_MS), "serving");
    way.mute = true;
    assert.equal(await own.probe(way.address, 200), "silent");
    const { made } = way;
    way.mute = false;
    assert.equal(await own.probe(way.address, SOON_MS), "serving");
    assert.ok(way.made > made);
    own.release();
  });

  test("a process ends by itself after a release, whoever it has called", { timeout: 60_000 }, async () => {
    const { SERVING } = HealthCheckResponse_ServingStatus;
    const well = await start(startGrpc({ health: healthSaying(SERVING) }));
    const hung = await start(startGrpc({ health: { check: () => {} } }));
    const mute = await start(startTcp(() => {}));
    const lines = await runScript(`
      import { createLightpeerClient } from ${JSON.stringify(new URL("../../lib/peers/client/grpc-client.ts", import.meta.url).href)};
      const client = createLightpeerClient();
      const addresses = ${JSON.stringify([well, hung, mute, NOBODY, "[100::1]:9081"])};
      const probes = await Promise.all(addresses.map((address) => client.probe(address, 1_000)));
      client.release();
      console.log(probes.join(" "));
    `);
    assert.equal(lines, "serving silent silent refused silent\n");
  });
});

/** Runs a module whose environment names a proxy, which must not be used for peers. */
async function runScript(script: string): Promise<string> {
  const proxy = "http://127.203.0.1:2";
  const child = spawn(process.execPath, ["--input-type=module", "--eval", script], {
    env: { ...process.env, grpc_proxy: proxy, http_proxy: proxy, https_proxy: proxy, no_proxy: "" },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [output] = await Promise.all([text(child.stdout), once(child, "close")]);
  return output;
}
