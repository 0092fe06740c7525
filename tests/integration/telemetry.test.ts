import assert from "node:assert/strict";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { describe, test, type TestContext } from "node:test";
import { metrics } from "../../functions/telemetry/metrics.ts";
import type { FunctionProcess } from "../harness/function-process.ts";
import { startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { type Collector, startCollector } from "../harness/otlp/collector.ts";
import type { Span } from "../harness/otlp/decode.ts";
import { type LoneFunction, startLoneFunction } from "../harness/lone-function.ts";
import { skipWithoutRedis } from "../harness/redis.ts";
import { type Answer, ask } from "../harness/shell-server.ts";
import { startStage } from "../harness/stage.ts";

type Env = Readonly<Record<string, string>>;

const collecting = async (t: TestContext): Promise<Collector> => {
  const collector = await startCollector();
  t.after(() => collector.close());
  return collector;
};

const peerPort = async (t: TestContext): Promise<number> => {
  const peer = await startGrpcPeer();
  t.after(() => peer.kill());
  return Number(/\d+$/u.exec(peer.address)?.[0]);
};

/** A port at which nobody listens. */
const closedPort = async (): Promise<number> => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
};

/** Posts the event of a pod whose peer is at that port. */
const postPod = ({ port, pod }: LoneFunction, peer: number, headers: Env = {}): Promise<Answer> =>
  ask(port, {
    headers: {
      "content-type": "application/json",
      "ce-specversion": "1.0",
      "ce-id": "event-1",
      "ce-source": "https://10.96.0.1:443",
      "ce-type": "dev.knative.apiserver.resource.update",
      ...headers,
    },
    body: JSON.stringify(pod(peer)),
  });

const stop = async ({ process, ended }: FunctionProcess): Promise<{ code: number | null; ms: number }> => {
  const from = performance.now();
  process.kill("SIGTERM");
  const { code } = await ended;
  return { code, ms: performance.now() - from };
};

const childrenOf = (spans: readonly Span[], { spanId }: Span): readonly Span[] =>
  spans.filter(({ parentSpanId }) => parentSpanId === spanId);
const namesOf = (spans: readonly Span[]): readonly string[] => spans.map(({ name }) => name).toSorted();
const byTime = (a: Span, b: Span): number => Number(a.startNs - b.startNs);

const trace = { id: "4bf92f3577b34da6a3ce929d0e0e4736", sender: "00f067aa0ba902b7" };
const traced = { "ce-traceparent": `00-${trace.id}-${trace.sender}-01`, "ce-tracestate": "vendor=a-b" };

describe("a step that is traced", () => {
  test("is a child of the event's sender and the parent of its calls, and the reply names it", async (t) => {
    const collector = await collecting(t);
    const run = await startLoneFunction(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      K_REVISION: "klight-00007",
    });
    const answer = await postPod(run, await peerPort(t), traced);
    assert.match(String(answer.headers["klight-outcome"]), /^founded;/u);
    assert.equal((await stop(run)).code, 0);

    const [step, ...others] = collector.spans.filter(({ parentSpanId }) => parentSpanId === trace.sender);
    assert.ok(step);
    assert.deepEqual(others, []);
    assert.ok(collector.spans.every(({ traceId }) => traceId === trace.id));
    assert.equal(step.name, "CloudEvents Process dev.knative.apiserver.resource.update");
    assert.equal(step.kind, 5);
    assert.equal(step.status, 0);
    const expected = {
      "cloudevents.event_id": "event-1",
      "cloudevents.event_source": "https://10.96.0.1:443",
      "klight.outcome": "founded",
      "klight.reason": "Founded",
      "klight.network": "default/net-a",
      "k8s.namespace.name": "default",
      "k8s.pod.name": "peer-a",
      "faas.trigger": "pubsub",
      "faas.coldstart": true,
    };
    for (const [name, value] of Object.entries(expected)) assert.equal(step.attributes[name], value, name);

    const [inNetwork, ...more] = childrenOf(collector.spans, step);
    assert.ok(inNetwork);
    assert.deepEqual(more, []);
    assert.deepEqual(inNetwork.events, ["turn has come"]);
    assert.deepEqual(namesOf(childrenOf(collector.spans, inNetwork)), [
      "EVALSHA begin",
      "EVALSHA commit",
      "Lightpeer/JoinNetwork",
      "Lightpeer/NotifyNewBlock",
      "create events",
      "grpc.health.v1.Health/Check",
      "list pods",
      "list pods",
      "patch pods/status",
    ]);
    for (const call of childrenOf(collector.spans, inNetwork)) {
      assert.equal(call.kind, 3);
      assert.ok(call.startNs >= step.startNs && call.endNs <= step.endNs, `${call.name} is within the step`);
    }

    assert.equal(answer.headers["ce-traceparent"], `00-${trace.id}-${step.spanId}-01`);
    assert.equal(answer.headers["ce-tracestate"], "vendor=a-b");
    assert.equal(step.traceState, "vendor=a-b");
    const line = await run.logged("event done");
    assert.equal(line["traceparent"], answer.headers["ce-traceparent"]);
    assert.equal(step.resource["service.name"], "klight");
    assert.equal(step.resource["faas.version"], "klight-00007");
  });

  test("of an event without a trace begins one", async (t) => {
    const collector = await collecting(t);
    const run = await startLoneFunction(t, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const answer = await postPod(run, await peerPort(t));
    await stop(run);
    const roots = collector.spans.filter(({ parentSpanId }) => parentSpanId === "");
    assert.equal(roots.length, 1);
    assert.equal(answer.headers["ce-traceparent"], `00-${roots[0]?.traceId}-${roots[0]?.spanId}-01`);
  });

  test("whose sender does not sample it is not sent, and counted all the same", async (t) => {
    const collector = await collecting(t);
    const run = await startLoneFunction(t, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const unsampled = { "ce-traceparent": `00-${trace.id}-${trace.sender}-00` };
    const answer = await postPod(run, await peerPort(t), unsampled);
    await stop(run);
    assert.deepEqual(collector.spans, []);
    assert.equal(collector.total("klight.outcomes", { "klight.outcome": "founded" }), 1);
    assert.match(
      String(answer.headers["ce-traceparent"]),
      new RegExp(`^00-${trace.id}-[0-9a-f]{16}-00$`, "u"),
    );
  });

  test("and is held shows which peer did not answer, and is no error itself", async (t) => {
    const collector = await collecting(t);
    const run = await startLoneFunction(t, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    const answer = await postPod(run, await closedPort());
    assert.equal(answer.status, 409);
    await stop(run);
    const step = collector.spans.find(({ parentSpanId }) => parentSpanId === "");
    const probe = collector.spans.find(({ name }) => name === "grpc.health.v1.Health/Check");
    assert.equal(step?.attributes["klight.outcome"], "held");
    assert.equal(step?.status, 0);
    assert.equal(probe?.status, 2);
    assert.equal(probe?.attributes["error.type"], "refused");
    const reason = String(step?.attributes["klight.reason"]);
    assert.equal(
      collector.total("klight.outcomes", { "klight.outcome": "held", "klight.reason": reason }),
      1,
    );
    assert.equal(collector.total("rpc.client.call.duration", { "error.type": "refused" }) > 0, true);
  });
});

describe("what is counted", { skip: skipWithoutRedis() }, () => {
  test("is what happened: joins, a re-form with its cause, a sweep, and every call", async (t) => {
    const collector = await collecting(t);
    const stage = await startStage({
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_SERVICE_NAME: "klight-test",
        OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test",
        OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer%20token",
        OTEL_EXPORTER_OTLP_COMPRESSION: "gzip",
      },
    });
    t.after(() => stage.close());
    const pods = await Promise.all(
      ["a", "b", "c", "d"].map((name) => stage.addPod({ name, network: "counted" })),
    );
    // All at once, past the Broker: they wait for each other in one queue.
    await stage.settled();
    for (const pod of pods) stage.start(pod);
    const [only] = stage.functions;
    assert.ok(only);
    await Promise.all([...pods.map((pod) => stage.post(pod)), stage.settled()]);
    const url = stage.urls[0] ?? "";
    const reform = await fetch(`${url}/networks/default/counted/reform`, { method: "POST" });
    assert.match(reform.headers.get("klight-outcome") ?? "", /^reformed;/u);
    assert.equal((await ask(Number(new URL(url).port), { headers: { "ce-id": "x" }, body: "" })).status, 400);
    assert.equal((await stage.ping()).status, 204);
    const { code } = await stop(only);
    assert.equal(code, 0);

    const outcomes = (name: string, kind = "pod"): number =>
      collector.total("klight.outcomes", { "klight.step.kind": kind, "klight.outcome": name });
    assert.equal(outcomes("founded"), 1);
    assert.equal(outcomes("joined") + outcomes("reformed"), 3);
    assert.equal(outcomes("reformed", "reform"), 1);
    assert.equal(outcomes("invalid", "unreadable"), 1);
    assert.equal(collector.total("klight.step.duration", { "klight.step.kind": "sweep" }), 1);
    const asked = { "klight.reform.end": "whole", "klight.reform.cause": "asked-for" };
    assert.equal(collector.total("klight.reform.duration", asked), 1);
    assert.equal(
      collector.total("klight.reform.refused.duration"),
      collector.total("klight.reform.duration", { "klight.reform.end": "whole" }),
    );
    assert.equal(
      collector.total("klight.join.duration", { "klight.join.end": "joined" }),
      outcomes("joined"),
    );
    assert.equal(collector.total("faas.coldstarts"), 1);
    // How all of it stands after the sweep.
    assert.equal(collector.last("klight.networks", { "klight.level": "well" }), 1);
    assert.equal(collector.last("klight.networks", { "klight.level": "help" }), 0);
    assert.equal(collector.last("klight.peers.in"), 4);
    assert.equal(collector.total("klight.pods.not_in"), 0);
    assert.equal(collector.last("klight.blind", { "klight.reason": "StoreUnavailable" }), 0);
    assert.ok(Date.now() / 1_000 - (collector.last("klight.sweep.last") ?? 0) < 60);
    // As many calls as there are spans of them.
    const spansOf = (attribute: string): number =>
      collector.spans.filter(({ kind, attributes }) => kind === 3 && attribute in attributes).length;
    assert.equal(collector.total("db.client.operation.duration"), spansOf("db.operation.name"));
    assert.equal(collector.total("klight.cluster.call.duration"), spansOf("klight.cluster.call"));
    assert.equal(collector.total("rpc.client.call.duration"), spansOf("rpc.method"));
    assert.ok(spansOf("rpc.method") > 10);

    // The table in code says all of it, and its buckets are those that are sent.
    const known = new Map<string, (typeof metrics)[keyof typeof metrics]>(
      Object.values(metrics).map((metric) => [metric.name, metric]),
    );
    assert.deepEqual(new Set(collector.points.map(({ metric }) => metric)), new Set(known.keys()));
    for (const point of collector.points) {
      const metric = known.get(point.metric);
      assert.ok(metric);
      assert.equal(point.unit, metric.unit);
      assert.equal(point.temporality, metric.kind === "gauge" ? 0 : 1);
      const attributes: readonly string[] = metric.attributes;
      assert.deepEqual(
        Object.keys(point.attributes).filter((name) => !attributes.includes(name)),
        [],
        metric.name,
      );
      assert.equal(point.kind, metric.kind === "counter" ? "sum" : metric.kind, metric.name);
      if (metric.kind !== "histogram") continue;
      assert.deepEqual(point.bounds, metric.buckets);
      assert.equal(
        point.bucketCounts.reduce((sum, count) => sum + count, 0),
        point.value,
      );
    }

    // Each step has its own calls below it, though one queue has run them all.
    const byId = new Map(collector.spans.map((span) => [span.spanId, span]));
    const rootOf = (span: Span): Span => {
      const parent = byId.get(span.parentSpanId);
      return parent ? rootOf(parent) : span;
    };
    const joins = collector.spans.filter(
      (span) =>
        span.name === "Lightpeer/JoinNetwork" &&
        !("klight.question" in span.attributes) &&
        rootOf(span).attributes["klight.outcome"] === "joined",
    );
    assert.equal(joins.length, outcomes("joined"));
    for (const join of joins) {
      const pod = pods.find(({ name }) => name === rootOf(join).attributes["k8s.pod.name"]);
      assert.equal(
        pod?.peer.address,
        `${join.attributes["server.address"]}:${join.attributes["server.port"]}`,
      );
    }
    for (const span of collector.spans.filter(({ name }) => name === "step in network")) {
      const names = childrenOf(collector.spans, span)
        .toSorted(byTime)
        .map(({ name }) => name);
      // On a busy machine a turn may not come in time, and the event comes again.
      if (!span.events.includes("turn has come")) continue;
      assert.equal(names[0], "EVALSHA begin");
      assert.equal(names.filter((name) => name === "EVALSHA commit").length <= 1, true);
      assert.notEqual(span.parentSpanId, "");
    }

    assert.deepEqual(collector.points[0]?.resource, {
      "service.name": "klight-test",
      "deployment.environment.name": "test",
    });
    for (const { headers } of collector.requests) {
      assert.equal(headers.authorization, "Bearer token");
      assert.equal(headers["content-encoding"], "gzip");
      assert.equal(headers["content-type"], "application/x-protobuf");
    }
  });
});

describe("the variables of OpenTelemetry", () => {
  const ping = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/s",
    "ce-type": "dev.knative.sources.ping",
  };

  test("cumulative metrics come with an instance each, and more than once", async (t) => {
    const collector = await collecting(t);
    const run = await startLoneFunction(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "cumulative",
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_TRACES_EXPORTER: "none",
    });
    const answer = await postPod(run, await peerPort(t), traced);
    assert.equal(answer.headers["ce-traceparent"], traced["ce-traceparent"]);
    while (collector.requests.length === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    await stop(run);
    assert.deepEqual(collector.spans, []);
    assert.deepEqual(new Set(collector.requests.map(({ path }) => path)), new Set(["/v1/metrics"]));
    assert.ok(collector.requests.length > 1);
    const points = collector.points.filter(({ kind }) => kind !== "gauge");
    assert.ok(points.length > 0);
    for (const { temporality, resource } of points) {
      assert.equal(temporality, 2);
      assert.match(String(resource["service.instance.id"]), /^[\da-f-]{36}$/u);
    }
  });

  test("gauges come once for each sweep and of no instance, with cumulative metrics too", async (t) => {
    const collector = await collecting(t);
    const run = await startLoneFunction(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "cumulative",
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_TRACES_EXPORTER: "none",
    });
    await ask(run.port, { headers: ping });
    while (new Set(collector.points.map(({ atNs }) => atNs)).size < 3) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    await stop(run);
    const gauges = collector.points.filter(({ kind }) => kind === "gauge");
    assert.equal(gauges.filter(({ metric }) => metric === "klight.peers.in").length, 1);
    assert.ok(gauges.every(({ resource }) => !("service.instance.id" in resource)));
  });

  test("an endpoint for one signal is where that one goes", async (t) => {
    const [general, own] = [await collecting(t), await collecting(t)];
    const run = await startLoneFunction(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: general.url,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${own.url}/v1/traces`,
    });
    await ask(run.port, { headers: ping });
    await stop(run);
    assert.deepEqual(new Set(general.requests.map(({ path }) => path)), new Set(["/v1/metrics"]));
    assert.deepEqual(new Set(own.requests.map(({ path }) => path)), new Set(["/v1/traces"]));
  });

  test("nothing is sent where it is disabled, and a trace goes on through klight", async (t) => {
    const collector = await collecting(t);
    const run = await startLoneFunction(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_SDK_DISABLED: "true",
    });
    const answer = await postPod(run, await peerPort(t), traced);
    assert.equal(answer.headers["ce-traceparent"], traced["ce-traceparent"]);
    assert.equal(answer.headers["ce-tracestate"], traced["ce-tracestate"]);
    await stop(run);
    assert.deepEqual(collector.requests, []);
  });
});

describe("a collector that does not take it", () => {
  /** Between the bound of the last export, 3 s, and any other that there is: the exporter's own is 10 s. */
  const BOUND_MS = 7_000;

  const warningsOf = async ({ ended }: FunctionProcess): Promise<readonly Record<string, unknown>[]> =>
    (await ended).stdout
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter(({ level, msg }) => level === "warn" && msg !== "event held");

  test("and hangs delays no step, and the end no longer than its bound", async (t) => {
    const collector = await collecting(t);
    collector.mood = "hang";
    const run = await startLoneFunction(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    });
    const peer = await peerPort(t);
    await postPod(run, peer);
    while (collector.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 20));
    // Traces and metrics hang by now.
    const from = performance.now();
    assert.equal((await postPod(run, peer)).status, 204);
    assert.ok(performance.now() - from < 2_000);
    const { code, ms } = await stop(run);
    assert.equal(code, 0);
    assert.ok(ms < BOUND_MS, `${ms} ms`);
    assert.deepEqual(
      (await warningsOf(run)).map(({ msg }) => msg),
      ["traces and metrics were not sent in time"],
    );
  });

  test("and is away is told of once in the log for each signal, without its secrets", async (t) => {
    const run = await startLoneFunction(t, {
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${await closedPort()}`,
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=hush",
      OTEL_EXPORTER_OTLP_TIMEOUT: "500",
      OTEL_METRIC_EXPORT_INTERVAL: "1000",
      OTEL_BSP_SCHEDULE_DELAY: "50",
    });
    const peer = await peerPort(t);
    assert.match(String((await postPod(run, peer)).headers["klight-outcome"]), /^founded/u);
    await run.logged("the collector does not take it");
    assert.equal((await postPod(run, peer)).status, 204);
    const { code, ms } = await stop(run);
    assert.equal(code, 0);
    assert.ok(ms < BOUND_MS, `${ms} ms`);
    const warnings = await warningsOf(run);
    assert.equal(warnings.length, 2);
    assert.deepEqual(new Set(warnings.map(({ signal }) => signal)), new Set(["metrics", "traces"]));
    assert.doesNotMatch((await run.ended).stdout.join(), /hush/u);
  });

  test("ends at a second SIGTERM while the last export waits", async (t) => {
    const collector = await collecting(t);
    collector.mood = "hang";
    const run = await startLoneFunction(t, { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url });
    await postPod(run, await peerPort(t));
    run.process.kill("SIGTERM");
    while (collector.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
    run.process.kill("SIGTERM");
    assert.equal((await run.ended).code, 143);
  });
});
