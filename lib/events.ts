import type { CloudEvent } from "cloudevents";
import { openEnvelope, type Opened, type Request } from "./envelope.ts";
import type { PodName } from "./outcome.ts";
import type { Pod, PodReading } from "./pod.ts";
import type { Reason } from "./reasons.ts";

/** One pod event. */
export interface PodChange {
  readonly tag: "pod";
  readonly change: "add" | "update" | "delete";
  readonly name: PodName;
  /** The pod as the event shows it; absent in Reference mode. */
  readonly pod?: Pod;
}

/** What one event means to klight. */
export type Read = (
  | PodChange
  | { readonly tag: "ping" }
  | { readonly tag: "ignored"; readonly reason: Reason<"ignored">; readonly message: string }
) & {
  /** W3C trace context of whoever sent it (CloudEvents' distributed tracing extension). */
  readonly traceparent?: string;
};

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

type Known = (typeof eventTypes)[keyof typeof eventTypes];

/** Reads all events of a request. `readPod` parses the pod of an event in Resource mode. */
export function readEvents(
  request: Request,
  readPod: (data: unknown) => PodReading,
): { readonly batch: boolean; readonly events: readonly ReadOrInvalid[] } {
  const { batch, events } = openEnvelope(request);
  return {
    batch,
    events: events.map((opened) => (opened.tag === "event" ? readEvent(opened.event, readPod) : opened)),
  };
}

function readEvent(event: CloudEvent<unknown>, readPod: (data: unknown) => PodReading): ReadOrInvalid {
  const known: Known | undefined = Object.hasOwn(eventTypes, event.type)
    ? eventTypes[event.type as keyof typeof eventTypes]
    : undefined;
  const { traceparent } = event;
  const traced = typeof traceparent === "string" ? { traceparent } : {};
  if (known === undefined) return { ...traced, ...otherEvent(`type ${JSON.stringify(event.type)}`) };
  if (known.tag === "ping") return { ...traced, tag: "ping" };
  const kind = kindOf(event);
  if (kind !== "Pod") return { ...traced, ...otherEvent(`kind ${JSON.stringify(kind)}`) };
  const read =
    known.mode === "resource"
      ? readResource(event, known.change, readPod)
      : readReference(event, known.change);
  return read.tag === "invalid" ? read : { ...traced, ...read };
}

/** The kind that the event is about; one that names none is read as a pod, and refused if it is not. */
function kindOf(event: CloudEvent<unknown>): string {
  const data = event.data as { readonly kind?: unknown } | null | undefined;
  const kind = event["kind"] ?? data?.kind;
  return typeof kind === "string" ? kind : "Pod";
}

const otherEvent = (what: string): Extract<Read, { tag: "ignored" }> => ({
  tag: "ignored",
  reason: "NotAPodEvent",
  message: `an event of ${what} is not for klight`,
});

type Change = PodChange["change"];

function readResource(
  event: CloudEvent<unknown>,
  change: Change,
  readPod: (data: unknown) => PodReading,
): ReadOrInvalid {
  const reading = readPod(event.data);
  if (reading.tag === "invalid")
    return { tag: "invalid", problems: reading.problems.map((problem) => `data.${problem}`) };
  const { pod } = reading;
  const name = { namespace: pod.namespace, name: pod.name };
  const problems = contradictions(event, name);
  return problems.length > 0 ? { tag: "invalid", problems } : { tag: "pod", change, name, pod };
}

function readReference(event: CloudEvent<unknown>, change: Change): ReadOrInvalid {
  const data = (event.data ?? {}) as { readonly namespace?: unknown; readonly name?: unknown };
  const { namespace, name } = data;
  if (typeof namespace !== "string" || typeof name !== "string" || namespace === "" || name === "") {
    const shown = JSON.stringify({ namespace, name });
    return { tag: "invalid", problems: [`data: must have namespace and name of a pod, was ${shown}`] };
  }
  const problems = contradictions(event, { namespace, name });
  return problems.length > 0
    ? { tag: "invalid", problems }
    : { tag: "pod", change, name: { namespace, name } };
}

/** The data says which pod it is; an envelope that says otherwise is broken. */
function contradictions(event: CloudEvent<unknown>, { namespace, name }: PodName): readonly string[] {
  const expected = { namespace, name } as const;
  return (["namespace", "name"] as const).flatMap((attribute) => {
    const said = event[attribute];
    if (said === undefined || said === expected[attribute]) return [];
    return [
      `${attribute}: must be ${JSON.stringify(expected[attribute])} as in data, was ${JSON.stringify(said)}`,
    ];
  });
}
