import assert from "node:assert/strict";
import { once } from "node:events";
import { type ClientRequest, request } from "node:http";
import { connect } from "node:net";
import { describe, test, type TestContext } from "node:test";
import type { Handlers } from "../../functions/http/handlers.ts";
import type { Outcome } from "../../lib/outcome.ts";
import { startLoneFunction } from "../harness/lone-function.ts";
import { runningPod } from "../harness/pods.ts";
import { type Answer, ask, serveShell } from "../harness/shell-server.ts";

/** What one sender, who may be anybody, can make of the function. */
type Served = Awaited<ReturnType<typeof serveShell>>;

const serve = async (t: TestContext, handlers: Partial<Handlers> = {}): Promise<Served> => {
  const served = await serveShell(handlers);
  t.after(() => served.close());
  return served;
};

const structured = { "content-type": "application/cloudevents+json" };
const batch = { "content-type": "application/cloudevents-batch+json" };
const context = {
  specversion: "1.0",
  id: "1",
  source: "/s",
  type: "dev.knative.apiserver.resource.update",
} as const;
const ping = { ...context, type: "dev.knative.sources.ping" };
const podEvent = (name: string): object => ({ ...context, data: runningPod({ metadata: { name } }) });

const done = ({
  name,
}: {
  readonly name: { readonly namespace: string; readonly name: string };
}): Outcome => ({
  name: "member",
  reason: "AlreadyMember",
  message: name.name,
  pod: name,
});

/** Bytes; more is no answer that anybody reads. */
const SMALL = 10_000;

const problemsIn = ({ status, body }: Answer, expected = 400): readonly string[] => {
  assert.equal(status, expected, body.slice(0, 200));
  assert.ok(body.length < SMALL, `an answer of ${body.length} bytes`);
  return (JSON.parse(body) as { readonly problems?: readonly string[] }).problems ?? [];
};

const nested = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
const withoutEnd = 200_000;
const attributes = JSON.stringify(context).slice(1, -1);

describe("one request", () => {
  for (const [what, item] of [
    ["numbers", "1"],
    ["empty objects", "{}"],
    ["pings", JSON.stringify(ping)],
  ] as const) {
    test(`with a batch of ${what} that fills 4 MiB is 413, and none is taken`, async (t) => {
      const { port, lines } = await serve(t);
      const count = Math.floor((4 * 2 ** 20 - 2) / (item.length + 1));
      const answer = await ask(port, { headers: batch, body: `[${Array(count).fill(item).join(",")}]` });
      assert.deepEqual(problemsIn(answer, 413), []);
      assert.match(
        answer.body,
        new RegExp(`100 events \\(KLIGHT_BATCH_LIMIT\\), and this one has ${count}`, "u"),
      );
      assert.deepEqual(lines, []);
    });
  }

  test("with as many events as may be is taken, and pings among them are one sweep", async (t) => {
    let sweeps = 0;
    const taken: string[] = [];
    const { port } = await serve(t, {
      podChanged: (change) => {
        taken.push(change.name.name);
        return Promise.resolve(done(change));
      },
      sweep: () => {
        sweeps += 1;
        return Promise.resolve({ outcomes: [], unfinished: [], slow: [], seen: undefined });
      },
    });
    const events = [podEvent("first"), ...Array.from({ length: 98 }, () => ping), podEvent("last")];
    const { status, headers } = await ask(port, { headers: batch, body: JSON.stringify(events) });
    assert.deepEqual([status, sweeps, taken], [204, 1, ["first", "last"]]);
    assert.match(String(headers["klight-outcome"]), /2 member/u);
  });

  test("with 60,000 bad containers is answered with the first of them", async (t) => {
    const { port } = await serve(t);
    const data = { ...runningPod(), spec: { containers: Array.from({ length: 60_000 }, () => ({})) } };
    const answer = await ask(port, { headers: structured, body: JSON.stringify({ ...context, data }) });
    const problems = problemsIn(answer);
    assert.equal(problems[0], "data.spec.containers[0].name: expected string, received nothing");
    assert.match(problems.at(-1) ?? "", /^data\.spec\.containers: .* 59990 more are not looked at/u);
  });

  test("with 100 events of many problems each is answered with the first of them, and their count", async (t) => {
    const { port } = await serve(t);
    const data = { ...runningPod(), spec: { containers: Array.from({ length: 400 }, () => ({})) } };
    const events = Array.from({ length: 100 }, () => ({ ...context, data }));
    const problems = problemsIn(await ask(port, { headers: batch, body: JSON.stringify(events) }));
    assert.equal(problems.length, 21);
    assert.equal(problems[20], "and 1080 more");
  });

  const odd: readonly (readonly [string, string, RegExp])[] = [
    ["an id nested without end", `{"specversion":"1.0","id":${nested(withoutEnd)}}`, /nested 100 deep/u],
    [
      "a kind nested without end",
      `{${attributes},"data":{"kind":${nested(withoutEnd)}}}`,
      /nested 100 deep/u,
    ],
    ["objects nested without end", `${'{"a":'.repeat(withoutEnd)}1`, /nested 100 deep/u],
    ["an id that is a long list", `{${attributes.replace('"1"', `[${"1,".repeat(1e6)}1]`)}}`, /was a list/u],
    ["a name of 4 MB", JSON.stringify({ ...context, id: 7, source: "x".repeat(4e6) }), /^id: .* was 7$/u],
    [
      "300,000 attributes",
      `{${attributes},${Array.from({ length: 3e5 }, (_, at) => `"a${at}":1`).join(",")}}`,
      /may have 100 attributes, has 300004/u,
    ],
    [
      "data that is no base64",
      `{${attributes},"data_base64":"@@"}`,
      /^data_base64: must be base64, was "@@"$/u,
    ],
    ["data_base64 that is no text", `{${attributes},"data_base64":[1]}`, /^data_base64: .* was a list$/u],
    ["a list in structured mode", "[{}]", /must be a JSON object, was a list/u],
    ["a prototype", `{${attributes},"__proto__":{"id":"2"}}`, /__proto__/u],
  ];
  for (const [what, body, problem] of odd) {
    test(`with ${what} is 400, in few words`, async (t) => {
      const { port } = await serve(t);
      const [first = ""] = problemsIn(await ask(port, { headers: structured, body }));
      assert.match(first, problem);
    });
  }

  test("with brackets in texts is not nested", async (t) => {
    const { port } = await serve(t);
    const body = JSON.stringify({ ...context, type: "other", data: `${"[{".repeat(500)}"\\` });
    assert.equal((await ask(port, { headers: structured, body })).status, 204);
  });

  test("with a header for every byte of its head is read", async (t) => {
    const { port } = await serve(t);
    const many = Object.fromEntries(Array.from({ length: 90 }, (_, at) => [`ce-x${at}`, "\u00ff%ff%00"]));
    const head = { "ce-specversion": "1.0", "ce-id": "\u00fe", "ce-source": "/s", "ce-type": "other" };
    assert.equal((await ask(port, { headers: { ...many, ...head } })).status, 204);
  });

  test("that its sender gives up is not gone on with", async (t) => {
    const begun: string[] = [];
    let goOn = (): void => {};
    const { port } = await serve(t, {
      podChanged: async (change) => {
        begun.push(change.name.name);
        await new Promise<void>((resolve) => {
          goOn = resolve;
        });
        return done(change);
      },
    });
    const sent = request({ port, method: "POST", headers: batch });
    sent.on("error", () => {});
    sent.end(JSON.stringify(["a", "b", "c"].map(podEvent)));
    await until(() => begun.length === 1);
    sent.destroy();
    await closed(sent);
    // The function has seen it when it answers somebody who came later.
    await ask(port, { method: "GET", path: "/health/liveness" });
    goOn();
    await ask(port, { headers: batch, body: "[]" });
    assert.deepEqual(begun, ["a"]);
  });
});

/** Whatever it ended with. */
const closed = (sent: ClientRequest): Promise<void> =>
  new Promise((resolve) => {
    sent.once("close", resolve);
  });

const until = async (isSo: () => boolean): Promise<void> => {
  while (!isSo()) await new Promise(setImmediate);
};

describe("many requests at once", () => {
  /** Steps that go on when they are let, and the names of their pods in the order in which they began. */
  const stopped = async (
    t: TestContext,
  ): Promise<{ readonly port: number; readonly begun: string[]; readonly goOn: () => void }> => {
    const begun: string[] = [];
    const waiting: (() => void)[] = [];
    let open = false;
    const { port } = await serve(t, {
      podChanged: async (change) => {
        begun.push(change.name.name);
        if (!open) await new Promise<void>((resolve) => waiting.push(resolve));
        return done(change);
      },
    });
    const goOn = (): void => {
      open = true;
      for (const each of waiting.splice(0)) each();
    };
    return { port, begun, goOn };
  };

  const post = (port: number, name: string): Promise<Answer> =>
    ask(port, { headers: structured, body: JSON.stringify(podEvent(name)) });

  test("are begun in the order in which they came, 50 of them, the others when these are done", async (t) => {
    const { port, begun, goOn } = await stopped(t);
    const names = Array.from({ length: 120 }, (_, at) => `peer-${at}`);
    const answers: Promise<Answer>[] = [];
    for (const name of names) {
      answers.push(post(port, name));
      const expected = Math.min(50, answers.length);
      await until(() => begun.length === expected);
    }
    // Health is told all the same.
    assert.equal((await ask(port, { method: "GET", path: "/health/readiness" })).status, 200);
    assert.equal(begun.length, 50);
    goOn();
    const statuses = (await Promise.all(answers)).map(({ status }) => status);
    assert.deepEqual(new Set(statuses), new Set([204]));
    assert.deepEqual(begun.toSorted(byNumber), names);
    assert.deepEqual(begun.slice(0, 50), names.slice(0, 50));
  });

  const byNumber = (a: string, b: string): number => Number(a.slice(5)) - Number(b.slice(5));

  test("that their senders gave up before their turn are not begun", async (t) => {
    const { port, begun, goOn } = await stopped(t);
    const first = Array.from({ length: 50 }, (_, at) => post(port, `peer-${at}`));
    await until(() => begun.length === 50);
    const givenUp = request({ port, method: "POST", headers: structured });
    givenUp.on("error", () => {});
    givenUp.end(JSON.stringify(podEvent("given-up")));
    await once(givenUp, "finish");
    await ask(port, { method: "GET", path: "/health/liveness" });
    givenUp.destroy();
    await closed(givenUp);
    await ask(port, { method: "GET", path: "/health/liveness" });
    const late = post(port, "late");
    goOn();
    await Promise.all([...first, late]);
    assert.deepEqual(begun.slice(50), ["late"]);
  });

  test("beyond those that may wait are sent away, to come again", async (t) => {
    const { port, begun, goOn } = await stopped(t);
    const all = Array.from({ length: 1_060 }, (_, at) => post(port, `peer-${at}`));
    const busy = await Promise.race(all);
    assert.equal(busy.status, 503);
    assert.equal(busy.headers["retry-after"], "5");
    assert.match(String(busy.headers["klight-outcome"]), /^held; reason="Busy: /u);
    goOn();
    const taken = (await Promise.all(all)).filter(({ status }) => status === 204);
    assert.equal(taken.length, begun.length);
    assert.ok(taken.length >= 1_050, `${taken.length} were taken`);
  });
});

describe("the built function", () => {
  test("makes one sweep of pings that come at once", async (t) => {
    const { port, api } = await startLoneFunction(t);
    const post = (): Promise<Answer> => ask(port, { headers: structured, body: JSON.stringify(ping) });
    await post();
    const since = api.calls.length;
    api.fail({ tag: "slow", ms: 500 });
    const answers = await Promise.all(Array.from({ length: 20 }, post));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([204]));
    assert.deepEqual(api.calls.slice(since), [{ verb: "list", resource: "pods" }]);
  });

  test("keeps a connection for longer than the queue proxy does, which is 90 s", async (t) => {
    const { port } = await startLoneFunction(t);
    const kept = connect(port, "127.0.0.1");
    t.after(() => kept.destroy());
    kept.write("GET /networks HTTP/1.1\r\nHost: k\r\n\r\n");
    const [answer] = (await once(kept, "data")) as [Buffer];
    const [, seconds] = /^keep-alive: timeout=(\d+)/imu.exec(answer.toString()) ?? [];
    assert.ok(Number(seconds) > 90, answer.toString());
  });

  test("lives on after what fills a request and is no event, and answers each in few words", async (t) => {
    const { port } = await startLoneFunction(t, { KLIGHT_BATCH_LIMIT: "7" });
    const bodies = [
      `[${Array(2_000_000).fill("1").join(",")}]`,
      `[${Array(1_300_000).fill("{}").join(",")}]`,
      `[${Array(8).fill(JSON.stringify(ping)).join(",")}]`,
    ];
    const answers = await Promise.all(bodies.map((body) => ask(port, { headers: batch, body })));
    for (const answer of answers) assert.deepEqual(problemsIn(answer, 413), []);
    const data = { ...runningPod(), spec: { containers: Array.from({ length: 60_000 }, () => ({})) } };
    const bad = [
      `{"specversion":"1.0","id":${nested(withoutEnd)}}`,
      `{${attributes},"data":{"kind":${nested(withoutEnd)}}}`,
      JSON.stringify({ ...context, data }),
    ];
    for (const body of bad) problemsIn(await ask(port, { headers: structured, body }));
    assert.equal((await ask(port, { headers: structured, body: JSON.stringify(ping) })).status, 204);
  });
});
