import { setTimeout as sleep } from "node:timers/promises";
import type { Response } from "express";
import { type Refusal, refuse } from "./status.ts";

/** One request, as RBAC names it. */
export interface ApiCall {
  readonly verb: "get" | "list" | "create" | "update" | "patch" | "delete";
  readonly resource: "pods" | "pods/status" | "events";
  /** Absent: in all namespaces. */
  readonly namespace?: string;
  /** Absent: it is about no single object. */
  readonly name?: string;
  /** By what a list selects beside labels. */
  readonly fieldSelector?: string;
}

/**
 * What is wrong with the API server. `down`: connections are cut. `silent`: requests are taken and never answered.
 * `slow`: answers come late. `forbidden`, `throttled`, `broken`: 403, 429, 500. `garbage`: 200 and a page of a proxy.
 */
export type Fault =
  | { readonly tag: "down" | "silent" | "forbidden" | "throttled" | "broken" | "garbage" }
  | { readonly tag: "slow"; readonly ms: number };

const where = ({ namespace }: ApiCall): string =>
  namespace === undefined ? "at the cluster scope" : `in the namespace "${namespace}"`;

function refusalOf(fault: Fault, call: ApiCall): Refusal | undefined {
  switch (fault.tag) {
    case "forbidden": {
      const who = 'User "system:serviceaccount:klight:klight"';
      const [kind = ""] = call.resource.split("/");
      const what = call.name === undefined ? kind : `${kind} "${call.name}"`;
      const message = `${what} is forbidden: ${who} cannot ${call.verb} resource "${call.resource}" in API group "" ${where(call)}`;
      return {
        code: 403,
        reason: "Forbidden",
        message,
        of: { kind, ...(call.name !== undefined && { name: call.name }) },
      };
    }
    case "broken":
      return { code: 500, reason: "InternalError", message: "etcdserver: request timed out" };
    case "down":
    case "silent":
    case "throttled":
    case "garbage":
    case "slow":
      return undefined;
  }
}

/** Lets a request suffer the fault; true: with that it is over. */
export async function isSuffered(fault: Fault, call: ApiCall, response: Response): Promise<boolean> {
  if (fault.tag === "slow") {
    await sleep(fault.ms);
    return false;
  }
  const refusal = refusalOf(fault, call);
  if (refusal !== undefined) refuse(response, refusal);
  // Flow control stands before all that would write a Status.
  else if (fault.tag === "throttled") {
    response.writeHead(429, { "content-type": "text/plain; charset=utf-8", "retry-after": "1" });
    response.end("Too many requests, please try again later.\n");
  } else if (fault.tag === "garbage") response.status(200).send("<html>sign in</html>");
  else if (fault.tag === "down") response.destroy();
  return true;
}
