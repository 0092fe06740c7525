import { once } from "node:events";
import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import express, { type Request } from "express";
import { parse } from "yaml";
import { z } from "zod";

const brokerSchema = z.looseObject({
  metadata: z.looseObject({ annotations: z.record(z.string(), z.string()) }),
});

/** The annotations of the Broker that klight ships. */
export const shippedAnnotations = brokerSchema.parse(
  parse(readFileSync(new URL("../../knative/base/broker.yaml", import.meta.url), "utf8")),
).metadata.annotations;

export interface BrokerOptions {
  /** As on the Broker; `messaging.knative.dev/async-handler` says whether a sender waits for the subscriber. */
  readonly annotations?: Readonly<Record<string, string>>;
  /** Where the Trigger delivers. */
  readonly subscriber: string;
  /** The types that the Trigger lets through, each a type or the beginning of one and `*`. */
  readonly types: readonly string[];
  /** As in the Trigger's `delivery`. */
  readonly retry: number;
  /** Before the first retry, in ms; doubles with each. */
  readonly backoffMs: number;
  readonly timeoutMs?: number;
  /** The Trigger's own `Authorization`, asked for with each attempt; absent: it sends none. */
  readonly authorization?: () => Promise<string>;
}

/** An event in binary mode: its attributes and other headers, and its data. */
interface BrokerEvent {
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A Broker with one Trigger. */
export interface Broker {
  readonly url: string;
  /** What came in, the subscriber's own replies too. */
  readonly taken: readonly BrokerEvent[];
  readonly deadLetters: readonly (BrokerEvent & { readonly status: number | undefined })[];
  /** Answers of the subscriber that a real Trigger would turn into a 502. */
  readonly badReplies: readonly string[];
  /** When nothing is under way. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Delivers the events that the Trigger lets through, with retries: as many side by side as come in, in no order. A sender
 * gets its answer when its event is delivered or a dead letter, for so long does an in-memory channel wait for its
 * subscriber, and the Broker for the channel; with the annotation `messaging.knative.dev/async-handler: "true"`, at once.
 * A reply must be empty or a CloudEvent, which goes into the Broker in its turn.
 */
export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const taken: BrokerEvent[] = [];
  const deadLetters: (BrokerEvent & { readonly status: number | undefined })[] = [];
  const badReplies: string[] = [];
  const underWay = new Set<Promise<void>>();
  const closing = new AbortController();
  const isAsync = options.annotations?.["messaging.knative.dev/async-handler"] === "true";

  /** Resolves when the sender gets its answer. */
  const take = async (event: BrokerEvent): Promise<void> => {
    taken.push(event);
    if (!isLetThrough(event.headers["ce-type"] ?? "", options.types)) return;
    const work = deliver(event).finally(() => underWay.delete(work));
    underWay.add(work);
    if (!isAsync) await work;
  };

  async function deliver(event: BrokerEvent): Promise<void> {
    let status: number | undefined;
    for (let attempt = 0; attempt <= options.retry; attempt += 1) {
      const delivery = await deliverOnce(options, event, closing.signal);
      if (closing.signal.aborted) return;
      ({ status } = delivery);
      if (delivery.badReply !== undefined) badReplies.push(delivery.badReply);
      if (delivery.reply !== undefined) await take(delivery.reply);
      if (isDone(status)) return;
      if (!isRetried(status)) break;
      if (attempt < options.retry) await pause(options.backoffMs * 2 ** attempt, closing.signal);
    }
    deadLetters.push({ ...event, status });
  }

  const app = express();
  app.use(express.text({ type: () => true, limit: "4mb" }));
  app.post("/", async (request, response) => {
    const event = eventOf(request);
    if (event === undefined) return void response.status(400).end();
    await take(event);
    response.status(202).end();
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    taken,
    deadLetters,
    badReplies,
    async settled() {
      while (underWay.size > 0) await Promise.all(underWay);
    },
    async close() {
      closing.abort();
      await Promise.all(underWay);
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

interface Delivery {
  /** Undefined: no answer came. */
  readonly status: number | undefined;
  readonly reply?: BrokerEvent;
  readonly badReply?: string;
}

async function deliverOnce(
  { subscriber, timeoutMs = 30_000, authorization }: BrokerOptions,
  event: BrokerEvent,
  closing: AbortSignal,
): Promise<Delivery> {
  const signal = AbortSignal.any([closing, AbortSignal.timeout(timeoutMs)]);
  const headers = { ...event.headers, ...(authorization && { authorization: await authorization() }) };
  try {
    const response = await fetch(subscriber, { method: "POST", headers, body: event.body, signal });
    const text = await response.text();
    if (!response.ok || text === "") return { status: response.status };
    const replied = Object.fromEntries([...response.headers].filter(([name]) => isOfEvent(name)));
    if (isCloudEvent(replied)) return { status: response.status, reply: { headers: replied, body: text } };
    return { status: 502, badReply: text };
  } catch {
    return { status: undefined };
  }
}

const pause = async (ms: number, signal: AbortSignal): Promise<void> => {
  await sleep(ms, undefined, { signal }).catch(() => undefined);
};

const isDone = (status: number | undefined): boolean => status !== undefined && status >= 200 && status < 300;

/** No answer, any 5xx, and these; other 4xx are dead at once. */
const isRetried = (status: number | undefined): boolean =>
  status === undefined || status >= 500 || [404, 408, 409, 429].includes(status);

const isLetThrough = (type: string, types: readonly string[]): boolean =>
  types.some((each) => (each.endsWith("*") ? type.startsWith(each.slice(0, -1)) : type === each));

/** What a Broker passes on: the event, not the connection it came by. */
const isOfEvent = (header: string): boolean => header.startsWith("ce-") || header === "content-type";

const isCloudEvent = (headers: Readonly<Record<string, string>>): boolean =>
  ["ce-id", "ce-source", "ce-type"].every((name) => (headers[name] ?? "") !== "") &&
  headers["ce-specversion"] === "1.0";

function eventOf(request: Request): BrokerEvent | undefined {
  const headers = Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      isOfEvent(name) && typeof value === "string" ? [[name, value] as const] : [],
    ),
  );
  const body: unknown = request.body;
  return isCloudEvent(headers) ? { headers, body: typeof body === "string" ? body : "" } : undefined;
}
