import { CloudEvent, HTTP } from "cloudevents";
import type { Outcome } from "../lib/outcome.ts";

/** What is sent back: a Broker takes nothing but an empty body or a CloudEvent with a 2xx status. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** The one place where outcomes become HTTP. */
export function replyTo(outcome: Outcome): Reply {
  const headers = outcomeHeader(outcome.name, `${outcome.reason}: ${outcome.message}`);
  switch (outcome.name) {
    case "ignored":
    case "member":
      return { status: 204, headers };
    case "founded":
    case "joined":
    case "reformed":
    case "left":
    case "refused":
      return withEvent(outcome, headers);
    case "held":
      return problem(
        503,
        { title: outcome.reason, detail: outcome.message },
        { ...headers, "retry-after": String(outcome.retryAfterS) },
      );
    default:
      return unreachable(outcome);
  }
}

const unreachable = (outcome: never): never => {
  throw new Error(`an outcome without a reply: ${JSON.stringify(outcome)}`);
};

/** `NAME; reason="..."`, a structured field (RFC 9651): printable ASCII, quotes and backslashes escaped. */
export function outcomeHeader(name: string, reason: string): Record<string, string> {
  const text = reason
    .slice(0, 400)
    .replaceAll(/[^\x20-\x7e]/gu, "?")
    .replaceAll(/["\\]/gu, String.raw`\$&`);
  return { "klight-outcome": `${name}; reason="${text}"` };
}

function withEvent(outcome: Outcome, headers: Record<string, string>): Reply {
  const { name, reason, message, network, pod } = outcome;
  const subject = pod ? { subject: `/apis/v1/namespaces/${pod.namespace}/pods/${pod.name}` } : {};
  const event = new CloudEvent({
    type: `dev.klight.peer.${name}`,
    source: "/klight",
    ...subject,
    data: {
      outcome: name,
      reason,
      message,
      network,
      ...(pod && { pod: { namespace: pod.namespace, name: pod.name } }),
      ...("via" in outcome && { via: outcome.via }),
      ...("generation" in outcome && { generation: outcome.generation }),
    },
  });
  const { headers: own, body } = HTTP.binary(event);
  const texts = Object.entries(own).map(([key, value]) => [key, String(value)] as const);
  return { status: 200, headers: { ...headers, ...Object.fromEntries(texts) }, body: String(body) };
}

/** An error that a person can read (RFC 9457). `problems`: each of several, on its own. */
export const problem = (
  status: number,
  { title, detail, problems }: { title: string; detail: string; problems?: readonly string[] },
  headers: Readonly<Record<string, string>> = {},
): Reply => ({
  status,
  headers: { ...headers, "content-type": "application/problem+json" },
  body: JSON.stringify({ type: "about:blank", title, status, detail, ...(problems && { problems }) }),
});
