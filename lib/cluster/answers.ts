import { STATUS_CODES } from "node:http";
import * as z from "zod";
import type { JsonAnswer } from "../json-requests.ts";
import type { ClusterFailure } from "./cluster.ts";

/** What the API server answers instead of an object. */
const statusObject = z.object({
  kind: z.literal("Status"),
  message: z.string().nullish(),
  details: z.object({ causes: z.array(z.object({ field: z.string().nullish() })).nullish() }).nullish(),
});

const podList = z.object({
  kind: z.literal("PodList"),
  metadata: z.object({ continue: z.string().nullish() }),
  items: z
    .array(z.unknown())
    .nullish()
    .transform((items) => items ?? []),
});

/** One page of a LIST; undefined: the answer is none. */
export function pageOf(body: unknown):
  | {
      readonly items: readonly unknown[];
      readonly next: string | undefined;
    }
  | undefined {
  const page = podList.safeParse(body);
  if (!page.success) return undefined;
  // An empty token is the API server's way to say that this was the last page.
  return { items: page.data.items, next: page.data.metadata.continue || undefined };
}

export const isDone = (answer: JsonAnswer): boolean =>
  answer.tag === "answer" && answer.status >= 200 && answer.status < 300;

export const isStatus = (answer: JsonAnswer, status: number): boolean =>
  answer.tag === "answer" && answer.status === status;

/**
 * A write meant for a pod that is gone, or that another one of its name has replaced. The API server tells the latter
 * by 422 for `metadata.uid`, which cannot be changed, or by 409 when the pod went away under its hands.
 */
export function isForAnotherLife(answer: JsonAnswer): boolean {
  if (answer.tag !== "answer") return false;
  if (answer.status === 404) return true;
  const { message, causes } = apiStatus(answer.body);
  if (answer.status === 422) return causes.includes("metadata.uid");
  return answer.status === 409 && /\buid\b/iu.test(message);
}

/** `what`: verb, resource and where, as RBAC names them. */
export function failureOf(what: string, answer: JsonAnswer): ClusterFailure {
  if (answer.tag === "unreachable") return clusterUnavailable(`${what}: ${answer.message}`);
  const { status, body } = answer;
  const { message } = apiStatus(body);
  // Said in plain text, before any part of the API server that would write a Status.
  if (status === 429 && body === undefined)
    return clusterUnavailable(`${what}: 429 Too Many Requests: it has more requests than it takes at once`);
  if (status === 403) {
    return { tag: "failed", kind: "forbidden", message: `not allowed to ${what}: ${message}` };
  }
  return clusterUnavailable(`${what}: ${status} ${STATUS_CODES[status] ?? ""}: ${message}`);
}

export const clusterUnavailable = (message: string): ClusterFailure => ({
  tag: "failed",
  kind: "unavailable",
  message,
});

function apiStatus(body: unknown): { readonly message: string; readonly causes: readonly string[] } {
  const status = statusObject.safeParse(body);
  if (!status.success) return { message: "the answer is not of an API server", causes: [] };
  const { message, details } = status.data;
  return { message: message ?? "", causes: (details?.causes ?? []).flatMap(({ field }) => field ?? []) };
}
