import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { asInContainer, limitMemory, residentMib, watchMemory } from "../bench/memory.ts";
import { run } from "../harness/api-server/kubelet.ts";
import { assertWhole } from "../harness/assert-whole.ts";
import type { Oddity } from "../harness/lightpeer/odd-peer.ts";
import { skipWithoutRedis } from "../harness/redis.ts";
import { type Stage, type StagePod, startStage } from "../harness/stage.ts";

/** func.yaml's. */
const LIMIT_MIB = 512;
const SOON_MS = 10_000;

const oddities: readonly Oddity[] = ["empty", "huge", "bombs", "lie"];

/** Two of each oddity in a network of each network's own; what is returned ends them. */
async function startBad({ api }: Stage): Promise<() => Promise<unknown>> {
  const each = oddities.flatMap((oddity) => [oddity, oddity]);
  const file = new URL("../harness/lightpeer/odd-peers-thread.ts", import.meta.url);
  const thread = new Worker(file, { workerData: each });
  const [addresses] = (await once(thread, "message")) as [readonly string[]];
  for (const [index, address] of addresses.entries()) {
    const name = `bad-${index}`;
    api.pods.create({
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name,
        namespace: "bad",
        labels: { "klight.networkId": each[index] ?? "" },
        annotations: { "klight.dev/port": address.split(":").at(-1) ?? "" },
      },
      spec: { containers: [{ name: "lightpeer", image: "lightpeer" }] },
    });
    run(api.pods, { namespace: "bad", name }, "127.0.0.1");
  }
  return () => thread.terminate();
}

/** Ten pods of a network start, and are in it; how long that takes, ms. */
async function startTen(stage: Stage, network: string): Promise<number> {
  const pods: StagePod[] = [];
  for (let index = 0; index < 10; index += 1)
    pods.push(await stage.addPod({ name: `${network}-${index}`, network, namespace: "shop" }));
  const from = performance.now();
  for (const pod of pods) stage.start(pod);
  const out = (): readonly string[] =>
    pods.filter((pod) => stage.condition(pod)?.status !== "True").map(({ name }) => name);
  while (out().length > 0 && performance.now() - from < 6 * SOON_MS) await sleep(50);
  const ms = Math.round(performance.now() - from);
  assert.deepEqual(out(), [], `after ${ms} ms`);
  await assertWhole(stage, pods);
  return ms;
}

describe(
  "eight pods whose peers pour out empty entries, huge ones, bombs and lies",
  { skip: skipWithoutRedis() },
  () => {
    test("cost themselves: ten new pods of another network are in soon, and the function stays within its memory", async (t) => {
      const stage = await startStage({
        env: { NODE_OPTIONS: asInContainer, KLIGHT_JOIN_TIMEOUT_MS: "30000" },
      });
      t.after(() => stage.close());
      const [klight] = stage.functions;
      assert.ok(klight);
      const memory = watchMemory(klight);
      t.after(() => {
        memory.stop();
      });
      const { pid } = klight.process;
      await limitMemory(pid, LIMIT_MIB - (await residentMib(pid)));
      const aloneMs = await startTen(stage, "alone");
      const steps: string[] = [];
      klight.onLine(({ msg, pod, reason }) => steps.push(`${String(msg)} ${String(pod)} ${String(reason)}`));
      t.after(await startBad(stage));
      // All of them are being looked at when the others come.
      const until = performance.now() + SOON_MS;
      while (!steps.some((step) => step.includes("bad/")) && performance.now() < until) await sleep(50);
      const sweeping = stage.ping();

      const ms = await startTen(stage, "good");
      assert.ok(
        ms < Math.max(SOON_MS, 3 * aloneMs),
        `after ${ms} ms, without the bad ones after ${aloneMs} ms`,
      );
      assert.ok((await sweeping).status < 300);
      assert.equal(klight.process.exitCode, null);
      assert.ok(memory.peak() < LIMIT_MIB, `${Math.round(memory.peak())} MiB`);
      t.diagnostic(
        `ten pods were in after ${ms} ms, ${aloneMs} ms without the bad ones; peak ${Math.round(memory.peak())} MiB`,
      );
    });
  },
);
