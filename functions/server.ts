import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from "express";
import type { Log } from "../lib/log.ts";
import { held } from "../lib/outcome.ts";
import type { Handlers } from "./handlers.ts";
import { problem, type Reply, replyTo } from "./reply.ts";
import { takeEvents } from "./take-events.ts";

export interface ServerOptions {
  readonly handlers: Handlers;
  readonly log: Log;
  readonly now: () => number;
  /** False as soon as the process is asked to stop. */
  readonly isReady: () => boolean;
  /** Who may post events; absent: everybody. */
  readonly guardEvents?: RequestHandler;
  /** Who may read, and ask for re-forms; absent: everybody. */
  readonly guardReads?: RequestHandler;
  /** More that is read: the page. */
  readonly pages?: (app: Express) => void;
}

/** The largest request that is read, bytes. */
const BODY_LIMIT = 4 * 2 ** 20;

const open: RequestHandler = (_request, _response, next) => {
  next();
};

/** All routes of the function. */
export function createServer(options: ServerOptions): Express {
  const { handlers, isReady, guardEvents = open, guardReads = open } = options;
  const app = express();
  app.disable("x-powered-by");
  app.set("etag", false);
  app.get("/health/liveness", (_request, response) => {
    response.status(200).type("text").send("alive");
  });
  app.get("/health/readiness", (_request, response) => {
    response
      .status(isReady() ? 200 : 503)
      .type("text")
      .send(isReady() ? "ready" : "shutting down");
  });
  const raw = express.raw({ type: () => true, limit: BODY_LIMIT });
  app.post("/", guardEvents, raw, async (request, response) => {
    // Without a body express leaves it undefined.
    const body: Buffer = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
    send(response, isReady() ? await takeEvents(options, { headers: request.headers, body }) : stopping());
  });
  app.use(["/networks", "/why"], guardReads);
  addReads(app, handlers);
  app.post("/networks/:id/reform", reformed(handlers));
  app.post("/networks/:namespace/:id/reform", reformed(handlers));
  options.pages?.(app);
  app.use(notFound);
  app.use(failed(options.log));
  return app;
}

function addReads(app: Express, handlers: Handlers): void {
  app.get("/networks", async (_request, response) => {
    const reading = await handlers.status();
    if (reading.tag === "status") response.json(reading.status);
    else send(response, replyTo(held("StoreUnavailable", reading.message)));
  });
  app.get("/why/:namespace/:pod", async ({ params }, response) => {
    const reading = await handlers.why({ namespace: params.namespace, name: params.pod });
    if (reading.tag === "why") response.json(reading.why);
    else if (reading.tag === "absent")
      send(response, problem(404, { title: "No such pod", detail: reading.message }));
    else send(response, replyTo(held("StoreUnavailable", reading.message)));
  });
}

const reformed =
  (handlers: Handlers): RequestHandler<{ readonly namespace?: string; readonly id: string }> =>
  async ({ params: { namespace, id } }, response) => {
    send(response, replyTo(await handlers.reform(namespace === undefined ? id : `${namespace}/${id}`)));
  };

const stopping = (): Reply => replyTo(held("ShuttingDown", "this instance is shutting down"));

const notFound: RequestHandler = ({ method, path }, response) => {
  send(response, problem(404, { title: "Not found", detail: `there is nothing at ${method} ${path}` }));
};

/** Errors of reading the request; anything else is a defect. */
const failed =
  (log: Log): ErrorRequestHandler =>
  (error: unknown, _request, response, next) => {
    if (response.headersSent) {
      next(error);
      return;
    }
    const { status, message } = error as { readonly status?: number; readonly message?: string };
    if (status === 413) {
      const detail = `a request may have ${BODY_LIMIT} bytes`;
      send(response, problem(413, { title: "Too large", detail }, { connection: "close" }));
    } else if (status !== undefined && status < 500) {
      send(response, problem(status, { title: "The request could not be read", detail: message ?? "" }));
    } else {
      log.error({ error: error instanceof Error ? error.stack : String(error) }, "a request broke off");
      send(response, replyTo(held("InternalError", message ?? "", {}, 10)));
    }
  };

function send(response: Response, { status, headers, body }: Reply): void {
  response.status(status).set(headers);
  if (body === undefined) response.end();
  else response.end(body);
}
