import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { startStage, type Stage } from "../harness/stage.ts";
import { type Prometheus, startPrometheus } from "./prometheus.ts";

const binary = process.env["TEST_PROMETHEUS"] ?? "";

/** The dashboard's queries, with what Grafana puts for its variables. */
const dashboard = z
  .object({
    panels: z.array(
      z.object({ title: z.string(), targets: z.array(z.object({ expr: z.string() })).default([]) }),
    ),
  })
  .parse(JSON.parse(readFileSync(resolve(import.meta.dirname, "../../docs/dashboards/klight.json"), "utf8")));
const queries = dashboard.panels.flatMap(({ title, targets }) =>
  targets.map(({ expr }) => ({
    title,
    expr: expr.replaceAll("$job", ".+").replaceAll(/\$__(?:rate_interval|range)\b/gu, "10m"),
  })),
);

/** Panels of what does not happen here. */
const nothingHappens = new Set([
  "Held",
  "Held, by reason",
  // All are in at the end.
  "Pods not in, by reason",
  "Refused and unreadable, by reason",
  "Broken networks mended",
  "Re-forms that did not end whole",
  "Store: errors",
  "API server: errors",
  "Lightpeers: errors",
]);

/** A way of the docs: flags of Prometheus, and what the function is told. */
interface Way {
  readonly name: string;
  readonly flags: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

const receiver = "--web.enable-otlp-receiver";
const cumulative = { OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "cumulative" };
const zero = "created-timestamp-zero-ingestion";

const works: readonly Way[] = [
  {
    name: "deltas, added up by Prometheus",
    flags: [receiver, `--enable-feature=otlp-deltatocumulative,${zero}`],
  },
  { name: "a series for each instance", flags: [receiver, `--enable-feature=${zero}`], env: cumulative },
];

/** What the gauges are asked for, as the rules do it. */
const now = (metric: string): string => `sum(last_over_time(${metric}[20m]))`;

const valueOf = async (prometheus: Prometheus, expr: string): Promise<number | undefined> =>
  (await prometheus.query(expr))[0]?.value;

interface World {
  readonly prometheus: Prometheus;
  readonly stage: Stage;
}

/** Three instances, each of which lives for some seconds and sends what it has counted when it ends. */
async function worldOf({ flags, env = {} }: Way): Promise<World> {
  const prometheus = await startPrometheus(binary, flags);
  const stage = await startStage({
    functions: 3,
    env: { OTEL_EXPORTER_OTLP_ENDPOINT: prometheus.otlp, OTEL_TRACES_EXPORTER: "none", ...env },
  });
  return { prometheus, stage };
}

const close = async ({ prometheus, stage }: World): Promise<void> => {
  await stage.close();
  await prometheus.stop();
};

const ping = async (stage: Stage, to: number): Promise<number> => {
  const headers = {
    "ce-id": crypto.randomUUID(),
    "ce-source": "/apis/v1/namespaces/klight/pingsources/sweep",
    "ce-type": "dev.knative.sources.ping",
    "ce-specversion": "1.0",
  };
  const { status } = await fetch(stage.urls[to] ?? "", { method: "POST", headers });
  return status;
};

const stop = async (stage: Stage, which: number): Promise<void> => {
  const running = stage.functions[which];
  running?.process.kill("SIGTERM");
  await running?.ended;
};

/** The first instance founds a network, joins two peers and re-forms it. */
async function firstLife(stage: Stage): Promise<void> {
  for (const name of ["a", "b", "c"]) {
    stage.start(await stage.addPod({ name, network: "seen" }));
    await stage.settled();
  }
  const reform = await fetch(`${stage.urls[0]}/networks/default/seen/reform`, { method: "POST" });
  assert.match(reform.headers.get("klight-outcome") ?? "", /^reformed;/u);
  await stop(stage, 0);
}

const bad = { namespace: "default", name: "wrong" };

/** The second one sweeps, and finds a pod that waits for somebody. */
async function secondLife(stage: Stage): Promise<void> {
  stage.api.pods.create(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        ...bad,
        labels: { "klight.networkId": "seen" },
        annotations: { "klight.dev/port": "http" },
      },
      spec: { containers: [{ name: "lightpeer", image: "lightpeer" }] },
    },
    bad.namespace,
  );
  assert.equal(await ping(stage, 1), 204);
  await stop(stage, 1);
}

/** The third one sweeps when it has been put right. */
async function thirdLife(stage: Stage): Promise<void> {
  stage.api.pods.remove(bad);
  assert.equal(await ping(stage, 2), 204);
  await stop(stage, 2);
}

const eventually = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  const until = performance.now() + 20_000;
  while (!(await isSo())) {
    assert.ok(performance.now() < until, what);
    await sleep(250);
  }
};

for (const way of works) {
  describe(`a real Prometheus, ${way.name}`, () => {
    let world: World;
    before(async () => {
      world = await worldOf(way);
      await firstLife(world.stage);
    });
    after(() => close(world));

    test("knows what happened in an instance that is gone", async () => {
      const { prometheus } = world;
      const counted = async (expr: string): Promise<number> =>
        Math.round((await valueOf(prometheus, `sum(${expr})`)) ?? 0);
      assert.equal(await counted('klight_outcomes_total{klight_outcome="founded"}'), 1);
      assert.equal(await counted('klight_reform_duration_seconds_count{klight_reform_cause="asked-for"}'), 1);
      const joined = await valueOf(
        prometheus,
        'sum(increase(klight_outcomes_total{klight_step_kind="pod",klight_outcome=~"founded|joined|reformed"}[10m]))',
      );
      assert.ok(joined !== undefined && joined >= 2.5, `${joined} peers have come in, and 3 had`);
    });

    test("shows a pod in need after the next sweep, and no more after the one that sees it mended", async () => {
      const { prometheus, stage } = world;
      await secondLife(stage);
      assert.equal(await valueOf(prometheus, now('klight_pods_need_help{klight_reason="BadPort"}')), 1);
      assert.equal(await valueOf(prometheus, now("klight_peers_in")), 3);
      assert.equal(await valueOf(prometheus, now('klight_networks{klight_level="help"}')), 1);
      await eventually("KlightPodNotIn fires", async () =>
        (await prometheus.firing()).includes("KlightPodNotIn"),
      );
      await thirdLife(stage);
      assert.equal(await valueOf(prometheus, now("klight_pods_need_help")), 0);
      assert.equal(await valueOf(prometheus, now('klight_networks{klight_level="well"}')), 1);
      await eventually("all alerts are silent again", async () => (await prometheus.firing()).length === 0);
    });

    test("has one series of each gauge, whichever instance wrote it", async () => {
      const series = await world.prometheus.query("count by (job) (last_over_time(klight_peers_in[20m]))");
      assert.deepEqual(
        series.map(({ value }) => value),
        [1],
      );
    });

    for (const { title, expr } of queries) {
      test(`answers the dashboard: ${title}, ${expr.slice(0, 70)}`, async () => {
        const found = await world.prometheus.query(expr);
        if (nothingHappens.has(title)) return;
        assert.ok(found.length > 0, `${expr} is empty`);
        assert.ok(
          found.every(({ value }) => Number.isFinite(value)),
          JSON.stringify(found),
        );
      });
    }
  });
}

describe("a real Prometheus in other ways", () => {
  const seenIn = async (way: Way): Promise<{ readonly gauges: boolean; readonly joined: number }> => {
    const world = await worldOf(way);
    try {
      await firstLife(world.stage);
      await secondLife(world.stage);
      const gauges = (await valueOf(world.prometheus, now("klight_peers_in"))) === 3;
      const joined = await valueOf(
        world.prometheus,
        'sum(increase(klight_outcomes_total{klight_outcome=~"founded|joined"}[10m]))',
      );
      return { gauges, joined: joined ?? 0 };
    } finally {
      await close(world);
    }
  };

  test("that may not take deltas takes nothing of what comes with them", async () => {
    assert.deepEqual(await seenIn({ name: "plain", flags: [receiver] }), { gauges: false, joined: 0 });
  });

  test("without its zero at the start has gauges and misses what an instance counted before its first export", async () => {
    const found = await seenIn({ name: "cumulative", flags: [receiver], env: cumulative });
    assert.deepEqual(found, { gauges: true, joined: 0 });
  });

  test("that adds deltas up without a zero at the start has gauges and misses the first export of each", async () => {
    const flags = [receiver, "--enable-feature=otlp-deltatocumulative"];
    assert.deepEqual(await seenIn({ name: "added up", flags }), { gauges: true, joined: 0 });
  });

  test("that stores deltas as they come has gauges, and queries that add up differently", async () => {
    const found = await seenIn({
      name: "native",
      flags: [receiver, "--enable-feature=otlp-native-delta-ingestion"],
    });
    assert.deepEqual(found, { gauges: true, joined: 0 });
  });
});
