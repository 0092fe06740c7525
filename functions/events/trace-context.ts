/** W3C trace context, as the CloudEvents extension for distributed tracing carries it. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

/** Version, trace, span, flags. All zeros is no trace and no span; version ff is none. */
const TRACEPARENT = /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/u;
/** What a header may carry; the standard asks for no more than 512 characters to be passed on. */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/u;

/**
 * The trace context of an event; undefined: it has none that is right. It goes into headers and traces again, so what
 * is not as the standard says is dropped here, as the standard asks.
 */
export function readTraceContext(attributes: Readonly<Record<string, unknown>>): TraceContext | undefined {
  const { traceparent, tracestate } = attributes;
  if (typeof traceparent !== "string" || !TRACEPARENT.test(traceparent)) return undefined;
  const hasState = typeof tracestate === "string" && TRACESTATE.test(tracestate);
  return { traceparent, ...(hasState && { tracestate }) };
}
