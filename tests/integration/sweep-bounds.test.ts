import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asInContainer, limitMemory, residentMib, watchMemory } from "../bench/memory.ts";
import { startLoneFunction } from "../harness/lone-function.ts";
import { skipWithoutRedis } from "../harness/redis.ts";
import { ask } from "../harness/shell-server.ts";
import { startStage } from "../harness/stage.ts";

/** func.yaml's. */
const LIMIT_MIB = 512;
const SWEEP_MS = 1_000;

describe("a sweep", () => {
  test(
    "comes to the last of many slow networks, at whatever instance, and keeps its own bound",
    { skip: skipWithoutRedis() },
    async (t) => {
      const stage = await startStage({ functions: 2, env: { KLIGHT_SWEEP_MS: String(SWEEP_MS) } });
      t.after(() => stage.close());
      const slow = await Promise.all(
        Array.from({ length: 24 }, (_, index) =>
          stage.addPod({ name: `slow-${index}`, network: `a-${index}` }),
        ),
      );
      for (const pod of slow) stage.start(pod);
      await stage.settled();
      await stage.source.stop();
      for (const { peer } of slow) peer.hang();
      const last = await stage.addPod({ name: "last", network: "z" });
      stage.start(last);
      let sweeps = 0;
      for (; stage.condition(last)?.status !== "True" && sweeps < 6; sweeps += 1) {
        const from = performance.now();
        await stage.ping(sweeps % 2);
        const ms = performance.now() - from;
        assert.ok(ms < 3 * SWEEP_MS, `a sweep took ${Math.round(ms)} ms`);
      }
      assert.equal(stage.condition(last)?.reason, "Founded", `after ${sweeps} sweeps`);
      for (const { peer } of slow) peer.wake();
    },
  );

  test("of 3,000 pods of 100 KB each stays within the function's memory", async (t) => {
    const klight = await startLoneFunction(t, { NODE_OPTIONS: asInContainer });
    const memory = watchMemory(klight);
    t.after(() => {
      memory.stop();
    });
    const { port, api } = klight;
    const note = "x".repeat(100_000);
    for (let index = 0; index < 3_000; index += 1)
      api.pods.create({
        apiVersion: "v1",
        kind: "Pod",
        metadata: {
          name: `large-${index}`,
          namespace: "large",
          labels: { "klight.networkId": `net-${index % 300}` },
          annotations: { "example.com/note": note },
        },
        spec: { containers: [{ name: "lightpeer", image: "lightpeer" }] },
      });
    const { pid } = klight.process;
    await limitMemory(pid, LIMIT_MIB - (await residentMib(pid)));
    const headers = { "content-type": "application/cloudevents+json" };
    const ping = { specversion: "1.0", id: "1", source: "/s", type: "dev.knative.sources.ping" };
    assert.equal((await ask(port, { headers, body: JSON.stringify(ping) })).status, 204);
    const { status, body } = await ask(port, { method: "GET", path: "/networks" });
    assert.equal(status, 200);
    assert.equal((JSON.parse(body) as { readonly networks: readonly unknown[] }).networks.length, 300);
    assert.ok(memory.peak() < LIMIT_MIB, `${Math.round(memory.peak())} MiB`);
    t.diagnostic(`peak ${Math.round(memory.peak())} MiB`);
  });
});
