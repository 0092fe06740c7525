import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test, type TestContext } from "node:test";
import type { Handlers } from "../../functions/http/handlers.ts";
import { held, type Outcome } from "../../lib/outcome.ts";
import { runningPod } from "../harness/pods.ts";
import { type Answer, ask, serveShell } from "../harness/shell-server.ts";

type Served = Awaited<ReturnType<typeof serveShell>>;

const serve = async (t: TestContext, handlers: Partial<Handlers> = {}): Promise<Served> => {
  const served = await serveShell(handlers);
  t.after(() => served.close());
  return served;
};

const context = (changes: Readonly<Record<string, string>> = {}): Record<string, string> => ({
  specversion: "1.0",
  id: "1",
  source: "https://10.96.0.1:443",
  type: "dev.knative.apiserver.resource.add",
  ...changes,
});
const podEvent = (name = "peer-a"): Record<string, unknown> => ({
  ...context(),
  data: runningPod({ metadata: { name } }),
});
const ping = context({ type: "dev.knative.sources.ping" });

const structured = { "content-type": "application/cloudevents+json" };
const post = (port: number, event: unknown): Promise<Answer> =>
  ask(port, { headers: structured, body: JSON.stringify(event) });
const postBatch = (port: number, events: readonly unknown[]): Promise<Answer> =>
  ask(port, {
    headers: { "content-type": "application/cloudevents-batch+json" },
    body: JSON.stringify(events),
  });

interface Problem {
  readonly status: number;
  readonly detail: string;
  readonly problems?: readonly string[];
}

const problemOf = ({ status, headers, body }: Answer): Problem => {
  assert.equal(headers["content-type"], "application/problem+json");
  const problem = JSON.parse(body) as Problem;
  assert.equal(problem.status, status);
  return problem;
};

const joined = (name: string): Outcome => ({
  name: "joined",
  reason: "Joined",
  message: `${name} was joined`,
  pod: { namespace: "default", name },
  network: "default/net-a",
  via: "peer-0",
  generation: 0,
});

/** Handlers that give each pod its outcome, and the names of the pods in the order that they came. */
const seen = (outcomes: Readonly<Record<string, Outcome>>): readonly [string[], Partial<Handlers>] => {
  const names: string[] = [];
  return [
    names,
    {
      podChanged: ({ name }) => {
        names.push(name.name);
        return Promise.resolve(outcomes[name.name] ?? joined(name.name));
      },
    },
  ];
};

const sweeping = (outcomes: readonly Outcome[], unfinished: readonly string[] = []): Partial<Handlers> => ({
  sweep: () => Promise.resolve({ outcomes, unfinished, slow: [], seen: undefined }),
});

describe("one event", () => {
  test("is answered with its outcome, and logged with its pod and network", async (t) => {
    const { port, lines } = await serve(t, { podChanged: ({ name }) => Promise.resolve(joined(name.name)) });
    const { status, headers } = await post(port, podEvent());
    assert.deepEqual([status, headers["ce-type"]], [200, "dev.klight.peer.joined"]);
    assert.equal(headers["klight-outcome"], 'joined; reason="Joined: peer-a was joined"');
    assert.equal(lines.length, 1);
    const [line] = lines;
    assert.deepEqual(
      [line?.["outcome"], line?.["reason"], line?.["pod"], line?.["network"]],
      ["joined", "Joined", "default/peer-a", "default/net-a"],
    );
  });

  test("that is held is to come again", async (t) => {
    const { port } = await serve(t, {
      podChanged: () => Promise.resolve(held("StoreUnavailable", "Redis: no answer", {}, 3)),
    });
    const answer = await post(port, podEvent());
    assert.deepEqual([answer.status, answer.headers["retry-after"]], [503, "3"]);
    assert.equal(problemOf(answer).detail, "Redis: no answer");
  });

  test("that meets a defect is to come again, the stack is in the log, and the next one is taken", async (t) => {
    let broken = true;
    const { port, lines } = await serve(t, {
      podChanged: ({ name }) => {
        if (broken) throw new TypeError("a defect");
        return Promise.resolve(joined(name.name));
      },
    });
    const answer = await post(port, podEvent());
    assert.equal(answer.status, 409);
    assert.match(String(answer.headers["klight-outcome"]), /^held; reason="InternalError: a defect"$/u);
    const error = lines.find(({ level }) => level === "error");
    assert.match(String(error?.["error"]), /TypeError: a defect\n\s+at /u);
    broken = false;
    assert.equal((await post(port, podEvent())).status, 200);
  });

  test("that is not for klight is 204 with the reason, and nothing is called", async (t) => {
    const { port } = await serve(t);
    const { status, headers, body } = await post(port, context({ type: "com.example.order" }));
    assert.deepEqual([status, body], [204, ""]);
    assert.match(String(headers["klight-outcome"]), /^ignored; reason="NotAPodEvent: .*com\.example\.order/u);
  });
});

describe("bad input", () => {
  const binary = { "content-type": "application/json", "ce-specversion": "1.0", "ce-source": "/s" };
  const bad: readonly (readonly [string, Parameters<typeof ask>[1], RegExp])[] = [
    ["no JSON", { headers: structured, body: "" }, /^body: must be JSON, was empty$/mu],
    ["broken JSON", { headers: structured, body: '{"id":' }, /^body: must be JSON: /mu],
    ["another content type", { headers: { "content-type": "text/html" }, body: "x" }, /was "text\/html"$/mu],
    ["no content type", { body: "{}" }, /^content-type: .*was ""$/mu],
    ["no id and type", { headers: binary, body: "{}" }, /^id: .* was missing\ntype: .* was missing$/mu],
    [
      "an unknown specversion",
      { headers: { ...binary, "ce-id": "1", "ce-type": "t", "ce-specversion": "9" }, body: "{}" },
      /^specversion: must be "1\.0", was "9"$/mu,
    ],
    [
      "a pod that is not one",
      { headers: structured, body: JSON.stringify({ ...podEvent(), data: { kind: "Pod" } }) },
      /^data\.metadata: /mu,
    ],
  ];
  for (const [what, asked, problem] of bad) {
    test(`with ${what} is 400 and names it`, async (t) => {
      const { port, lines } = await serve(t);
      const answer = await ask(port, asked);
      assert.equal(answer.status, 400);
      assert.match((problemOf(answer).problems ?? []).join("\n"), problem);
      assert.match(String(answer.headers["klight-outcome"]), /^refused; reason="/u);
      assert.deepEqual(
        lines.map(({ level }) => level),
        ["warn"],
      );
    });
  }

  const limit = 4 * 2 ** 20;

  test("of exactly 4 MiB is read", async (t) => {
    const { port } = await serve(t);
    const event = JSON.stringify({ ...context({ type: "other" }), data: "" });
    const body = event.replace('"data":""', `"data":"${"x".repeat(limit - event.length)}"`);
    assert.equal(Buffer.byteLength(body), limit);
    assert.equal((await ask(port, { headers: structured, body })).status, 204);
  });

  test("that says it is over 4 MiB is 413 before any of it is sent", async (t) => {
    const { port } = await serve(t);
    const socket = connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(`POST / HTTP/1.1\r\nHost: k\r\nContent-Length: ${limit + 1}\r\n\r\n`);
    let answer = "";
    socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
    await once(socket, "end");
    assert.match(answer, /^HTTP\/1\.1 413 /u);
    assert.match(answer, /application\/problem\+json/u);
  });

  test("that turns out to be over 4 MiB is not read to its end", async (t) => {
    const { port } = await serve(t);
    const socket = connect(port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write("POST / HTTP/1.1\r\nHost: k\r\nTransfer-Encoding: chunked\r\n\r\n");
    const chunk = `10000\r\n${"x".repeat(2 ** 16)}\r\n`;
    let answer = "";
    socket.setEncoding("utf8").on("data", (part: string) => (answer += part));
    // The server hangs up while this is written; how far it came is what counts.
    socket.on("error", () => {});
    let sent = 0;
    for (; !socket.destroyed && sent < 16 * limit; sent += chunk.length) {
      if (!socket.write(chunk))
        await Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => {});
      else await new Promise(setImmediate);
    }
    assert.ok(socket.destroyed && sent < 16 * limit, `${sent} bytes were taken`);
    // A reset may overtake the answer.
    if (answer !== "") assert.match(answer, /^HTTP\/1\.1 413 /u);
  });
});

describe("a batch", () => {
  test("of good ones is 204, all done in their order", async (t) => {
    const [names, handlers] = seen({});
    const { port } = await serve(t, handlers);
    const { status, headers, body } = await postBatch(port, [podEvent("a"), podEvent("b"), podEvent("c")]);
    assert.deepEqual([status, body], [204, ""]);
    assert.equal(headers["klight-outcome"], 'joined; reason="3 joined"');
    assert.deepEqual(names, ["a", "b", "c"]);
  });

  test("with bad ones is 400 that names them by index, and the good ones are done", async (t) => {
    const [names, handlers] = seen({});
    const { port } = await serve(t, handlers);
    const answer = await postBatch(port, [podEvent("a"), 7, podEvent("b"), { ...podEvent(), id: "" }]);
    assert.equal(answer.status, 400);
    assert.deepEqual(problemOf(answer).problems, [
      "event 1: event: must be a JSON object, was a number",
      'event 3: id: must be a text that is not empty, was ""',
    ]);
    assert.deepEqual(names, ["a", "b"]);
  });

  test("with one held is 503, with bad ones too, and the others are done", async (t) => {
    const [names, handlers] = seen({ b: held("NetworkBusy", "another step", {}, 4) });
    const { port } = await serve(t, handlers);
    const { status, headers } = await postBatch(port, [7, podEvent("a"), podEvent("b"), podEvent("c")]);
    assert.deepEqual([status, headers["retry-after"]], [503, "4"]);
    assert.deepEqual(names, ["a", "b", "c"]);
  });

  test("of none is 204", async (t) => {
    const { port } = await serve(t);
    assert.equal((await postBatch(port, [])).status, 204);
  });
});

describe("a ping", () => {
  test("is 204 with what the sweep did and what it left", async (t) => {
    const { port } = await serve(t, sweeping([joined("a"), joined("b")], ["default/net-z"]));
    const { status, headers } = await post(port, ping);
    assert.equal(status, 204);
    assert.equal(headers["klight-outcome"], 'joined; reason="2 joined; not finished: default/net-z"');
  });

  test("is not sent again for a network that is held: the next sweep comes to it", async (t) => {
    const { port } = await serve(t, sweeping([held("MemberHung", "peer-b", { network: "default/net-a" })]));
    assert.equal((await post(port, ping)).status, 204);
  });

  for (const reason of ["StoreUnavailable", "ClusterUnavailable", "ClusterForbidden"] as const) {
    test(`is sent again where the sweep ended in ${reason}, which is a warning in the log`, async (t) => {
      const { port, lines } = await serve(t, sweeping([joined("a"), held(reason, "no answer")]));
      const { status, headers } = await post(port, ping);
      assert.equal(status, 503);
      assert.ok(headers["retry-after"]);
      const [line, ...more] = lines.map(({ level, message, reason: why }) => ({ level, message, why }));
      assert.deepEqual(line, { level: "warn", message: "sweep could not read everything", why: reason });
      assert.deepEqual(more, []);
    });
  }
});

describe("what else is asked", () => {
  test("networks come as JSON, and 503 says that the store could not be read", async (t) => {
    const status = {
      at: "2026-11-24T08:00:00.000Z",
      cluster: { tag: "seen" },
      podsSeenAt: "2026-11-24T08:00:00.000Z",
      networks: [],
      unplaced: [],
    } as const;
    let away = false;
    const { port } = await serve(t, {
      status: () =>
        Promise.resolve(
          away ? { tag: "failed", message: "Redis: away", at: status.at } : { tag: "status", status },
        ),
    });
    const read = await ask(port, { method: "GET", path: "/networks" });
    assert.equal(read.status, 200);
    assert.deepEqual(JSON.parse(read.body), status);
    away = true;
    const failed = await ask(port, { method: "GET", path: "/networks" });
    assert.equal(failed.status, 503);
    assert.equal(problemOf(failed).detail, "Redis: away");
  });

  const asked: readonly (readonly [string, string])[] = [
    ["/networks/default/net-a/reform", "default/net-a"],
    ["/networks/net-a/reform", "net-a"],
  ];
  for (const [path, network] of asked) {
    test(`POST ${path} asks for ${network} and is answered as an event is`, async (t) => {
      const { port } = await serve(t, {
        reform: (key) =>
          Promise.resolve({
            name: "reformed",
            reason: "Reformed",
            message: key,
            network: key,
            generation: 2,
          }),
      });
      const { status, headers, body } = await ask(port, { path });
      assert.deepEqual([status, headers["ce-type"]], [200, "dev.klight.peer.reformed"]);
      assert.equal((JSON.parse(body) as { network: string }).network, network);
    });
  }

  test("health is told at once, with no handler, and readiness ends with the process", async (t) => {
    const served = await serve(t);
    const statusOf = async (path: string): Promise<number> =>
      (await ask(served.port, { method: "GET", path })).status;
    assert.deepEqual([await statusOf("/health/liveness"), await statusOf("/health/readiness")], [200, 200]);
    served.ready = false;
    assert.deepEqual([await statusOf("/health/liveness"), await statusOf("/health/readiness")], [200, 503]);
    const late = await post(served.port, podEvent());
    assert.equal(late.status, 503);
    assert.match(String(late.headers["klight-outcome"]), /^held; reason="ShuttingDown/u);
  });

  test("another path is 404 and another method 405 that says what would do", async (t) => {
    const { port } = await serve(t);
    const nowhere = await ask(port, { method: "GET", path: "/nowhere" });
    assert.equal(nowhere.status, 404);
    assert.match(problemOf(nowhere).detail, /GET \/nowhere/u);
    const others: readonly (readonly [string, string, string])[] = [
      ["PUT", "/", "GET, HEAD, POST"],
      ["DELETE", "/networks", "GET, HEAD"],
      ["GET", "/networks/default/net-a/reform", "POST"],
      ["POST", "/health/readiness", "GET, HEAD"],
    ];
    for (const [method, path, allow] of others) {
      const answer = await ask(port, { method, path });
      assert.deepEqual([answer.status, answer.headers["allow"]], [405, allow]);
      assert.match(problemOf(answer).detail, new RegExp(method, "u"));
    }
  });

  const noNames = [
    "..%2F..%2F..%2Fpods",
    "%2e%2e%2f",
    "a%3Fb",
    "a%23b",
    "a%2Fb",
    "A_",
    "%00",
    "a%20b",
    "a%25",
  ];
  for (const name of [...noNames, "a".repeat(254)]) {
    const paths = [
      ["GET", `/why/x/${name}`],
      ["GET", `/why/${name}/x`],
      ["POST", `/networks/x/${name}/reform`],
      ["POST", `/networks/${name}/x/reform`],
      ["POST", `/networks/${name}/reform`],
    ] as const;
    test(`${name.slice(0, 20)} is no name: 404 in every path, and nothing is asked`, async (t) => {
      const { port, lines } = await serve(t);
      for (const [method, path] of paths) {
        const answer = await ask(port, { method, path });
        assert.equal(answer.status, 404, `${method} ${path}`);
        assert.equal(problemOf(answer).status, 404);
      }
      // A handler that is called is a defect here, and is logged.
      assert.deepEqual(lines, []);
    });
  }

  test("a path that cannot be decoded is 400", async (t) => {
    const { port } = await serve(t);
    assert.equal((await ask(port, { method: "GET", path: "/why/default/%E0%A4%A" })).status, 400);
  });
});
