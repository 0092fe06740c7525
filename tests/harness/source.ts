import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { PodStore, WatchEvent } from "./api-server/pod-store.ts";

export interface SourceOptions {
  readonly pods: PodStore;
  /** Address of the API server; the events name it as their source. */
  readonly apiServer: string;
  /** Where events are posted. */
  readonly sink: string;
  /** What an event carries: the pod, or only its name. */
  readonly mode: "Resource" | "Reference";
  /** Where the source itself is; default `klight`. */
  readonly sourceNamespace?: string;
  /** Whose pods are told of; absent: all namespaces. */
  readonly namespace?: string;
  readonly selector?: string;
  /** Before the first retry, in ms; doubles with each, 5 of them. What the adapter does: about 3 s in all. */
  readonly backoffMs?: number;
}

/** One event as it was posted. */
export interface PostedEvent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What an ApiServerSource's adapter does. */
export interface Source {
  /** Events given up: after five retries, or at once where the answer was one that is not asked again. */
  readonly lost: readonly PostedEvent[];
  readonly delivered: readonly PostedEvent[];
  /** When everything that has happened so far is delivered or lost. */
  settled(): Promise<void>;
  /** Watches no longer; what waits is dropped, as when the adapter's pod dies. */
  stop(): Promise<void>;
}

const RETRIES = 5;
const retried = new Set([404, 413, 425, 429, 502, 503, 504]);

/**
 * Watches the double and posts CloudEvents in binary mode, one after the other. Nothing is told of what exists at the
 * start, nor of what happens after {@link Source.stop}.
 */
export function startSource(options: SourceOptions): Source {
  const lost: PostedEvent[] = [];
  const delivered: PostedEvent[] = [];
  const stopping = new AbortController();
  let queue = Promise.resolve();

  const deliverAfter = async (earlier: Promise<void>, event: PostedEvent): Promise<void> => {
    await earlier;
    if (stopping.signal.aborted) return;
    const isDelivered = await deliver(options, event, stopping.signal);
    (isDelivered ? delivered : lost).push(event);
  };

  const stopWatching = options.pods.watch(options.selector ?? "klight.networkId", (change) => {
    const { namespace } = options;
    if (namespace !== undefined && change.object.metadata.namespace !== namespace) return;
    queue = deliverAfter(queue, cloudEvent(options, change));
  });

  return {
    lost,
    delivered,
    async settled() {
      // What is delivered may cause changes that are events in their turn.
      for (let waited; waited !== queue;) {
        waited = queue;
        await waited;
      }
    },
    async stop() {
      stopWatching();
      stopping.abort();
      await queue;
    },
  };
}

/** Headers and body exactly as the adapter sends them; `tests/fixtures` has recorded ones. */
export function cloudEvent(
  {
    mode,
    apiServer,
    sink,
    sourceNamespace = "klight",
  }: Pick<SourceOptions, "mode" | "apiServer" | "sink" | "sourceNamespace">,
  { type, object }: WatchEvent,
): PostedEvent {
  const { namespace, name } = object.metadata;
  const change = { ADDED: "add", MODIFIED: "update", DELETED: "delete" }[type];
  const reference = { kind: "Pod", namespace, name, apiVersion: "v1" };
  const body = JSON.stringify(mode === "Resource" ? object : reference);
  return {
    headers: {
      host: new URL(sink).host,
      "user-agent": "Go-http-client/1.1",
      "content-length": String(Buffer.byteLength(body)),
      "ce-apiversion": "v1",
      "ce-id": randomUUID(),
      "ce-kind": "Pod",
      "ce-name": name,
      "ce-namespace": namespace,
      "ce-source": apiServer,
      "ce-specversion": "1.0",
      "ce-subject": `/apis/v1/namespaces/${namespace}/pods/${name}`,
      "ce-time": new Date().toISOString(),
      "ce-type": `dev.knative.apiserver.${mode === "Resource" ? "resource" : "ref"}.${change}`,
      "content-type": "application/json",
      // Where the source is, which need not be where the pod is.
      "kn-namespace": sourceNamespace,
      "accept-encoding": "gzip",
    },
    body,
  };
}

async function deliver(options: SourceOptions, event: PostedEvent, signal: AbortSignal): Promise<boolean> {
  for (let attempt = 0; attempt <= RETRIES; attempt += 1) {
    const status = await post(options.sink, event, signal);
    if (status !== undefined && status >= 200 && status < 300) return true;
    if (status !== undefined && !retried.has(status)) return false;
    const backoff = (options.backoffMs ?? 100) * 2 ** attempt;
    if (attempt < RETRIES) await sleep(backoff, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return false;
  }
  return false;
}

/** The status; undefined: no answer came. */
async function post(sink: string, event: PostedEvent, signal: AbortSignal): Promise<number | undefined> {
  const { host: _host, "content-length": _length, ...headers } = event.headers;
  try {
    const response = await fetch(sink, { method: "POST", headers, body: event.body, signal });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return undefined;
  }
}
