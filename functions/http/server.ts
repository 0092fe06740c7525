import type { IncomingHttpHeaders } from "node:http";
import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from "express";
import type { Log } from "../../lib/log.ts";
import type { PodName } from "../../lib/outcome.ts";
import { isNamespace, isNetworkId, isPodName } from "../../lib/pod/names.ts";
import { readBody } from "./body.ts";
import { answerHealth } from "./front.ts";
import { inTurn } from "./in-turn.ts";
import type { PageRequest } from "../page/answer.ts";
import { pageRoutes } from "../page/routes.ts";
import { outcomeHeader, problem, type Reply } from "./problem.ts";

/** What answers requests. Nothing of it throws; what does is a defect, and the event comes again. */
export interface Engine {
  /** CloudEvents, in binary, structured or batch mode. */
  events(request: {
    readonly headers: IncomingHttpHeaders;
    readonly body: Buffer;
    /** Does somebody wait for the answer still? */
    readonly isWanted: () => boolean;
  }): Promise<Reply>;
  reform(network: string): Promise<Reply>;
  networks(): Promise<Reply>;
  why(pod: PodName): Promise<Reply>;
  page(request: PageRequest): Promise<Reply>;
}

export interface ServerOptions {
  /** Called with the first request that needs it. */
  readonly engine: () => Promise<Engine>;
  readonly log: Log;
  /** False as soon as the process is asked to stop. */
  readonly isReady: () => boolean;
  /** Who may post events; absent: everybody. */
  readonly guardEvents?: RequestHandler;
  /** Who may read; absent: everybody. */
  readonly guardReads?: RequestHandler;
  /** Who may ask for re-forms; absent: everybody. */
  readonly guardReforms?: RequestHandler;
}

/** The largest request that is read, bytes. */
const BODY_LIMIT = 4 * 2 ** 20;

/**
 * Of each kind, how many requests are worked on at once. Of events as many as `limits.concurrency` in func.yaml lets in,
 * for whoever comes past the queue proxy.
 */
const REQUESTS_AT_ONCE = { events: 50, reads: 20, reforms: 10 } as const;
/** How many more of a kind may wait. */
const REQUESTS_WAITING = 1_000;

const bounded = (atOnce: number): RequestHandler =>
  inTurn({
    atOnce,
    waiting: REQUESTS_WAITING,
    turnAway: (_request, response) => {
      sendReply(response, unavailableReply("Busy", `${REQUESTS_WAITING} requests wait already`, 5));
    },
  });

const openToAll: RequestHandler = (_request, _response, next) => {
  next();
};

/** All routes of the function. */
export function createServer(options: ServerOptions): Express {
  const { isReady, guardEvents = openToAll } = options;
  const app = express();
  refuseOtherNames(app);
  app.disable("x-powered-by");
  app.set("etag", false);
  app.get(["/health/liveness", "/health/readiness"], (request, response, next) => {
    if (!answerHealth(request, response, isReady)) next();
  });
  app.post(
    "/",
    guardEvents,
    bounded(REQUESTS_AT_ONCE.events),
    readBody(BODY_LIMIT),
    async (request, response) => {
      if (!isReady()) {
        sendReply(response, unavailableReply("ShuttingDown", "this instance is shutting down", 1));
        return;
      }
      const { headers, body } = request as { readonly headers: IncomingHttpHeaders; readonly body: Buffer };
      sendReply(
        response,
        await (await options.engine()).events({ headers, body, isWanted: () => !response.closed }),
      );
    },
  );
  addReads(app, options);
  refuseOtherMethods(app);
  app.use(notFound);
  app.use(failed(options.log));
  return app;
}

const nameRules = { namespace: isNamespace, pod: isPodName, id: isNetworkId } as const;

/** A path that holds what can be no name leads nowhere, and nothing is asked about it. */
function refuseOtherNames(app: Express): void {
  for (const [parameter, isName] of Object.entries(nameRules)) {
    app.param(parameter, (_request, _response, next, given: string) => {
      if (isName(given)) next();
      else next("route");
    });
  }
}

/** What people and their tools ask. */
function addReads(
  app: Express,
  { engine, guardReads = openToAll, guardReforms = openToAll }: ServerOptions,
): void {
  const reform: RequestHandler<{ readonly namespace?: string; readonly id: string }> = async (
    request,
    response,
  ) => {
    const { namespace, id } = request.params;
    sendReply(response, await (await engine()).reform(namespace === undefined ? id : `${namespace}/${id}`));
  };
  // By the beginning of the path, so that no route below it can be without.
  app.use(["/networks", "/why"], (request, response, next) => {
    (request.method === "POST" ? guardReforms : guardReads)(request, response, next);
  });
  const [reads, reforms] = [bounded(REQUESTS_AT_ONCE.reads), bounded(REQUESTS_AT_ONCE.reforms)];
  app.use(pageRoutes(async (request) => (await engine()).page(request), [guardReads, reads]));
  app.get("/networks", reads, async (_request, response) => {
    sendReply(response, await (await engine()).networks());
  });
  app.post("/networks/:id/reform", reforms, reform);
  app.post("/networks/:namespace/:id/reform", reforms, reform);
  const why: RequestHandler<{ readonly namespace: string; readonly pod: string }> = async (
    { params },
    response,
  ) => {
    sendReply(response, await (await engine()).why({ namespace: params.namespace, name: params.pod }));
  };
  app.get("/why/:namespace/:pod", reads, why);
}

const methods: Readonly<Record<string, string>> = {
  "/": "GET, HEAD, POST",
  "/health/liveness": "GET, HEAD",
  "/health/readiness": "GET, HEAD",
  "/networks": "GET, HEAD",
  "/networks/:id/reform": "POST",
  "/networks/:namespace/:id/reform": "POST",
  "/why/:namespace/:pod": "GET, HEAD",
};

/** Comes after the routes themselves. */
function refuseOtherMethods(app: Express): void {
  for (const [path, allow] of Object.entries(methods)) {
    app.all(path, (request, response) => {
      const detail = `${request.path} takes ${allow}, and not ${request.method}`;
      sendReply(response, problem(405, { title: "Method not allowed", detail }, { allow }));
    });
  }
}

const unavailableReply = (reason: string, detail: string, retryAfterS: number): Reply =>
  problem(
    503,
    { title: reason, detail },
    { ...outcomeHeader("held", `${reason}: ${detail}`), "retry-after": String(retryAfterS) },
  );

const notFound: RequestHandler = ({ method, path }, response) => {
  sendReply(response, problem(404, { title: "Not found", detail: `there is nothing at ${method} ${path}` }));
};

/** Errors of reading the request; anything else is a defect. */
const failed =
  (log: Log): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, message = "" } = error as { readonly status?: number; readonly message?: string };
    if (status === undefined || status >= 500) {
      log.error({ error: error instanceof Error ? error.stack : String(error) }, "a request broke off");
      sendReply(response, unavailableReply("InternalError", message, 10));
      return;
    }
    log.warn({ status, detail: message }, "request refused");
    const title = status === 413 ? "Too large" : "The request could not be read";
    // The rest of a body that is too large is not read, so the connection is of no more use.
    const more = status === 413 ? { connection: "close" } : {};
    const headers = { ...outcomeHeader("refused", message), ...more };
    sendReply(response, problem(status, { title, detail: message }, headers));
  };

function sendReply(response: Response, { status, headers, body }: Reply): void {
  response.writeHead(status, headers).end(body);
}
