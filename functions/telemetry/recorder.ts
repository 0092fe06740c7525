import { AsyncLocalStorage } from "node:async_hooks";
import {
  type Attributes,
  type Context,
  type Meter,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import { type AttributesOf, type MetricKey, metrics } from "./metrics.ts";

type CallMetric = "storeCalls" | "clusterCalls" | "peerCalls";

/** A call through a port. */
export interface RecordedCall<Metric extends CallMetric = CallMetric> {
  /** Name of its span. */
  readonly name: string;
  readonly metric: Metric;
  /** Of span and metric. */
  readonly attributes: AttributesOf<Metric>;
  /** Of the span alone: what has many values. */
  readonly details?: Attributes;
}

/** What a port has answered, and whether that is an error. */
export interface AnswerAttributes {
  readonly answer: string;
  readonly error?: string;
}

interface SpanAbout {
  readonly name: string;
  readonly kind?: SpanKind;
  readonly attributes?: Attributes;
  /** Of whoever caused it, from outside; absent: the span that the code runs in. */
  readonly parent?: Context;
}

/** Writes spans and metrics. What a span's code awaits knows it as its parent. */
export interface Recorder {
  span<Result>(about: SpanAbout, run: (span: Span) => Promise<Result>): Promise<Result>;
  call<Result>(
    call: RecordedCall,
    run: () => Promise<Result>,
    answerOf: (result: Result) => AnswerAttributes,
  ): Promise<Result>;
  record<Key extends MetricKey>(metric: Key, value: number, attributes: AttributesOf<Key>): void;
}

/** `gauges`: of whom gauges are, which all instances write as one. */
export function createRecorder(tracer: Tracer, meter: Meter, gauges: Meter): Recorder {
  const contexts = new AsyncLocalStorage<Context>();
  const record = recordsOf(meter, gauges);

  const span: Recorder["span"] = async ({ name, kind, attributes, parent }, run) => {
    const within = parent ?? contexts.getStore() ?? ROOT_CONTEXT;
    const started = tracer.startSpan(
      name,
      { kind: kind ?? SpanKind.INTERNAL, ...(attributes && { attributes }) },
      within,
    );
    try {
      return await contexts.run(trace.setSpan(within, started), () => run(started));
    } catch (error) {
      fail(started, error instanceof Error ? error.name : "thrown", String(error));
      throw error;
    } finally {
      started.end();
    }
  };

  return {
    span,
    record,
    call: ({ name, metric, attributes, details }, run, answerOf) =>
      span({ name, kind: SpanKind.CLIENT, attributes: { ...attributes, ...details } }, async (started) => {
        const from = performance.now();
        const took = (error?: string): void => {
          record(metric, secondsSince(from), { ...attributes, ...(error && { "error.type": error }) });
        };
        try {
          const result = await run();
          const { answer, error } = answerOf(result);
          started.setAttribute("klight.answer", answer);
          if (error !== undefined) fail(started, error);
          took(error);
          return result;
        } catch (error) {
          took("thrown");
          throw error;
        }
      }),
  };
}

export const secondsSince = (from: number): number => (performance.now() - from) / 1_000;

export function fail(span: Span, type: string, message?: string): void {
  span.setAttribute("error.type", type);
  span.setStatus({ code: SpanStatusCode.ERROR, ...(message !== undefined && { message }) });
}

function recordsOf(meter: Meter, gauges: Meter): Recorder["record"] {
  const writers = Object.values(metrics).map((metric) => {
    const { name, unit, about: description } = metric;
    if (metric.kind === "counter") {
      const counter = meter.createCounter(name, { unit, description });
      return [name, (value: number, attributes: Attributes) => counter.add(value, attributes)] as const;
    }
    if (metric.kind === "gauge") {
      const gauge = gauges.createGauge(name, { unit, description });
      return [name, (value: number, attributes: Attributes) => gauge.record(value, attributes)] as const;
    }
    const explicitBucketBoundaries = [...metric.buckets];
    const histogram = meter.createHistogram(name, {
      unit,
      description,
      advice: { explicitBucketBoundaries },
    });
    return [name, (value: number, attributes: Attributes) => histogram.record(value, attributes)] as const;
  });
  const byName = new Map<string, (value: number, attributes: Attributes) => void>(writers);
  return (metric, value, attributes) => byName.get(metrics[metric].name)?.(value, attributes);
}
