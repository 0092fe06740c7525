import assert from "node:assert/strict";
import { once } from "node:events";
import { Agent, get, type IncomingMessage, request } from "node:http";
import { connect, createServer, type Socket } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { startFunction } from "../harness/function-process.ts";
import { type LoneFunction, startLoneFunction } from "../harness/lone-function.ts";

/** A peer that takes connections and never says anything: the step waits for its probe's deadline. */
const silentPeer = async (
  t: TestContext,
): Promise<{ readonly port: number; readonly asked: Promise<unknown> }> => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const address = server.address();
  assert.ok(typeof address === "object" && address);
  return { port: address.port, asked: once(server, "connection") };
};

/** Posts the event of a pod with its peer at that port; resolves with the status. */
const postPod = ({ port, pod }: LoneFunction, peerPort: number, agent: Agent | false): Promise<number> => {
  const body = JSON.stringify({
    specversion: "1.0",
    id: "1",
    source: "/test",
    type: "dev.knative.apiserver.resource.add",
    data: pod(peerPort),
  });
  const headers = { "content-type": "application/cloudevents+json" };
  const sent = request({ host: "127.0.0.1", port, method: "POST", headers, agent });
  sent.end(body);
  return once(sent, "response").then(([response]: unknown[]) => {
    const answer = response as IncomingMessage;
    answer.resume();
    return answer.statusCode ?? 0;
  });
};

const refused = async (port: number): Promise<boolean> => {
  const socket = connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return false;
  } catch {
    return true;
  } finally {
    socket.destroy();
  }
};

describe("SIGTERM", () => {
  test("ends an idle function with 0", async (t) => {
    const run = await startLoneFunction(t);
    run.process.kill("SIGTERM");
    assert.equal((await run.ended).code, 0);
  });

  test("ends a function whose sender keeps its connection open", async (t) => {
    const run = await startLoneFunction(t);
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const [response] = (await once(
      get({ host: "127.0.0.1", port: run.port, path: "/health/readiness", agent }),
      "response",
    )) as [IncomingMessage];
    response.resume();
    run.process.kill("SIGTERM");
    assert.equal((await run.ended).code, 0);
  });

  test("lets a step under way finish and answer, takes no new connection, and then ends with 0", async (t) => {
    const run = await startLoneFunction(t, { KLIGHT_PROBE_TIMEOUT_MS: "1500" });
    const peer = await silentPeer(t);
    const agent = new Agent({ keepAlive: true });
    t.after(() => agent.destroy());
    const answered = postPod(run, peer.port, agent);
    await peer.asked;
    run.process.kill("SIGTERM");
    await run.logged("shutting down");
    assert.equal(await refused(run.port), true);
    assert.equal(await answered, 409);
    const { code, stdout } = await run.ended;
    assert.equal(code, 0);
    assert.deepEqual(stdout.map((line) => (JSON.parse(line) as { msg: string }).msg).slice(-2), [
      "event held",
      "stopped",
    ]);
  });

  test("a second time ends it at once, with 143", async (t) => {
    const run = await startLoneFunction(t, { KLIGHT_PROBE_TIMEOUT_MS: "30000" });
    const peer = await silentPeer(t);
    const answered = postPod(run, peer.port, false);
    const broken = assert.rejects(answered);
    await peer.asked;
    run.process.kill("SIGTERM");
    await run.logged("shutting down");
    run.process.kill("SIGTERM");
    assert.equal((await run.ended).code, 143);
    await broken;
  });
});

describe("the start", () => {
  test("with a bad configuration ends with 78 after one message with every problem", async () => {
    const run = startFunction({ PORT: "x", KLIGHT_JOIN: "fast", UPSTASH_REDIS_REST_TOKEN: "hush hush" });
    const { code, stdout, stderr } = await run.ended;
    assert.equal(code, 78);
    assert.deepEqual(stdout, []);
    assert.deepEqual(
      stderr
        .trim()
        .split("\n")
        .map((line) => /[A-Z_]{4,}/u.exec(line)?.[0]),
      [undefined, "PORT", "UPSTASH_REDIS_REST_TOKEN", "KLIGHT_JOIN", "UPSTASH_REDIS_REST_URL"],
    );
    assert.doesNotMatch(stderr, /hush/u);
  });

  test("at a port that is taken ends with an error that names it", async (t) => {
    const run = await startLoneFunction(t);
    const second = startFunction({ PORT: String(run.port), KLIGHT_STORE: "memory" });
    const { code, stderr } = await second.ended;
    assert.equal(code, 1);
    assert.match(stderr, new RegExp(`EADDRINUSE.*${run.port}`, "u"));
  });
});
