import {
  type Attributes,
  type Context,
  createTraceState,
  isSpanContextValid,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  trace,
} from "@opentelemetry/api";
import type { Outcome } from "../../lib/outcome.ts";
import type { TraceContext } from "../events/trace-context.ts";
import { systemClock } from "../../lib/clock.ts";
import { recordCensus } from "./census.ts";
import { fail, type Recorder, secondsSince } from "./recorder.ts";
import type { StepAbout, StepEnd, Stepped, Telemetry } from "./telemetry.ts";

/** Each step: its span, below the one of whoever sent the event; its time; a count for each outcome. */
export function watchSteps(recorder: Recorder): Telemetry["step"] {
  let isFirst = true;
  return (about, run) => {
    const attributes = { ...attributesOf(about), "faas.coldstart": isFirst };
    isFirst = false;
    const parent = about.trace ? contextOf(about.trace) : ROOT_CONTEXT;
    const span = { name: nameOf(about), kind: spanKindOf(about), attributes, parent };
    return recorder.span(span, async (started) => {
      const from = performance.now();
      const end = await run();
      recordStep(recorder, about.kind, end, secondsSince(from));
      started.setAttributes(endAttributes(end));
      markDefect(started, end);
      const own = started.spanContext();
      // Without traces there is no span of its own, and the sender's goes on.
      return { end, ...traced(isSpanContextValid(own) ? traceContextOf(own) : about.trace) };
    });
  };
}

const traced = (context: TraceContext | undefined): Pick<Stepped<StepEnd>, "trace"> =>
  context ? { trace: context } : {};

const spanKindOf = ({ kind }: StepAbout): SpanKind =>
  kind === "reform" ? SpanKind.SERVER : SpanKind.CONSUMER;

/** As the conventions name a span that handles a CloudEvent, or an HTTP request. */
const nameOf = ({ kind, origin }: StepAbout): string => {
  if (kind === "reform") return "POST /networks/{network}/reform";
  return origin && kind !== "other" ? `CloudEvents Process ${origin.type}` : "CloudEvents Process";
};

const triggers = { pod: "pubsub", other: "pubsub", unreadable: "pubsub", sweep: "timer", reform: "http" };

const attributesOf = ({ kind, origin, network }: StepAbout): Attributes => ({
  "klight.step.kind": kind,
  "faas.trigger": triggers[kind],
  ...(network !== undefined && { "klight.network": network }),
  ...(kind === "reform" && {
    "http.request.method": "POST",
    "http.route": "/networks/{network}/reform",
  }),
  ...(origin && {
    "cloudevents.event_id": origin.id,
    "cloudevents.event_source": origin.source,
    "cloudevents.event_type": origin.type,
    "cloudevents.event_spec_version": "1.0",
    ...(origin.subject !== undefined && { "cloudevents.event_subject": origin.subject }),
  }),
});

function recordStep(recorder: Recorder, kind: StepAbout["kind"], end: StepEnd, seconds: number): void {
  for (const { name, reason } of outcomeNames(end)) {
    recorder.record("outcomes", 1, {
      "klight.step.kind": kind,
      "klight.outcome": name,
      ...(reason !== undefined && { "klight.reason": reason }),
    });
  }
  if (end.tag === "swept") recordCensus(recorder, end.report, systemClock.now());
  const outcome = end.tag === "outcome" ? end.outcome.name : end.tag;
  recorder.record("stepDuration", seconds, { "klight.step.kind": kind, "klight.outcome": outcome });
}

/** An event that cannot be read has no outcome of a step, and no reason of one. */
const outcomeNames = (end: StepEnd): readonly { readonly name: string; readonly reason?: string }[] => {
  if (end.tag === "outcome") return [end.outcome];
  return end.tag === "swept" ? end.report.outcomes : [{ name: "invalid" }];
};

function endAttributes(end: StepEnd): Attributes {
  if (end.tag === "outcome") return outcomeAttributes(end.outcome);
  if (end.tag === "invalid") return { "klight.outcome": "invalid" };
  const { outcomes, unfinished } = end.report;
  return { "klight.sweep.steps": outcomes.length, "klight.sweep.unfinished": unfinished.length };
}

const outcomeAttributes = ({ name, reason, message, network, pod }: Outcome): Attributes => ({
  "klight.outcome": name,
  "klight.reason": reason,
  "klight.message": message,
  ...(network !== undefined && { "klight.network": network }),
  ...(pod && { "k8s.namespace.name": pod.namespace, "k8s.pod.name": pod.name }),
});

/** What is held is no error: it comes again. A step that broke off is one. */
function markDefect(span: Span, end: StepEnd): void {
  if (end.tag !== "outcome" || end.outcome.reason !== "InternalError") return;
  fail(span, end.outcome.reason, end.outcome.message);
}

/** The event's trace context has been read, so it has the form of one. */
function contextOf({ traceparent, tracestate }: TraceContext): Context {
  const [, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  return trace.setSpanContext(ROOT_CONTEXT, {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate !== undefined && { traceState: createTraceState(tracestate) }),
  });
}

function traceContextOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const flags = traceFlags.toString(16).padStart(2, "0");
  const tracestate = traceState?.serialize() ?? "";
  return { traceparent: `00-${traceId}-${spanId}-${flags}`, ...(tracestate !== "" && { tracestate }) };
}
