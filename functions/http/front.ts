import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Log } from "../../lib/log.ts";
import { outcomeHeader, problem } from "./problem.ts";

interface FrontOptions {
  /** False as soon as the process is asked to stop. */
  readonly isReady: () => boolean;
  /** What answers all but health checks; called once. */
  readonly load: () => Promise<RequestListener>;
  readonly log: Log;
  /** Absent: those below. */
  readonly timeouts?: ServerOptions;
}

const usual: ServerOptions = {
  // The queue proxy keeps a connection for 90 s: one that is closed here before loses the request that is on its way.
  keepAliveTimeout: 100_000,
  // A whole head, and a whole request. Between them a request waits its turn with its body unread.
  headersTimeout: 10_000,
  requestTimeout: 60_000,
  connectionsCheckingInterval: 2_000,
};

/** Nothing is read or written for so long, ms: the other side is not there any more. Knative ends a request before. */
const SILENCE_MS = 330_000;

/** The queue proxy needs some for each request at once; whoever comes past it shall not take all the memory. */
const CONNECTIONS = 2_000;

/**
 * The server as it starts: it tells its health by itself and loads the rest when it has told it once. Knative looks every
 * 50 ms whether an instance is ready, and takes some time from then on to send the request that it was started for.
 */
export function createFront({ isReady, load, log, timeouts = usual }: FrontOptions): Server {
  let loading: Promise<RequestListener> | undefined;
  const loaded = (): Promise<RequestListener> => (loading ??= load());
  // A request that needs it tells that it cannot be loaded.
  const loadEarly = (): void => void loaded().catch(() => undefined);
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    try {
      const handle = await loaded();
      handle(request, response);
    } catch (error) {
      log.error({ error: error instanceof Error ? error.stack : String(error) }, "a request broke off");
      const title = "InternalError";
      const detail = "what answers requests could not be loaded";
      const retry = { ...outcomeHeader("held", `${title}: ${detail}`), "retry-after": "10" };
      const { status, headers, body } = problem(503, { title, detail }, retry);
      response.writeHead(status, headers).end(body);
    }
  };
  const server = createServer(timeouts, (request, response) => {
    if (answerHealth(request, response, isReady)) setImmediate(loadEarly);
    else void pass(request, response);
  });
  server.maxConnections = CONNECTIONS;
  server.setTimeout(SILENCE_MS);
  return server;
}

/** Answers a health check; false: it is none. */
export function answerHealth(
  request: IncomingMessage,
  response: ServerResponse,
  isReady: () => boolean,
): boolean {
  const { method, url = "" } = request;
  if (method !== "GET" && method !== "HEAD") return false;
  switch (url.replace(/\?.*$/su, "")) {
    case "/health/liveness":
      say(response, 200, "alive");
      return true;
    case "/health/readiness":
      if (isReady()) say(response, 200, "ready");
      else say(response, 503, "shutting down");
      return true;
    default:
      return false;
  }
}

function say(response: ServerResponse, status: number, text: string): void {
  const headers = { "content-type": "text/plain; charset=utf-8", "content-length": text.length };
  response.writeHead(status, headers).end(text);
}
