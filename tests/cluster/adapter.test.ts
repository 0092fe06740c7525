import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test, type TestContext } from "node:test";
import { startApiServer } from "../harness/api-server/api-server.ts";
import { run } from "../harness/api-server/kubelet.ts";
import type { PodObject } from "../harness/api-server/objects.ts";
import type { PodStore } from "../harness/api-server/pod-store.ts";
import { type PostedEvent, startSource } from "../harness/source.ts";
import { runningPod } from "../harness/pods.ts";
import { startAdapter } from "./adapter.ts";
import { auditOf } from "./audit.ts";
import { eventually } from "./eventually.ts";
import { Pods } from "./pods.ts";
import { type Account, accountFiles, admin, makeNamespace, tokenOf, unique } from "./real.ts";
import { applyRights } from "./stage.ts";

/** Takes events and keeps them. */
interface Sink {
  readonly url: string;
  readonly events: PostedEvent[];
  /** The status that an event is answered with. */
  answer: (event: PostedEvent) => number;
}

async function openSink(t: TestContext): Promise<Sink> {
  const events: PostedEvent[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const event = { headers: request.headers as PostedEvent["headers"], body };
      events.push(event);
      response.writeHead(sink.answer(event)).end();
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sink: Sink = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    events,
    answer: () => 202,
  };
  t.after(async () => {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  });
  return sink;
}

/** What happens to pods in these tests, on the double or on the real API server. */
type Acts = Pick<Pods, "create" | "change" | "relabel" | "delete" | "remove">;

const manifest = (name: string, labels: Readonly<Record<string, string>>): Parameters<Pods["create"]>[0] => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels },
  spec: { containers: [], ...runningPod().spec },
});

const doubleActs = (store: PodStore): Acts => ({
  create: async (made, namespace) =>
    store.create({ ...made, spec: { nodeName: "node-1", containers: [], ...made.spec } }, namespace),
  change: async (pod, act) => {
    act(store);
    return store.get(pod) as PodObject;
  },
  relabel: async (pod, labels) => void store.replace(pod, { labels }),
  delete: async (pod) => void store.markDeleted(pod),
  remove: async (pod) => void store.remove(pod),
});

async function live(acts: Acts, namespace: string): Promise<void> {
  const pod = { namespace, name: "a" };
  await acts.create(manifest("plain", { app: "x" }), namespace);
  await acts.create(manifest("a", { "klight.networkId": "net-a" }), namespace);
  await acts.change(pod, (store) => run(store, pod, "10.0.0.1"));
  await acts.relabel(pod, { app: "x" });
  await acts.change(pod, (store) => run(store, pod, "10.0.0.2"));
  await acts.relabel(pod, { "klight.networkId": "net-b" });
  await acts.delete(pod);
  await acts.remove(pod);
}

/** What the double's own HTTP client adds. */
const fetchs = new Set(["accept", "accept-language", "connection", "sec-fetch-mode"]);
/** Of an object, what differs from run to run; `generation` came with a later version than that of the recorded events. */
const made = new Set(["managedFields", "uid", "resourceVersion", "creationTimestamp", "generation"]);

const without = (object: object, names: ReadonlySet<string>): object =>
  Object.fromEntries(Object.entries(object).filter(([name]) => !names.has(name)));

/** An event without what differs from run to run. */
function shown({ headers, body }: PostedEvent): unknown {
  const own = new Set(["ce-id", "ce-time", "ce-source", "content-length", "host"]);
  const said = JSON.parse(body) as { readonly metadata?: { readonly deletionTimestamp?: string } };
  return {
    ...without(headers, new Set([...fetchs, ...own])),
    own: [...own].filter((name) => name in headers),
    body: said.metadata
      ? { ...without(said.metadata, made), deletionTimestamp: typeof said.metadata.deletionTimestamp }
      : said,
  };
}

let account: Account;
before(async () => {
  await applyRights();
  account = await accountFiles(await tokenOf("klight", "klight-source"));
});
after(() => account.remove());

describe("Knative's adapter between a real API server and a sink", () => {
  for (const mode of ["Resource", "Reference"] as const) {
    test(`sends in ${mode} mode what the double of the source sends`, async (t) => {
      const namespace = await makeNamespace(unique("told"));
      const [real, double] = [await openSink(t), await openSink(t)];
      const { kubeconfigOfGo: kubeconfig } = account;
      const adapter = await startAdapter({ kubeconfig, sink: real.url, mode, namespaces: [namespace] });
      t.after(() => adapter.stop());
      const api = await startApiServer();
      t.after(() => api.close());
      const source = startSource({ pods: api.pods, apiServer: api.url, sink: double.url, mode });
      t.after(() => source.stop());
      await live(new Pods(admin), namespace);
      await live(doubleActs(api.pods), namespace);
      await source.settled();
      await eventually(
        async () => real.events.length,
        (count) => count >= double.events.length,
      );
      assert.deepEqual(double.events.map(shown), real.events.map(shown));
    });
  }

  test("tries again what the double tries again, so often, and lets the next event wait meanwhile", async (t) => {
    const namespace = await makeNamespace(unique("retried"));
    const sink = await openSink(t);
    const statuses = [202, 400, 401, 403, 404, 408, 409, 413, 425, 429, 500, 502, 503, 504];
    const { kubeconfigOfGo: kubeconfig } = account;
    const attempts = (events: readonly PostedEvent[]): readonly string[] =>
      events.map(({ headers }) => headers["ce-name"] ?? "");
    const answer = ({ headers }: PostedEvent): number => Number(/\d+/u.exec(headers["ce-name"] ?? "")?.[0]);
    sink.answer = answer;
    const adapter = await startAdapter({
      kubeconfig,
      sink: sink.url,
      mode: "Reference",
      namespaces: [namespace],
    });
    t.after(() => adapter.stop());
    const pods = new Pods(admin);
    for (const status of [...statuses, 204])
      await pods.create(manifest(`s-${status}`, { "klight.networkId": "a" }), namespace);
    await eventually(
      async () => attempts(sink.events),
      (names) => names.includes("s-204"),
      120_000,
    );
    await adapter.stop();

    const api = await startApiServer();
    t.after(() => api.close());
    const double = await openSink(t);
    double.answer = answer;
    const source = startSource({
      pods: api.pods,
      apiServer: api.url,
      sink: double.url,
      mode: "Reference",
      backoffMs: 1,
    });
    t.after(() => source.stop());
    for (const status of [...statuses, 204])
      await doubleActs(api.pods).create(manifest(`s-${status}`, { "klight.networkId": "a" }), namespace);
    await source.settled();
    assert.deepEqual(attempts(double.events), attempts(sink.events));
  });

  test("tells nothing of what was there before, nor of what happened while it was away", async (t) => {
    const namespace = await makeNamespace(unique("unseen"));
    const sink = await openSink(t);
    const pods = new Pods(admin);
    await pods.create(manifest("before", { "klight.networkId": "a" }), namespace);
    const { kubeconfigOfGo: kubeconfig } = account;
    const adapter = await startAdapter({
      kubeconfig,
      sink: sink.url,
      mode: "Reference",
      namespaces: [namespace],
    });
    t.after(() => adapter.stop());
    await pods.create(manifest("seen", { "klight.networkId": "a" }), namespace);
    await eventually(
      async () => sink.events.length,
      (count) => count > 0,
    );
    await adapter.stop();
    await pods.create(manifest("away", { "klight.networkId": "a" }), namespace);
    await pods.remove({ namespace, name: "before" });
    const again = await startAdapter({
      kubeconfig,
      sink: sink.url,
      mode: "Reference",
      namespaces: [namespace],
    });
    t.after(() => again.stop());
    await pods.create(manifest("last", { "klight.networkId": "a" }), namespace);
    await eventually(
      async () => sink.events.length,
      (count) => count > 1,
    );
    assert.deepEqual(
      sink.events.map(({ headers }) => headers["ce-name"]),
      ["seen", "last"],
    );
  });
});

test("the adapter asks the API server only for what its role allows", async () => {
  const calls = await auditOf("system:serviceaccount:klight:klight-source");
  assert.ok(calls.length > 0);
  assert.deepEqual([...new Set(calls.filter(({ code }) => code === 403).map(({ right }) => right))], []);
});
