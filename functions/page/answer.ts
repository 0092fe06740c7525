import { problem, type Reply } from "../http/problem.ts";
import type { StatusReading } from "../status/status.ts";
import { assets, isAsset } from "./assets.ts";
import { failureDocument, pageDocument } from "./document.ts";
import type { Html } from "./html.ts";
import { livePart } from "./page.ts";

/** What is asked of the page, read from the request. */
export interface PageRequest {
  /** `page`: all of it; `live`: the part that changes; else the name of a file that it loads. */
  readonly what: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly ifNoneMatch?: string;
}

const again = { "retry-after": "5" };

/** Answers for the page. `read` is called for what shows networks, and not for a file. */
export async function answerPage(
  read: () => Promise<StatusReading>,
  { what, query, ifNoneMatch }: PageRequest,
): Promise<Reply> {
  if (what !== "page" && what !== "live") return file(what, query["v"]);
  const { q, show } = query;
  const filter = { search: typeof q === "string" ? q : "", attention: show === "attention" };
  const reading = await read();
  if (reading.tag === "failed") {
    if (what === "live") return problem(503, { title: "StoreUnavailable", detail: reading.message }, again);
    if (reading.last === undefined) return page(503, failureDocument(filter, reading.message), again);
    const kept = livePart(reading.last, filter, reading);
    return page(503, pageDocument(filter, "", kept.body), again);
  }
  const { body, revision } = livePart(reading.status, filter);
  if (what === "page") return page(200, pageDocument(filter, revision, body));
  const headers = { etag: `"${revision}"` };
  return ifNoneMatch === headers.etag ? { status: 304, headers } : page(200, body, headers);
}

const page = (status: number, body: Html, headers: Readonly<Record<string, string>> = {}): Reply => ({
  status,
  headers: { ...headers, "content-type": "text/html; charset=utf-8" },
  body: body.toString(),
});

function file(name: string, asked: unknown): Reply {
  if (!isAsset(name)) return problem(404, { title: "Not found", detail: `the page has no file ${name}` });
  const { type, body, version } = assets[name];
  const caching = asked === version ? "private, max-age=31536000, immutable" : "no-cache";
  return { status: 200, headers: { "content-type": type, "cache-control": caching }, body };
}
