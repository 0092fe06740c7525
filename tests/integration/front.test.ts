import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener, ServerOptions } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, test, type TestContext } from "node:test";
import { setImmediate as turnOfLoop } from "node:timers/promises";
import { createFront } from "../../functions/http/front.ts";
import { ask, keptLog, type LogLine } from "../harness/shell-server.ts";

interface Served {
  readonly port: number;
  readonly lines: readonly LogLine[];
  ready: boolean;
}

const serve = async (
  t: TestContext,
  load: () => Promise<RequestListener>,
  timeouts?: ServerOptions,
): Promise<Served> => {
  const { log, lines } = keptLog();
  const state = { ready: true };
  const server = createFront({ isReady: () => state.ready, load, log, ...(timeouts && { timeouts }) });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(state, { port: (server.address() as AddressInfo).port, lines });
};

describe("the server as it starts", () => {
  test("tells its health by itself, also where the rest cannot be loaded", async (t) => {
    const served = await serve(t, () => Promise.reject(new Error("no such file")));
    for (const method of ["GET", "HEAD"]) {
      const alive = await ask(served.port, { method, path: "/health/liveness" });
      assert.equal(alive.status, 200);
      assert.equal(alive.body, method === "GET" ? "alive" : "");
    }
    assert.equal((await ask(served.port, { method: "GET", path: "/health/readiness?verbose" })).status, 200);
    served.ready = false;
    assert.equal((await ask(served.port, { method: "GET", path: "/health/readiness" })).status, 503);
    assert.equal((await ask(served.port, { method: "GET", path: "/health/liveness" })).status, 200);
    assert.deepEqual(served.lines, []);
  });

  test("loads the rest after its first health check, before a request needs it, and once", async (t) => {
    let loads = 0;
    const { port } = await serve(t, async () => {
      loads += 1;
      await turnOfLoop();
      return (_request, response) => response.end();
    });
    assert.equal(loads, 0);
    await ask(port, { method: "GET", path: "/health/readiness" });
    await turnOfLoop();
    assert.equal(loads, 1);
    await ask(port, { method: "GET", path: "/health/readiness" });
    await ask(port, { body: "{}" });
    assert.equal(loads, 1);
  });

  test("loads the rest once, for requests that come at once, and none of their bodies is lost", async (t) => {
    let loads = 0;
    const { port } = await serve(t, async () => {
      loads += 1;
      await turnOfLoop();
      return (request, response) => void text(request).then((body) => response.end(body));
    });
    const bodies = ["a".repeat(100_000), "b", ""];
    const answers = await Promise.all(bodies.map((body) => ask(port, { body })));
    assert.deepEqual(
      answers.map(({ body }) => body),
      bodies,
    );
    assert.equal(loads, 1);
  });

  test("answers 503 where the rest cannot be loaded: the event comes again", async (t) => {
    const { port, lines } = await serve(t, () => Promise.reject(new Error("no such file")));
    const { status, headers } = await ask(port, { body: "{}" });
    assert.equal(status, 503);
    assert.equal(headers["retry-after"], "10");
    assert.match(String(headers["klight-outcome"]), /^held; reason="InternalError: /u);
    assert.deepEqual(
      lines.map(({ level, message }) => [level, message]),
      [["error", "a request broke off"]],
    );
  });

  test("keeps a connection for longer than the queue proxy does, which is 90 s", async (t) => {
    const { port } = await serve(t, () => Promise.reject(new Error("nothing is to be loaded")));
    const kept = connect(port, "127.0.0.1");
    t.after(() => kept.destroy());
    kept.write("GET /health/liveness HTTP/1.1\r\nHost: k\r\n\r\n");
    const [answer] = (await once(kept, "data")) as [Buffer];
    const [, seconds] = /^keep-alive: timeout=(\d+)/imu.exec(answer.toString()) ?? [];
    assert.ok(Number(seconds) > 90, answer.toString());
  });

  const slow: readonly (readonly [string, string])[] = [
    ["says nothing", ""],
    ["sends its head byte by byte", "POST / HT"],
    ["does not send its body", "POST / HTTP/1.1\r\nHost: k\r\nContent-Length: 9\r\n\r\nabc"],
  ];
  for (const [what, sent] of slow) {
    test(`turns away who ${what}`, async (t) => {
      const listener: RequestListener = (request, response) => {
        void text(request).then(
          (body) => response.end(body),
          () => response.destroy(),
        );
      };
      const timeouts = { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 50 };
      const { port } = await serve(t, () => Promise.resolve(listener), timeouts);
      const socket = connect(port, "127.0.0.1", () => socket.write(sent));
      t.after(() => socket.destroy());
      assert.match(await text(socket), /^HTTP\/1\.1 408 /u);
    });
  }
});
