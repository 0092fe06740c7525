import type { PodName } from "../../lib/outcome.ts";
import { problem, type Reply } from "../http/problem.ts";
import type { Status, StatusReading } from "../status/status.ts";
import type { WhyReading } from "../status/why.ts";
import { assets, isAsset } from "./assets.ts";
import { failureDocument, pageDocument } from "./document.ts";
import type { Html } from "./html.ts";
import type { Filter } from "./network-state.ts";
import { type LivePart, livePart, titleOf } from "./page.ts";
import { reasonsDocument } from "./reasons-page.ts";
import { noPodDocument, whyDocument } from "./why-page.ts";

/** What is asked of the page, read from the request. */
export interface PageRequest {
  /** `page`: all of it; `live`: the part that changes; `why`: one pod; `reasons`; else the name of a file that it loads. */
  readonly what: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly pod?: PodName;
  readonly ifNoneMatch?: string;
}

export interface PageReads {
  readonly status: () => Promise<StatusReading>;
  readonly why: (pod: PodName) => Promise<WhyReading>;
}

/** Whoever asks while a page is written waits for it, and so long afterwards, ms, gets the same. */
const SHARED_MS = 300;

const retryLater = { "retry-after": "5" };

/** Answers for the page. Networks are read for what shows them, and not for a file. */
export function createPage(reads: PageReads): (request: PageRequest) => Promise<Reply> {
  const partOf = createParts();
  let last: { readonly reading: Promise<StatusReading>; writtenAt: number } | undefined;
  const networks = async ({ what, query, ifNoneMatch }: PageRequest): Promise<Reply> => {
    const { q, show } = query;
    const filter = { search: typeof q === "string" ? q : "", attention: show === "attention" };
    const isGood = last && performance.now() - last.writtenAt < SHARED_MS;
    const mine = (isGood && last) || { reading: reads.status(), writtenAt: -Infinity };
    last = mine;
    const reading = await mine.reading;
    if (reading.tag === "failed") return lost(what, filter, reading);
    const part = partOf(reading.status, filter);
    if (mine.writtenAt < 0) mine.writtenAt = performance.now();
    if (what === "page") return pageReply(200, part.document);
    const headers = { etag: `"${part.revision}"` };
    return ifNoneMatch === headers.etag ? { status: 304, headers } : pageReply(200, part.body, headers);
  };
  return async (request) => {
    const { what, query, pod } = request;
    if (what === "page" || what === "live") return networks(request);
    if (what === "why" && pod) return whyReply(await reads.why(pod));
    if (what === "reasons") return pageReply(200, reasonsDocument());
    return file(what, query["v"]);
  };
}

/** A part, and the document around it. */
interface SharedPage extends LivePart {
  readonly document: Html;
}

/** Many who wait for one reading get one text: writing it takes longer than reading. */
function createParts(): (status: Status, filter: Filter) => SharedPage {
  let last: { readonly status: Status; readonly key: string; readonly part: SharedPage } | undefined;
  return (status, filter) => {
    const key = JSON.stringify(filter);
    if (last?.status === status && last.key === key) return last.part;
    const part = livePart(status, filter);
    const document = pageDocument(filter, titleOf(status), part);
    last = { status, key, part: { ...part, document } };
    return last.part;
  };
}

function lost(what: string, filter: Filter, reading: Extract<StatusReading, { tag: "failed" }>): Reply {
  if (what === "live")
    return problem(503, { title: "StoreUnavailable", detail: reading.message }, retryLater);
  if (reading.last === undefined) return pageReply(503, failureDocument(filter, reading.message), retryLater);
  const { body } = livePart(reading.last, filter, reading);
  // Without a revision the page asks again at once.
  return pageReply(503, pageDocument(filter, "Not readable · klight", { body, revision: "" }), retryLater);
}

function whyReply(reading: WhyReading): Reply {
  switch (reading.tag) {
    case "why":
      return pageReply(200, whyDocument(reading.why));
    case "absent":
      return pageReply(404, noPodDocument(reading.message));
    case "failed":
      return pageReply(503, failureDocument({ search: "", attention: false }, reading.message), retryLater);
  }
}

const pageReply = (status: number, body: Html, headers: Readonly<Record<string, string>> = {}): Reply => ({
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
