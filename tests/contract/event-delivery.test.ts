import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { after, afterEach, describe, it } from "node:test";
import { createPodStore } from "../harness/api-server/pod-store.ts";
import { type Broker, shippedAnnotations, startBroker } from "../harness/broker.ts";
import { runningPod } from "../harness/pods.ts";
import { cloudEvent, type PostedEvent, type Source, startSource } from "../harness/source.ts";

const servers: Server[] = [];
after(async () => {
  for (const server of servers) {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
});

interface Received {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A sink that answers with each of these statuses in turn, the last one for good; or as the event says. */
async function startSink(
  statuses: readonly number[] | ((name: unknown) => number),
  reply?: (response: ServerResponse) => void,
): Promise<{ readonly url: string; readonly received: Received[] }> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => void chunks.push(chunk));
    request.on("end", () => {
      response.statusCode =
        typeof statuses === "function"
          ? statuses(request.headers["ce-name"])
          : (statuses[Math.min(received.length, statuses.length - 1)] ?? 204);
      received.push({ headers: request.headers, body: Buffer.concat(chunks).toString() });
      if (reply !== undefined && response.statusCode < 300) reply(response);
      else response.end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, received };
}

const manifest = (name: string) => {
  const { status: _, ...pod } = runningPod({ metadata: { name } });
  return pod;
};

const recordedOf = (file: string): { readonly headers: Record<string, string>; readonly body: object } => {
  const text = readFileSync(new URL(`../fixtures/${file}`, import.meta.url), "utf8");
  return JSON.parse(text.split("\n")[0] ?? "") as { headers: Record<string, string>; body: object };
};

describe("an event of the source", () => {
  const apiServer = "https://127.0.0.1:26443";

  for (const [mode, file] of [
    ["Resource", "apiserversource-resource.jsonl"],
    ["Reference", "apiserversource-reference.jsonl"],
  ] as const) {
    it(`has the headers of the recorded one, in ${mode} mode`, () => {
      const recorded = recordedOf(file);
      const object = { ...runningPod(), metadata: { name: "rec-a", namespace: "default" } };
      const sink = `http://${recorded.headers["host"]}/`;
      const { headers, body } = cloudEvent(
        { mode, apiServer, sink, sourceNamespace: "default" },
        { type: "ADDED", object: object as never },
      );
      const fixed = { ...headers, "ce-id": "", "ce-time": "", "content-length": "" };
      assert.deepEqual(fixed, { ...recorded.headers, "ce-id": "", "ce-time": "", "content-length": "" });
      assert.equal(headers["content-length"], String(Buffer.byteLength(body)));
      if (mode === "Reference") assert.deepEqual(JSON.parse(body), recorded.body);
      else assert.deepEqual(JSON.parse(body), object);
    });
  }
});

const nameOf = ({ headers }: PostedEvent): string | undefined => headers["ce-name"];

describe("the source", () => {
  const sources: Source[] = [];
  afterEach(async () => {
    for (const source of sources.splice(0)) await source.stop();
  });

  async function begin(
    statuses: readonly number[],
    namespace?: string,
  ): Promise<{ pods: ReturnType<typeof createPodStore>; source: Source; received: readonly Received[] }> {
    const pods = createPodStore();
    pods.create(manifest("before"));
    const { url: sink, received } = await startSink(statuses);
    const options = { pods, apiServer: "http://api", sink, mode: "Resource", backoffMs: 1 } as const;
    const source = startSource({ ...options, ...(namespace !== undefined && { namespace }) });
    sources.push(source);
    return { pods, source, received };
  }

  it("tells of what happens in its order, and of nothing that was before", async () => {
    const { pods, source, received } = await begin([204]);
    const { metadata } = pods.create(manifest("a"));
    pods.replace(metadata, { labels: { "klight.networkId": "net-b" } });
    pods.replace(metadata, {});
    pods.create(manifest("b"));
    await source.settled();
    assert.deepEqual(
      received.map(({ headers }) => [headers["ce-name"], String(headers["ce-type"]).split(".").at(-1)]),
      [
        ["a", "add"],
        ["a", "update"],
        ["a", "delete"],
        ["b", "add"],
      ],
    );
    const gone = JSON.parse(received[2]?.body ?? "") as { metadata: { labels: Record<string, string> } };
    assert.deepEqual(gone.metadata.labels, { "klight.networkId": "net-b" });
    assert.equal(new Set(received.map(({ headers }) => headers["ce-id"])).size, 4);
  });

  it("tells of its own namespace alone where it has one", async () => {
    const { pods, source, received } = await begin([204], "mine");
    pods.create(manifest("a"), "mine");
    pods.create(manifest("a"), "other");
    await source.settled();
    assert.deepEqual(
      received.map(({ headers }) => headers["ce-namespace"]),
      ["mine"],
    );
  });

  for (const status of [404, 413, 425, 429, 502, 503, 504]) {
    it(`sends again after ${status}`, async () => {
      const { pods, source } = await begin([status, status, 204]);
      pods.create(manifest("a"));
      await source.settled();
      assert.deepEqual([source.delivered.length, source.lost.length], [1, 0]);
    });
  }

  for (const status of [400, 401, 403, 409, 500]) {
    it(`loses an event at once after ${status}`, async () => {
      const { pods, source, received } = await begin([status, 204]);
      pods.create(manifest("a"));
      pods.create(manifest("b"));
      await source.settled();
      assert.deepEqual(source.lost.map(nameOf), ["a"]);
      assert.equal(received.length, 2);
    });
  }

  it("loses an event after five retries, and goes on with the next", async () => {
    const { pods, source, received } = await begin([503, 503, 503, 503, 503, 503, 204]);
    pods.create(manifest("a"));
    pods.create(manifest("b"));
    await source.settled();
    assert.deepEqual([source.lost.map(nameOf), source.delivered.map(nameOf)], [["a"], ["b"]]);
    assert.equal(received.length, 7);
  });

  it("tells of nothing after it has stopped", async () => {
    const { pods, source, received } = await begin([204]);
    await source.stop();
    pods.create(manifest("a"));
    await source.settled();
    assert.equal(received.length, 0);
  });
});

const send = async (broker: Broker, type: string, changes: Record<string, string> = {}): Promise<number> => {
  const attributes = { "ce-id": "1", "ce-source": "s", "ce-specversion": "1.0", "ce-type": type };
  const headers = { "content-type": "application/json", ...attributes, ...changes };
  const { status } = await fetch(broker.url, { method: "POST", headers, body: "{}" });
  return status;
};

describe("the Broker with its Trigger", () => {
  const brokers: Broker[] = [];
  afterEach(async () => {
    for (const broker of brokers.splice(0)) await broker.close();
  });

  async function begin(
    statuses: readonly number[],
    reply?: (response: ServerResponse) => void,
  ): Promise<{ broker: Broker; received: readonly Received[] }> {
    const { url: subscriber, received } = await startSink(statuses, reply);
    const broker = await startBroker({ subscriber, types: ["dev.in.*", "ping"], retry: 3, backoffMs: 1 });
    brokers.push(broker);
    return { broker, received };
  }

  it("delivers the types of its filter, with their attributes", async () => {
    const { broker, received } = await begin([204]);
    for (const type of ["dev.in.add", "ping", "dev.out", "pings"])
      assert.equal(await send(broker, type), 202);
    await broker.settled();
    assert.deepEqual(
      new Set(received.map(({ headers }) => headers["ce-type"])),
      new Set(["dev.in.add", "ping"]),
    );
  });

  it("refuses what is no CloudEvent", async () => {
    const { broker } = await begin([204]);
    assert.equal(await send(broker, ""), 400);
    assert.equal(await send(broker, "ping", { "ce-specversion": "0.3" }), 400);
    assert.deepEqual(broker.taken, []);
  });

  for (const status of [500, 503, 404, 408, 409, 429]) {
    it(`delivers again after ${status}, and gives up after its retries`, async () => {
      const { broker, received } = await begin([status, status, 204, status]);
      await send(broker, "ping");
      await broker.settled();
      assert.deepEqual([received.length, broker.deadLetters.length], [3, 0]);
      await send(broker, "ping");
      await broker.settled();
      assert.deepEqual(
        broker.deadLetters.map((letter) => letter.status),
        [status],
      );
      assert.equal(received.length, 7);
    });
  }

  for (const status of [400, 401, 413, 415]) {
    it(`puts an event to the dead letters at once after ${status}`, async () => {
      const { broker, received } = await begin([status]);
      await send(broker, "ping");
      await broker.settled();
      assert.deepEqual([received.length, broker.deadLetters[0]?.status], [1, status]);
    });
  }

  it("takes a CloudEvent as reply, which its filter keeps from coming back", async () => {
    const { broker, received } = await begin([200], (response) => {
      response.setHeaders(
        new Map([
          ["content-type", "application/json"],
          ["ce-id", "2"],
          ["ce-source", "klight"],
          ["ce-specversion", "1.0"],
          ["ce-type", "dev.out"],
        ]),
      );
      response.end('{"a":1}');
    });
    await send(broker, "ping");
    await broker.settled();
    assert.deepEqual(
      broker.taken.map(({ headers, body }) => [headers["ce-type"], body]),
      [
        ["ping", "{}"],
        ["dev.out", '{"a":1}'],
      ],
    );
    assert.equal(received.length, 1);
  });

  it("takes any other reply for a failure", async () => {
    const { broker, received } = await begin([200], (response) => void response.end("ok"));
    await send(broker, "ping");
    await broker.settled();
    assert.equal(received.length, 4);
    assert.deepEqual(
      broker.deadLetters.map(({ status }) => status),
      [502],
    );
    assert.deepEqual(broker.badReplies, ["ok", "ok", "ok", "ok"]);
  });
});

describe("one event that is tried again and again", () => {
  const types = ["dev.knative.apiserver.resource.*"];

  /** It is followed by one that is taken at once. Names of what the subscriber got, in its order. */
  async function received(annotations: Readonly<Record<string, string>>): Promise<unknown[]> {
    const subscriber = await startSink((name) => (name === "held" ? 503 : 204));
    const delivery = { annotations, subscriber: subscriber.url, types, retry: 3, backoffMs: 100 };
    const broker = await startBroker(delivery);
    const pods = createPodStore();
    const source = startSource({ pods, apiServer: "http://api", sink: broker.url, mode: "Resource" });
    pods.create(manifest("held"));
    pods.create(manifest("good"));
    await source.settled();
    await broker.settled();
    await source.stop();
    await broker.close();
    assert.deepEqual([source.delivered.length, broker.deadLetters.length], [2, 1]);
    return subscriber.received.map(({ headers }) => headers["ce-name"]);
  }

  it("keeps the next one waiting at a Broker whose channel waits for its subscriber", async () => {
    assert.deepEqual(await received({}), ["held", "held", "held", "held", "good"]);
  });

  it("keeps nobody waiting at the Broker that is shipped", async () => {
    const names = await received(shippedAnnotations);
    assert.ok(names.indexOf("good") < names.lastIndexOf("held"), names.join(", "));
  });
});
