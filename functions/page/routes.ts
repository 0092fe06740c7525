import { promisify } from "node:util";
import { gzip } from "node:zlib";
import type { Request, RequestHandler, Response, Router } from "express";
import express from "express";
import { isNamespace, isPodName } from "../../lib/pod/names.ts";
import type { PageRequest } from "./answer.ts";
import { protect } from "./protect.ts";
import type { Reply } from "../http/problem.ts";

const compress = promisify(gzip);
/** Smaller answers are not worth compressing, characters. */
const COMPRESS_FROM = 4_096;
/** A page of many networks repeats itself: the fastest level takes nine tenths off already. */
const COMPRESS_LEVEL = 1;

type PageHandler = (request: PageRequest) => Promise<Reply>;

/** The page, the part of it that changes, and the files that it loads. `guards`: who may see networks, and when. */
export function pageRoutes(answer: PageHandler, guards: readonly RequestHandler[]): Router {
  const routes = express.Router();
  routes.get("/", ...guards, protect, (request, response) => reply(answer, "page", request, response));
  routes.get("/page/live", ...guards, protect, (request, response) =>
    reply(answer, "live", request, response),
  );
  for (const [parameter, isName] of [
    ["namespace", isNamespace],
    ["pod", isPodName],
  ] as const) {
    routes.param(parameter, (_request, _response, next, given: string) => {
      next(isName(given) ? undefined : "router");
    });
  }
  routes.get("/page/why/:namespace/:pod", ...guards, protect, (request, response) =>
    reply(answer, "why", request, response),
  );
  // These tell nothing of any network.
  for (const file of ["reasons", "page.css", "live.js", "copy.js", "icon.svg"]) {
    routes.get(`/page/${file}`, protect, (request, response) => reply(answer, file, request, response));
  }
  return routes;
}

/** Many who are sent the same text at once share the work. */
const compressing = new Map<string, Promise<Buffer>>();

async function compressed(body: string): Promise<Buffer> {
  const known = compressing.get(body);
  if (known) return known;
  const work = compress(body, { level: COMPRESS_LEVEL });
  compressing.set(body, work);
  try {
    return await work;
  } finally {
    compressing.delete(body);
  }
}

async function reply(answer: PageHandler, what: string, request: Request, response: Response): Promise<void> {
  const ifNoneMatch = request.get("if-none-match");
  const { namespace, pod: name } = request.params;
  const pod = typeof namespace === "string" && typeof name === "string" ? { namespace, name } : undefined;
  const asked = {
    what,
    query: request.query,
    ...(pod && { pod }),
    ...(ifNoneMatch !== undefined && { ifNoneMatch }),
  };
  const { status, headers, body } = await answer(asked);
  if (body === undefined || body.length < COMPRESS_FROM || request.acceptsEncodings("gzip") !== "gzip") {
    response.writeHead(status, headers).end(body);
    return;
  }
  const small = await compressed(body);
  response.writeHead(status, { ...headers, "content-encoding": "gzip", vary: "accept-encoding" }).end(small);
}
