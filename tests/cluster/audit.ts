import { readFile } from "node:fs/promises";
import { plane } from "./real.ts";

/** One request, as the API server noted it. */
export interface AuditEntry {
  readonly user: string;
  /** Verb and resource as RBAC names them: `patch pods/status`; for what is no resource, the path: `get /openid/v1/jwks`. */
  readonly right: string;
  readonly namespace: string | undefined;
  /** By what a list selects beside labels. */
  readonly fieldSelector: string | undefined;
  readonly code: number;
}

interface AuditLine {
  readonly auditID: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly user: { readonly username: string };
  readonly objectRef?: {
    readonly resource: string;
    readonly subresource?: string;
    readonly namespace?: string;
  };
  readonly responseStatus?: { readonly code: number };
  readonly stage: string;
}

async function linesOf(user: string): Promise<readonly AuditLine[]> {
  const lines = (await readFile(plane.auditLog, "utf8")).split("\n").filter((line) => line.includes(user));
  return lines.map((line) => JSON.parse(line) as AuditLine).filter((line) => line.user.username === user);
}

/** Watches of a user that go on, by what the log calls them; not those that only begin with a list. */
export async function openWatches(user: string): Promise<readonly string[]> {
  const lines = (await linesOf(user)).filter(
    ({ verb, requestURI }) => verb === "watch" && !requestURI.includes("sendInitialEvents"),
  );
  const ended = new Set(
    lines.filter(({ stage }) => stage !== "ResponseStarted").map(({ auditID }) => auditID),
  );
  return lines.map(({ auditID }) => auditID).filter((id) => !ended.has(id));
}

/** All requests of a user so far, in the order of their answers. */
export async function auditOf(user: string): Promise<readonly AuditEntry[]> {
  return (await linesOf(user))
    .filter(({ stage }) => stage === "ResponseComplete")
    .map(({ verb, requestURI, objectRef, responseStatus }) => ({
      user,
      right: `${verb} ${
        objectRef
          ? [objectRef.resource, objectRef.subresource].filter(Boolean).join("/")
          : requestURI.split("?")[0]
      }`,
      namespace: objectRef?.namespace,
      fieldSelector: new URLSearchParams(requestURI.split("?")[1]).get("fieldSelector") ?? undefined,
      code: responseStatus?.code ?? 0,
    }));
}
