import type { PodChange } from "../../lib/reconcile/pod-changed.ts";
import type { CloudEvent } from "cloudevents";
import { type Envelope, isJson, openEnvelope, type Opened, type Request } from "./envelope.ts";
import { isNamespace, isPodName } from "../../lib/pod/names.ts";
import type { PodName } from "../../lib/outcome.ts";
import type { PodReading } from "../../lib/pod/pod.ts";
import type { Reason } from "../../lib/reasons.ts";
import { shown } from "../../lib/shown.ts";
import { readJson } from "./read-json.ts";
import { readTraceContext, type TraceContext } from "./trace-context.ts";

/** What one event means to klight. */
export type Read = (
  | (PodChange & { readonly tag: "pod" })
  | { readonly tag: "ping" }
  | { readonly tag: "ignored"; readonly reason: Reason<"ignored">; readonly message: string }
) & {
  /** Trace context of whoever sent it. */
  readonly trace?: TraceContext;
  readonly origin?: EventOrigin;
};

/** What tells one event from another. */
export interface EventOrigin {
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly subject?: string;
}

export type ReadOrInvalid = Read | Extract<Opened, { tag: "invalid" }>;

/** Types that klight takes; the Trigger's filter lets in just these. */
export const eventTypes = {
  "dev.knative.apiserver.resource.add": { tag: "pod", change: "add", mode: "resource" },
  "dev.knative.apiserver.resource.update": { tag: "pod", change: "update", mode: "resource" },
  "dev.knative.apiserver.resource.delete": { tag: "pod", change: "delete", mode: "resource" },
  "dev.knative.apiserver.ref.add": { tag: "pod", change: "add", mode: "reference" },
  "dev.knative.apiserver.ref.update": { tag: "pod", change: "update", mode: "reference" },
  "dev.knative.apiserver.ref.delete": { tag: "pod", change: "delete", mode: "reference" },
  "dev.knative.sources.ping": { tag: "ping" },
} as const;

type KnownType = (typeof eventTypes)[keyof typeof eventTypes];

export interface EventReading {
  /** Parses the pod of an event in Resource mode. */
  readonly readPod: (data: unknown) => PodReading;
  /** In one batch. */
  readonly mostEvents: number;
}

/** Reads all events of a request. */
export function readEvents(
  request: Request,
  { readPod, mostEvents }: EventReading,
):
  | { readonly tag: "events"; readonly batch: boolean; readonly events: readonly ReadOrInvalid[] }
  | Extract<Envelope, { tag: "tooMany" }> {
  const opened = openEnvelope(request, mostEvents);
  if (opened.tag === "tooMany") return opened;
  return {
    ...opened,
    events: opened.events.map((each) => (each.tag === "event" ? readEvent(each.event, readPod) : each)),
  };
}

function readEvent(event: CloudEvent<unknown>, readPod: (data: unknown) => PodReading): ReadOrInvalid {
  const known: KnownType | undefined = Object.hasOwn(eventTypes, event.type)
    ? eventTypes[event.type as keyof typeof eventTypes]
    : undefined;
  const about = { origin: originOf(event), ...tracedBy(event) };
  if (known === undefined) return { ...about, ...otherEvent(`type ${shown(event.type)}`) };
  if (known.tag === "ping") return { ...about, tag: "ping" };
  const read = readPodEvent(event, known, readPod);
  return read.tag === "invalid" ? read : { ...about, ...read };
}

const originOf = ({ id, source, type, subject }: CloudEvent<unknown>): EventOrigin => ({
  id,
  source,
  type,
  ...(subject !== undefined && { subject }),
});

function tracedBy(event: CloudEvent<unknown>): Pick<Read, "trace"> {
  const trace = readTraceContext(event);
  return trace ? { trace } : {};
}

const otherEvent = (what: string): Extract<Read, { tag: "ignored" }> => ({
  tag: "ignored",
  reason: "NotAPodEvent",
  message: `an event of ${what} is not for klight`,
});

const invalidEvent = (...problems: string[]): Extract<ReadOrInvalid, { tag: "invalid" }> => ({
  tag: "invalid",
  problems,
});

function readPodEvent(
  event: CloudEvent<unknown>,
  { change, mode }: Extract<KnownType, { tag: "pod" }>,
  readPod: (data: unknown) => PodReading,
): ReadOrInvalid {
  const given = dataOf(event);
  if (given.tag === "invalid") return given;
  const other = otherKind(event, dataFields(given.value));
  if (other !== undefined) return other;
  if (mode === "reference") return readReference(event, change, dataFields(given.value));
  if (given.value === undefined) return invalidEvent("data: must be the pod, was missing");
  const reading = readPod(given.value);
  if (reading.tag === "invalid") return invalidEvent(...reading.problems.map((problem) => `data.${problem}`));
  const { pod } = reading;
  const name = { namespace: pod.namespace, name: pod.name };
  const problems = contradictions(event, name);
  return problems.length > 0 ? invalidEvent(...problems) : { tag: "pod", change, name, pod };
}

/** The data as JSON; undefined: the event has none. */
function dataOf({
  data,
  datacontenttype,
}: CloudEvent<unknown>): { readonly tag: "json"; readonly value: unknown } | ReturnType<typeof invalidEvent> {
  if (data === undefined) return { tag: "json", value: undefined };
  if (datacontenttype !== undefined && !isJson(datacontenttype)) {
    return invalidEvent(`datacontenttype: must be application/json, was ${shown(datacontenttype)}`);
  }
  // Bytes, of data_base64 or of a body without a content type, are JSON where nothing else is said.
  return data instanceof Uint8Array ? readJson(data) : { tag: "json", value: data };
}

type DataFields = Readonly<Record<string, unknown>>;

const dataFields = (data: unknown): DataFields =>
  typeof data === "object" && data !== null ? (data as DataFields) : {};

/** Events of other kinds are not for klight. One that names no kind is read as a pod, and refused if it is not. */
function otherKind(event: CloudEvent<unknown>, data: DataFields): ReadOrInvalid | undefined {
  const { kind = data["kind"], apiversion = data["apiVersion"] } = event;
  if (data["kind"] !== undefined && kind !== data["kind"]) {
    return invalidEvent(`kind: must be ${shown(data["kind"])} as in data, was ${shown(kind)}`);
  }
  if (kind !== undefined && kind !== "Pod") return otherEvent(`kind ${shown(kind)}`);
  if (apiversion === undefined || apiversion === "v1") return undefined;
  return otherEvent(`kind Pod of ${shown(apiversion)}`);
}

/** The data names the pod; without data, the attributes of the event do. */
function readReference(
  event: CloudEvent<unknown>,
  change: PodChange["change"],
  data: DataFields,
): ReadOrInvalid {
  const { namespace = event["namespace"], name = event["name"] } = data;
  const problems = [
    ...nameProblems("namespace", namespace, isNamespace),
    ...nameProblems("name", name, isPodName),
  ];
  if (problems.length > 0) return invalidEvent(...problems);
  const pod = { namespace: String(namespace), name: String(name) };
  const contradicting = contradictions(event, pod);
  return contradicting.length > 0 ? invalidEvent(...contradicting) : { tag: "pod", change, name: pod };
}

function nameProblems(what: string, value: unknown, isRight: (name: string) => boolean): readonly string[] {
  if (typeof value === "string" && isRight(value)) return [];
  const was = value === undefined ? "missing" : shown(value);
  return [`data.${what}: must be the ${what} of a pod, was ${was}`];
}

/** The data says which pod it is; an envelope that says otherwise is broken, and neither is believed. */
function contradictions(event: CloudEvent<unknown>, { namespace, name }: PodName): readonly string[] {
  const [, inNamespace, called] = /\/namespaces\/([^/]+)\/pods\/([^/]+)$/u.exec(event.subject ?? "") ?? [];
  const claims = [
    ["namespace", namespace, event["namespace"], event["namespace"]],
    ["name", name, event["name"], event["name"]],
    ["subject", namespace, inNamespace, event.subject],
    ["subject", name, called, event.subject],
  ] as const;
  return claims.flatMap(([attribute, expected, said, given]) =>
    said === undefined || said === expected
      ? []
      : [`${attribute}: must name ${shown(expected)} as data does, was ${shown(given)}`],
  );
}
