import {
  Agent as HttpAgent,
  type IncomingMessage,
  type OutgoingHttpHeaders,
  request as httpRequest,
} from "node:http";
import { Agent, type AgentOptions, request as httpsRequest } from "node:https";
import { urlToHttpOptions } from "node:url";
import { isDeepStrictEqual } from "node:util";

/** How one request reaches a server: with what it proves who asks, and over which connections. */
export interface Access {
  readonly headers: OutgoingHttpHeaders;
  /** `USER:PASSWORD`. */
  readonly auth?: string;
  readonly agent: HttpAgent;
}

export interface ServerAccess {
  /** May have a path. */
  readonly server: URL;
  /** For each request: tokens and certificates are renewed while klight runs. May reject. */
  readonly access: () => Promise<Access>;
}

/** One request that is answered with JSON. */
export interface JsonRequest {
  readonly method: "GET" | "PATCH" | "POST";
  /** Comes after the path of the server; encoded. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: { readonly contentType: string; readonly json: unknown };
}

/** `unreachable`: no whole answer came in time. The body is undefined where it is not JSON. */
export type JsonAnswer =
  | { readonly tag: "answer"; readonly status: number; readonly body: unknown; readonly bytes: number }
  | { readonly tag: "unreachable"; readonly message: string };

/** Never rejects. */
export type Send = (request: JsonRequest) => Promise<JsonAnswer>;

/** Sends requests to this server, each with all that it needs before it within `timeoutMs` ms. */
export function sendTo(to: ServerAccess, timeoutMs: number): Send {
  return async (request) => {
    const late = new AbortController();
    const { signal } = late;
    // Not a signal of its own accord: that one would keep each answer in memory until its time is over.
    const timer = setTimeout(() => {
      late.abort(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    try {
      // The signal reaches the request alone; renewing a token can hang as well.
      return await Promise.race([exchange(to, request, signal), aborted(signal)]);
    } catch (error) {
      return { tag: "unreachable", message: reasonOf(signal.aborted ? signal.reason : error) };
    } finally {
      clearTimeout(timer);
    }
  };
}

async function exchange(to: ServerAccess, request: JsonRequest, signal: AbortSignal): Promise<JsonAnswer> {
  const answer = await sendRequest(to, request, signal).catch((error: unknown) => {
    // The other side closed a connection that was kept just as this went out on it; a new one is another matter.
    if (error instanceof ConnectionWasKept && !signal.aborted) return sendRequest(to, request, signal);
    throw error;
  });
  const parts: Buffer[] = [];
  for await (const part of answer as AsyncIterable<Buffer>) parts.push(part);
  const body = Buffer.concat(parts);
  return { tag: "answer", status: answer.statusCode ?? 0, body: parsedBody(body), bytes: body.length };
}

class ConnectionWasKept extends Error {}

async function sendRequest(
  { server, access }: ServerAccess,
  { method, path, query, body }: JsonRequest,
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { headers, ...over } = await access();
  const search = query === undefined ? "" : `?${new URLSearchParams(query).toString()}`;
  const json = body === undefined ? undefined : Buffer.from(JSON.stringify(body.json));
  const options = {
    ...urlToHttpOptions(server),
    ...over,
    method,
    signal,
    // As it is: what a URL would make of its dots is not what was asked for.
    path: server.pathname.replace(/\/$/u, "") + path + search,
    headers: {
      accept: "application/json",
      "user-agent": "klight",
      ...headers,
      ...(body && json && { "content-type": body.contentType, "content-length": json.length }),
    },
  };
  return new Promise((resolve, reject) => {
    const sent = (server.protocol === "https:" ? httpsRequest : httpRequest)(options, resolve);
    sent.once("error", (error) => {
      reject(sent.reusedSocket ? new ConnectionWasKept("", { cause: error }) : error);
    });
    sent.end(json);
  });
}

/**
 * Connections are kept for the next request. An API server closes idle ones after 90 s, what stands before a server perhaps
 * after 60 s; here they are closed before.
 */
const kept = { keepAlive: true, timeout: 30_000 } as const;

/** The connections with these certificates; new ones when they have changed, and those before end by themselves. */
export function connectionsFor(protocol: string): (tls: AgentOptions) => HttpAgent {
  let last: { readonly tls: AgentOptions; readonly agent: HttpAgent } | undefined;
  return (tls) => {
    if (last === undefined || !isDeepStrictEqual(last.tls, tls)) {
      const agent = protocol === "https:" ? new Agent({ ...kept, ...tls }) : new HttpAgent(kept);
      last = { tls, agent };
    }
    return last.agent;
  };
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_resolve, reject) => {
    signal.addEventListener("abort", () => {
      reject(signal.reason as Error);
    });
  });

function parsedBody(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString("utf8")) as unknown;
  } catch {
    return undefined;
  }
}

/** The innermost message. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.cause !== undefined) return reasonOf(error.cause);
  if (error instanceof AggregateError && error.message === "") return error.errors.map(reasonOf).join(", ");
  return error.message;
}
