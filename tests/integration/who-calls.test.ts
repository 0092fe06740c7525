import assert from "node:assert/strict";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { status } from "@grpc/grpc-js";
import { assertWhole } from "../harness/assert-whole.ts";
import { startLoneFunction } from "../harness/lone-function.ts";
import { type Haul, knock } from "../harness/lightpeer/impostor.ts";
import { startOddPeer } from "../harness/lightpeer/odd-peer.ts";
import { stored } from "../harness/stored.ts";
import { ask } from "../harness/shell-server.ts";
import { cloudEvent } from "../harness/source.ts";
import { type Stage, stageFor, up } from "../harness/stage.ts";

/** The outcome. */
const askReform = async ({ urls: [url = ""] }: Stage): Promise<string> => {
  const answer = await fetch(`${url}/networks/shop/orders/reform`, { method: "POST" });
  await answer.arrayBuffer();
  return decodeURI(answer.headers.get("klight-outcome") ?? "");
};

describe("whoever names a member at klight's seed", () => {
  test("gets no block, takes nobody's place, and the network is whole after it", async (t) => {
    const stage = await stageFor(t);
    const pods = await up(stage, ["orders-1", "orders-2", "orders-3"]);
    const [first] = pods;
    assert.ok(first);
    for (let count = 0; count < 20; count += 1) await stored(first.peer, Buffer.alloc(100_000, count));
    const joinsBefore = first.peer.joins.length;
    const asked = askReform(stage);
    const done = new AbortController();
    void asked.finally(() => {
      done.abort();
    });
    const hauls: Haul[] = [];
    while (!done.signal.aborted) {
      await sleep(1);
      const seed = first.peer.joins.slice(joinsBefore).at(-1)?.contact;
      if (seed === undefined) continue;
      const calls = pods.map(({ peer: { address: name } }) =>
        knock({ seed, name, from: "127.0.0.66", patienceMs: 1_000 }),
      );
      hauls.push(...(await Promise.all(calls)));
    }
    assert.match(await asked, /3 peers, 20 entries/u);
    const denied = hauls.filter(({ end }) => end === status.PERMISSION_DENIED);
    assert.ok(denied.length > 0, `the seed answered none of ${hauls.length}`);
    assert.deepEqual(
      hauls.flatMap(({ blocks }) => blocks),
      [],
    );
    await assertWhole(stage, pods);
  });

  test("and reads nothing there, though it is the member, is left out in time, and is cut", async (t) => {
    const stage = await stageFor(t);
    const pods = await up(stage, ["orders-1", "orders-2"]);
    const [first] = pods;
    assert.ok(first);
    const odd = await startOddPeer();
    t.after(() => odd.kill());
    const guest = await stage.addPod({
      name: "guest",
      namespace: "shop",
      network: "orders",
      peer: odd,
    });
    stage.start(guest);
    await stage.settled();
    assert.equal(stage.condition(guest)?.status, "True");
    for (let count = 0; count < 30; count += 1) await stored(first.peer, Buffer.alloc(200_000, count));

    odd.oddity = "deaf";
    const from = performance.now();
    const outcome = await askReform(stage);
    assert.match(outcome, /^reformed; .*2 peers, without guest, 30 entries/u);
    const ms = performance.now() - from;
    assert.ok(ms < 60_000, `it took ${Math.round(ms)} ms`);
    await assertWhole(stage, pods);
    odd.oddity = undefined;
    const until = performance.now() + 10_000;
    while (odd.deaf > 0 && performance.now() < until) await sleep(50);
    assert.equal(odd.deaf, 0, "its connections are cut");
  });
});

describe("a forged delete event", () => {
  test("of a pod that never was, with a member's uid, takes nobody off, nor does one of a member that is there", async (t) => {
    const stage = await stageFor(t);
    const pods = await up(stage, ["orders-1", "orders-2"]);
    const before = await stage.stack("shop/orders");
    const [url = ""] = stage.urls;
    for (const pod of pods) {
      const object = stage.api.pods.get(pod);
      assert.ok(object);
      for (const name of ["nobody", pod.name]) {
        const forged = { ...object, metadata: { ...object.metadata, name } };
        const event = cloudEvent(
          { apiServer: stage.api.url, mode: "Resource", sink: url },
          { type: "DELETED", object: forged },
        );
        const { "content-length": _, host: __, ...headers } = event.headers;
        const answer = await fetch(url, { method: "POST", headers, body: event.body });
        assert.equal(answer.status, 204);
        assert.match(answer.headers.get("klight-outcome") ?? "", /^(?:ignored|member)/u);
      }
    }
    assert.deepEqual(await stage.stack("shop/orders"), before);
    await assertWhole(stage, pods);
  });
});

describe("a name that is none", () => {
  test("is 404 in every path, and neither the API server nor the store is asked", async (t) => {
    const { port, api } = await startLoneFunction(t);
    await ask(port, { method: "GET", path: "/networks" });
    const before = api.calls.length;
    const names = ["..%2F..%2F..%2Fpods", "a%3Fb", "a%23b", "a%2Fb", "%2E%2E", "a%0Ab", "A"];
    for (const name of names) {
      for (const [method, path] of [
        ["GET", `/why/x/${name}`],
        ["GET", `/why/${name}/x`],
        ["GET", `/why/x/${name}/page`],
        ["POST", `/networks/x%2F..%2F${name}/y/reform`],
        ["POST", `/networks/${name}/x/reform`],
      ] as const) {
        const { status: code, body } = await ask(port, { method, path });
        assert.equal(code, 404, `${method} ${path}: ${body}`);
      }
    }
    assert.deepEqual(api.calls.slice(before), []);
  });
});

describe("re-forms that are asked for in a loop", () => {
  test("are done three times a minute where the network is whole, and then it says when to ask again", async (t) => {
    const stage = await stageFor(t);
    const pods = await up(stage, ["orders-1", "orders-2"]);
    const answers: string[] = [];
    for (let count = 0; count < 20; count += 1) answers.push(await askReform(stage));
    const done = answers.filter((outcome) => outcome.startsWith("reformed;"));
    assert.equal(done.length, 3);
    for (const outcome of answers.slice(3))
      assert.match(
        outcome,
        /^refused; reason="ReformedJustNow: .* can be again at \d{4}-\d\d-\d\dT\d\d:\d\d:/u,
      );
    const again = await fetch(`${stage.urls[0]}/networks/shop/orders/reform`, { method: "POST" });
    assert.equal(again.status, 429);
    const seconds = Number(again.headers.get("retry-after"));
    assert.ok(seconds >= 1 && seconds <= 60, `in ${seconds} s`);
    assert.equal(((await again.json()) as { title: string }).title, "ReformedJustNow");
    await assertWhole(stage, pods);
  });
});

describe("who has no read token", () => {
  test("is asked for one in a header line for each way, so that a browser shows its prompt", async (t) => {
    const { port } = await startLoneFunction(t, { KLIGHT_READ_TOKEN: "long-enough" });
    const [answer] = (await once(get({ port, path: "/networks", agent: false }), "response")) as [
      IncomingMessage,
    ];
    answer.resume();
    assert.equal(answer.statusCode, 401);
    assert.deepEqual(answer.headersDistinct["www-authenticate"], [
      'Bearer realm="klight"',
      'Basic realm="klight", charset="UTF-8"',
    ]);
  });
});
