import type { PodName } from "../outcome.ts";
import { isNamespace, isPodName } from "../pod/names.ts";
import { type Pod, type PodRules, readPod } from "../pod/pod.ts";
import { failureOf, isDone, isStatus, pageOf, clusterUnavailable } from "./answers.ts";
import type { Send } from "../json-requests.ts";
import type { ClusterFailure } from "./cluster.ts";

/** Of a resource in a namespace; each part is encoded, whatever it is. */
export const pathIn = (namespace: string, ...parts: readonly string[]): string =>
  ["/api/v1/namespaces", ...[namespace, ...parts].map(encodeURIComponent)].join("/");

export const podPath = ({ namespace, name }: PodName): string => pathIn(namespace, "pods", name);

/** What pods weigh, as far as is known; each page tells anew. */
export interface PodSize {
  bytes: number;
}

/** Until a page has told: twenty pods a page, as they may be of 1.5 MB each. */
export const unknownSize = (): PodSize => ({ bytes: 200_000 });

/** A page is held in memory as text and as objects, of which little is kept. Bytes. */
const PAGE_BYTES = 4 * 2 ** 20;
const MOST_A_PAGE = 500;

const fitting = ({ bytes }: PodSize): number =>
  Math.max(1, Math.min(MOST_A_PAGE, Math.floor(PAGE_BYTES / bytes)));

export interface Listing {
  readonly send: Send;
  readonly rules: PodRules;
  readonly selector: { readonly labelSelector: string } | { readonly fieldSelector: string };
  readonly size: PodSize;
  /** Pods without this text in their labels or conditions are not read; undefined: all are. */
  readonly mentioning?: string | undefined;
}
type Pods = { readonly tag: "pods"; readonly pods: readonly Pod[] };

/** The pods of a selector in these namespaces, none: in all. */
export async function listPods(
  listing: Listing,
  namespaces: readonly string[],
): Promise<Pods | ClusterFailure> {
  const everywhere: readonly (string | undefined)[] = namespaces.length === 0 ? [undefined] : namespaces;
  const pods: Pod[] = [];
  for (const listed of await Promise.all(everywhere.map((namespace) => listTwice(listing, namespace)))) {
    if (listed.tag === "failed") return listed;
    if (listed.tag === "expired")
      return clusterUnavailable("list pods: the list expired twice before its last page");
    pods.push(...listed.pods);
  }
  return { tag: "pods", pods };
}

/** The API server keeps a list for its next page only for minutes: 410 means to begin again. */
async function listTwice(listing: Listing, namespace: string | undefined): Promise<PodsAnswer> {
  const listed = await listOnce(listing, namespace);
  return listed.tag === "expired" ? listOnce(listing, namespace) : listed;
}

type PodsAnswer = Pods | { readonly tag: "expired" } | ClusterFailure;

async function listOnce(listing: Listing, namespace: string | undefined): Promise<PodsAnswer> {
  const pods: Pod[] = [];
  let next: string | undefined;
  do {
    const page = await listPage(listing, namespace, next);
    if (page.tag !== "page") return page;
    pods.push(...page.pods);
    ({ next } = page);
  } while (next !== undefined);
  return { tag: "pods", pods };
}

async function listPage(
  { send, rules, selector, size, mentioning }: Listing,
  namespace: string | undefined,
  token: string | undefined,
): Promise<
  | { readonly tag: "page"; readonly pods: readonly Pod[]; readonly next: string | undefined }
  | { readonly tag: "expired" }
  | ClusterFailure
> {
  const { what, path } = listPlace(namespace);
  const limit = String(fitting(size));
  const query = { ...selector, limit, ...(token !== undefined && { continue: token }) };
  const answer = await send({ method: "GET", path, query });
  if (token !== undefined && isStatus(answer, 410)) return { tag: "expired" };
  const page = answer.tag === "answer" && isDone(answer) ? pageOf(answer.body) : undefined;
  if (answer.tag !== "answer" || page === undefined) return failureOf(what, answer);
  if (page.items.length > 0) size.bytes = answer.bytes / page.items.length;
  const read = parsedPods(what, page.items, { rules, mentioning });
  return read.tag === "failed" ? read : { tag: "page", pods: read.pods, next: page.next };
}

/** To read a pod takes ten times as long as to see that it is none of those. */
function mentions(item: unknown, text: string): boolean {
  const { metadata, status } = (item ?? {}) as {
    readonly metadata?: { readonly labels?: unknown };
    readonly status?: { readonly conditions?: unknown };
  };
  return JSON.stringify([metadata?.labels, status?.conditions]).includes(text);
}

const listPlace = (namespace: string | undefined): { readonly what: string; readonly path: string } =>
  namespace === undefined
    ? { what: "list pods in all namespaces", path: "/api/v1/pods" }
    : { what: `list pods in namespace ${namespace}`, path: pathIn(namespace, "pods") };

function parsedPods(
  what: string,
  items: readonly unknown[],
  { rules, mentioning }: Pick<Listing, "rules" | "mentioning">,
): Pods | ClusterFailure {
  const pods: Pod[] = [];
  for (const item of items) {
    if (mentioning !== undefined && !mentions(item, mentioning)) continue;
    const read = podOf(what, item, rules);
    if (read.tag === "failed") return read;
    pods.push(read.pod);
  }
  return { tag: "pods", pods };
}

/** One pod as it is now; undefined: there is none. What cannot be a pod's name is not asked for. */
export async function getPod(
  send: Send,
  rules: PodRules,
  name: PodName,
): Promise<{ readonly tag: "pod"; readonly pod: Pod | undefined } | ClusterFailure> {
  if (!isNamespace(name.namespace) || !isPodName(name.name)) return { tag: "pod", pod: undefined };
  const what = `get pods in namespace ${name.namespace}`;
  const answer = await send({ method: "GET", path: podPath(name) });
  if (isStatus(answer, 404)) return { tag: "pod", pod: undefined };
  if (answer.tag !== "answer" || !isDone(answer)) return failureOf(what, answer);
  return podOf(what, answer.body, rules);
}

/** A pod that cannot be read is a failure of the whole: left out, it would pass for gone. */
function podOf(
  what: string,
  item: unknown,
  rules: PodRules,
): { readonly tag: "pod"; readonly pod: Pod } | ClusterFailure {
  const reading = readPod(item, rules);
  return reading.tag === "pod" ? reading : clusterUnavailable(`${what}: ${reading.problems.join("; ")}`);
}
