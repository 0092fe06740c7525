import assert from "node:assert/strict";
import { once } from "node:events";
import type { RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
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

const serve = async (t: TestContext, load: () => Promise<RequestListener>): Promise<Served> => {
  const { log, lines } = keptLog();
  const state = { ready: true };
  const server = createFront({ isReady: () => state.ready, load, log });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(state, { port: (server.address() as AddressInfo).port, lines });
};

describe("the server as it starts", () => {
  test("tells its health and loads nothing for it", async (t) => {
    const served = await serve(t, () => Promise.reject(new Error("nothing is to be loaded")));
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
});
