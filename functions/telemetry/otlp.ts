import { randomUUID } from "node:crypto";
import { type Attributes, createNoopMeter, type Meter, trace, type Tracer } from "@opentelemetry/api";
import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-proto";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  detectResources,
  envDetector,
  type Resource,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  AggregationTemporality,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { BasicTracerProvider, BatchSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { systemClock, within } from "../../lib/clock.ts";
import type { Config } from "../../lib/config.ts";
import type { Log } from "../../lib/log.ts";
import { reporting } from "./export-report.ts";
import { createRecorder } from "./recorder.ts";
import type { Telemetry } from "./telemetry.ts";
import { watchDeps } from "./watch-deps.ts";
import { watchSteps } from "./watch-step.ts";

/**
 * The last export at the end of the process may take so long, ms. Knative leaves it more, but a process that waits for
 * a collector that is away holds a place in the cluster for nothing.
 */
const FLUSH_MS = 3_000;

/** One signal: where it is written to, and how what is waiting is sent. */
interface Signal<Writer> {
  readonly writer: Writer;
  readonly flush: () => Promise<void>;
}

/**
 * Traces and metrics over OTLP. The exporters read `OTEL_EXPORTER_OTLP_*` (headers, certificates, timeout, an endpoint for
 * one signal), `OTEL_TRACES_SAMPLER` and `OTEL_BSP_*` themselves, as their specification says; klight reads only what it acts on.
 * Nothing is registered globally.
 */
export function startTelemetry(config: Config, log: Log): Telemetry {
  const traces = config.OTEL_TRACES_EXPORTER === "otlp" ? startTraces(config, log) : undefined;
  const numbers = config.OTEL_METRICS_EXPORTER === "otlp" ? startMetrics(config, log) : undefined;
  const signals = [traces, numbers].filter((signal) => signal !== undefined);
  const tracer = traces?.writer ?? trace.getTracer("klight");
  const none = createNoopMeter();
  const { meter = none, gauges = none } = numbers?.writer ?? {};
  const recorder = createRecorder(tracer, meter, gauges);
  recorder.record("coldStarts", 1, {});
  return {
    watch: watchDeps(recorder, config),
    step: watchSteps(recorder),
    flush: () =>
      sentWithin(
        FLUSH_MS,
        signals.map(({ flush }) => flush()),
        log,
      ),
  };
}

function startTraces(config: Config, log: Log): Signal<Tracer> {
  const exporter = reporting(new OTLPTraceExporter(), "traces", log);
  const resource = resourceOf(config, instance());
  const provider = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter)] });
  return {
    writer: provider.getTracer("klight"),
    flush: async () => {
      await provider.forceFlush();
      // An export that was under way is not the provider's any more.
      await exporter.forceFlush();
    },
  };
}

/**
 * With `delta` all instances write one series, which whoever stores it adds up: an instance lives for a minute, and a
 * series of its own would begin and end before a rate could be taken of it. Gauges are written so in any case, and once
 * for each sweep: what the last sweep saw holds, whichever instance it was in, and no older one says it again.
 */
function startMetrics(config: Config, log: Log): Signal<{ readonly meter: Meter; readonly gauges: Meter }> {
  const shared = startMeter(resourceOf(config, {}), AggregationTemporality.DELTA);
  if (config.OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE === "delta") {
    return { writer: { meter: shared.writer, gauges: shared.writer }, flush: shared.flush };
  }
  const own = startMeter(resourceOf(config, instance()));
  return {
    writer: { meter: own.writer, gauges: shared.writer },
    flush: async () => {
      await Promise.all([own.flush(), shared.flush()]);
    },
  };

  /** Without a temporality the exporter reads the variable itself. */
  function startMeter(resource: Resource, temporalityPreference?: AggregationTemporality): Signal<Meter> {
    const exporter = new OTLPMetricExporter(
      temporalityPreference === undefined ? {} : { temporalityPreference },
    );
    const reader = new PeriodicExportingMetricReader({
      exporter: reporting(exporter, "metrics", log),
      exportIntervalMillis: config.OTEL_METRIC_EXPORT_INTERVAL,
    });
    const provider = new MeterProvider({ resource, readers: [reader] });
    return { writer: provider.getMeter("klight"), flush: () => provider.forceFlush() };
  }
}

const instance = (): Attributes => ({ "service.instance.id": randomUUID() });

/** `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` go before what klight says of itself. */
function resourceOf({ K_SERVICE: service, K_REVISION: revision }: Config, more: Attributes): Resource {
  const own = resourceFromAttributes({
    "service.name": "klight",
    ...(service !== undefined && { "faas.name": service }),
    ...(revision !== undefined && { "faas.version": revision }),
    ...more,
  });
  return own.merge(detectResources({ detectors: [envDetector] }));
}

/** Waits for all of it, but no longer than so long, and says so where that was too short. */
async function sentWithin(ms: number, sent: readonly Promise<void>[], log: Log): Promise<void> {
  const end = await within(systemClock, ms, Promise.allSettled(sent));
  if (end === "late") log.warn({ ms }, "traces and metrics were not sent in time");
}
