import { CloudEvent, HTTP } from "cloudevents";
import type { Outcome } from "../../lib/outcome.ts";
import { factsOf, type Reason } from "../../lib/reasons.ts";
import type { TraceContext } from "../events/trace-context.ts";
import { outcomeHeader, problem, type Reply } from "./problem.ts";

/** The one place where outcomes become HTTP. `trace`: what the reply CloudEvent names as its cause. */
export function replyTo(outcome: Outcome, trace?: TraceContext): Reply {
  const headers = outcomeHeader(outcome.name, `${outcome.reason}: ${outcome.message}`);
  switch (outcome.name) {
    case "ignored":
    case "member":
      return { status: 204, headers };
    case "founded":
    case "joined":
    case "reformed":
    case "left":
      return withEvent(outcome, headers, trace);
    case "refused":
      return outcome.retryAfterS === undefined
        ? withEvent(outcome, headers, trace)
        : later(429, outcome, outcome.retryAfterS);
    case "held":
      return later(heldStatus(outcome.reason), outcome, outcome.retryAfterS);
    default:
      return unreachable(outcome);
  }
}

const later = (status: number, { name, reason, message }: Outcome, retryAfterS: number): Reply =>
  problem(
    status,
    { title: reason, detail: message },
    { ...outcomeHeader(name, `${reason}: ${message}`), "retry-after": String(retryAfterS) },
  );

/**
 * A Trigger tries both again, for minutes. A source that sends straight to the function tries 503 again for 3 s, in which it
 * sends nothing else, and lets go of 409 at once: what does not pass in that time keeps nobody waiting; the sweep comes to
 * it. (Knative's event delivery, and the CloudEvents SDK that its sources send with.)
 */
function heldStatus(reason: Reason<"held">): 503 | 409 {
  const { transient, blind } = factsOf(reason);
  return transient || blind === true ? 503 : 409;
}

const unreachable = (outcome: never): never => {
  throw new Error(`an outcome without a reply: ${JSON.stringify(outcome)}`);
};

function withEvent(outcome: Outcome, headers: Record<string, string>, trace?: TraceContext): Reply {
  const { name, reason, message, network, pod } = outcome;
  const subject = pod ? { subject: `/apis/v1/namespaces/${pod.namespace}/pods/${pod.name}` } : {};
  const event = new CloudEvent({
    type: `dev.klight.peer.${name}`,
    source: "/klight",
    ...subject,
    ...trace,
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
