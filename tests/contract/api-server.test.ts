import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { IPod } from "kubernetes-models/v1/Pod";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import { run } from "../harness/api-server/kubelet.ts";
import type { PodObject } from "../harness/api-server/objects.ts";
import type { WatchEvent } from "../harness/api-server/pod-store.ts";

/** The manifest that the recorded events were made with. */
const manifest = (name: string, changes: IPod["metadata"] = {}): IPod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { "klight.networkId": "netA" }, ...changes },
  spec: {
    automountServiceAccountToken: false,
    containers: [
      { image: "busybox", name: "app" },
      { image: "lightpeer", name: "lightpeer", ports: [{ containerPort: 9081, name: "klightport" }] },
    ],
  },
});

let api: ApiServer;
before(async () => {
  api = await startApiServer();
});
after(() => api.close());

/** As klight writes: what is not known is refused. */
const strict = "?fieldValidation=Strict";

interface StatusBody {
  readonly kind: string;
  readonly status?: string;
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
}

async function send(
  method: string,
  path: string,
  body?: unknown,
  contentType = "application/json",
): Promise<{ readonly code: number; readonly body: StatusBody }> {
  const response = await fetch(`${api.url}${path}`, {
    method,
    ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": contentType } }),
  });
  return { code: response.status, body: (await response.json()) as StatusBody };
}

/** Every path and the type there; the values, and who wrote which field, differ from run to run. */
function shapeOf(value: unknown, path = ""): readonly string[] {
  if (path.endsWith(".fieldsV1")) return [`${path}: object`];
  if (Array.isArray(value)) return value.flatMap((item: unknown) => shapeOf(item, `${path}[]`));
  if (typeof value === "object" && value !== null) {
    return Object.entries(value).flatMap(([key, item]) => shapeOf(item, `${path}.${key}`));
  }
  // Test pods have no clock behind their conditions; those of the double have.
  if (/\.last(Probe|Transition)Time$/u.test(path)) return [`${path}: time`];
  return [`${path}: ${typeof value}`];
}

const sorted = (value: unknown): readonly string[] => [...new Set(shapeOf(value))].toSorted();

describe("a pod of the double, compared with the recorded ones", () => {
  const recorded = readFileSync(
    new URL("../fixtures/apiserversource-resource.jsonl", import.meta.url),
    "utf8",
  )
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly body: PodObject }).body);

  it("has the same fields when it is made, runs, and goes", () => {
    const pod = api.pods.create(manifest("rec-b"), "shapes").metadata;
    const seen = [api.pods.get(pod)];
    run(api.pods, pod, "127.0.0.12");
    // The recorded kubelet told of one container alone.
    api.pods.changeStatus(pod, (status) => {
      status.containerStatuses = (status.containerStatuses ?? []).filter(({ name }) => name === "lightpeer");
    });
    seen.push(api.pods.get(pod), api.pods.markDeleted(pod, 0), api.pods.remove(pod));
    const [, , , , , added, running, deleting, deleted] = recorded;
    const shapes = [added, running, deleting, deleted].map(withPort);
    assert.deepEqual(seen.map(sorted), shapes.map(sorted));
  });

  /** The recorded rec-b declares no port, rec-a does. */
  const withPort = (pod: PodObject | undefined): unknown => ({ ...pod, spec: recorded[0]?.spec });
});

describe("the double refuses what an API server refuses", () => {
  const labelled = (labels: Record<string, string>): IPod => manifest("x", { labels });
  const withPort = (name: string): IPod => ({
    ...manifest("x"),
    spec: { containers: [{ name: "c", image: "c", ports: [{ name, containerPort: 1 }] }] },
  });
  const refused: readonly [string, IPod, string][] = [
    ["a label value of 64 characters", labelled({ a: "x".repeat(64) }), "metadata.labels"],
    ["a label value that ends with a hyphen", labelled({ a: "x-" }), "metadata.labels"],
    ["a label key with two slashes", labelled({ "a/b/c": "x" }), "metadata.labels"],
    ["an upper-case port name", withPort("klightPort"), "IANA_SVC_NAME"],
    ["a port name of 16 characters", withPort("abcdefghijklmnop"), "IANA_SVC_NAME"],
    ["a port name without a letter", withPort("9081"), "IANA_SVC_NAME"],
    ["a name in upper case", manifest("X"), "metadata.name"],
    [
      "a container without a name",
      { ...manifest("x"), spec: { containers: [{}] } } as IPod,
      "spec.containers[0].name: Required value",
    ],
  ];
  for (const [what, pod, message] of refused) {
    it(what, async () => {
      const { code, body } = await send("POST", "/api/v1/namespaces/strict/pods", pod);
      assert.equal(code, 422);
      assert.deepEqual(
        [body.kind, body.status, body.code, body.reason],
        ["Status", "Failure", 422, "Invalid"],
      );
      assert.ok(body.message?.includes(message), body.message);
      assert.equal(api.pods.get({ namespace: "strict", name: "x" }), undefined);
    });
  }

  for (const labels of [{ a: "x".repeat(63) }, { "klight.networkId": "" }, { "a.example/b": "A_b.c" }]) {
    it(`and takes ${JSON.stringify(labels).slice(0, 40)}`, async () => {
      const pod = manifest(
        `taken-${Object.keys(labels).join("").length}-${Object.values(labels).join("").length}`,
        { labels },
      );
      assert.equal((await send("POST", "/api/v1/namespaces/strict/pods", pod)).code, 201);
    });
  }

  const podPath = "/api/v1/namespaces/strict/pods/patched";
  const condition = { type: "klight.dev/joined", status: "True" };
  const patches: readonly [string, unknown, string, number][] = [
    ["another content type", { status: { conditions: [condition] } }, "application/json", 415],
    [
      "a field that a condition has not",
      { status: { conditions: [{ ...condition, since: 1 }] } },
      "application/strategic-merge-patch+json",
      422,
    ],
    [
      "a status that a condition cannot have",
      { status: { conditions: [{ ...condition, status: "Yes" }] } },
      "application/strategic-merge-patch+json",
      422,
    ],
    [
      "a time with milliseconds",
      { status: { conditions: [{ ...condition, lastTransitionTime: "2026-11-23T19:03:12.123Z" }] } },
      "application/strategic-merge-patch+json",
      422,
    ],
    [
      "the uid of another pod",
      { metadata: { uid: "another" }, status: { conditions: [condition] } },
      "application/strategic-merge-patch+json",
      422,
    ],
  ];
  for (const [what, patch, type, expected] of patches) {
    it(`a status patch with ${what}`, async () => {
      if (api.pods.get({ namespace: "strict", name: "patched" }) === undefined)
        api.pods.create(manifest("patched"), "strict");
      assert.equal((await send("PATCH", `${podPath}/status${strict}`, patch, type)).code, expected);
      assert.equal(api.pods.get({ namespace: "strict", name: "patched" })?.status.conditions, undefined);
    });
  }

  it("and answers a status patch that it takes with the whole pod", async () => {
    const pod = api.pods.create(manifest("whole"), "strict").metadata;
    run(api.pods, pod, "127.0.0.12");
    const path = "/api/v1/namespaces/strict/pods/whole";
    const patch = { metadata: { uid: pod.uid }, status: { conditions: [condition] } };
    const patched = await send("PATCH", `${path}/status`, patch, "application/strategic-merge-patch+json");
    assert.equal(patched.code, 200);
    assert.deepEqual(patched.body, (await send("GET", path)).body);
    const { spec, status } = patched.body as unknown as PodObject;
    assert.deepEqual([spec.containers.length, status.phase], [2, "Running"]);
    assert.deepEqual(
      status.conditions?.map(({ type }) => type),
      ["ContainersReady", "Ready", "klight.dev/joined"],
    );
  });

  const event = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { generateName: "x." },
    involvedObject: { apiVersion: "v1", kind: "Pod", namespace: "strict", name: "x", uid: "u" },
    type: "Normal",
    reason: "Joined",
    message: "in",
    source: { component: "klight" },
    firstTimestamp: "2026-11-23T19:03:12Z",
    lastTimestamp: "2026-11-23T19:03:12Z",
    count: 1,
  };
  const events: readonly [string, unknown, number][] = [
    ["with an unknown field", { ...event, severity: "high" }, 400],
    ["without a name", { ...event, metadata: {} }, 422],
    [
      "about a pod of another namespace",
      { ...event, involvedObject: { ...event.involvedObject, namespace: "other" } },
      422,
    ],
    ["of another namespace", { ...event, metadata: { ...event.metadata, namespace: "other" } }, 400],
    ["of a type that is none", { ...event, type: "Error" }, 400],
  ];
  for (const [what, body, expected] of events) {
    it(`an Event ${what}`, async () => {
      const stored = api.events.length;
      assert.equal((await send("POST", `/api/v1/namespaces/strict/events${strict}`, body)).code, expected);
      assert.equal(api.events.length, stored);
    });
  }

  it("but drops a field that it does not know where nobody asked it to be strict", async () => {
    const body = { ...event, reason: "Dropped", severity: "high" };
    assert.equal((await send("POST", "/api/v1/namespaces/strict/events", body)).code, 201);
    const stored = api.events.find(({ reason }) => reason === "Dropped");
    assert.ok(stored && !("severity" in stored));
  });

  it("a way to treat such fields that there is not", async () => {
    const path = "/api/v1/namespaces/strict/events?fieldValidation=strict";
    assert.equal((await send("POST", path, event)).code, 422);
  });

  it("and takes the Event without these", async () => {
    assert.equal((await send("POST", "/api/v1/namespaces/strict/events", event)).code, 201);
  });

  it("whoever brings no token, where one is needed", async () => {
    const guarded = await startApiServer({ token: "t" });
    try {
      assert.equal((await fetch(`${guarded.url}/api/v1/pods`)).status, 401);
      const headers = { authorization: "Bearer t" };
      assert.equal((await fetch(`${guarded.url}/api/v1/pods`, { headers })).status, 200);
    } finally {
      await guarded.close();
    }
  });

  it("a type of answer that it does not make", async () => {
    const path = `${api.url}/api/v1/pods`;
    const other = await fetch(path, { headers: { accept: "application/jwk-set+json, text/html" } });
    assert.equal(other.status, 406);
    const taken = await fetch(path, { headers: { accept: "text/html, application/json;q=0.5" } });
    assert.equal(taken.status, 200);
  });

  const odd: readonly [string, string, string, number][] = [
    ["a parameter with a typing error", "GET", "/api/v1/pods?labelselector=a", 400],
    ["a method that the resource has not", "PUT", "/api/v1/namespaces/strict/events", 405],
    ["a resource that there is not", "GET", "/api/v1/namespaces/strict/pod", 404],
    ["a slash in a name, which it takes for one of the path", "GET", "/api/v1/namespaces/x/pods%2Fa", 404],
    ["a name that is a step up", "GET", "/api/v1/namespaces/x/pods/%252e%252e", 400],
  ];
  for (const [what, method, path, expected] of odd) {
    it(what, async () => {
      assert.equal((await send(method, path)).code, expected);
    });
  }

  it("a selector, a limit and a token that it does not understand", async () => {
    for (const query of ["labelSelector=a%20in%20(b)", "limit=many", "continue=x"]) {
      assert.equal((await send("GET", `/api/v1/pods?${query}`)).code, 400, query);
    }
  });
});

describe("the double's LIST", () => {
  it("shows the pods of one moment on all its pages", async () => {
    for (const name of ["a", "b", "c"]) api.pods.create(manifest(name), "pages");
    type Page = StatusBody & {
      readonly metadata: { readonly continue?: string };
      readonly items: readonly PodObject[];
    };
    const first = (await send("GET", "/api/v1/namespaces/pages/pods?limit=2")).body as Page;
    api.pods.remove({ namespace: "pages", name: "c" });
    const second = (
      await send("GET", `/api/v1/namespaces/pages/pods?limit=2&continue=${first.metadata.continue}`)
    ).body as Page;
    const names = [...first.items, ...second.items].map(({ metadata }) => metadata.name);
    assert.deepEqual(names, ["a", "b", "c"]);
    assert.equal(second.metadata.continue, undefined);
    assert.ok(!("kind" in (first.items[0] ?? {})));
  });

  it("shows what was, while it is frozen", async () => {
    const pod = { namespace: "frozen", name: "a" };
    api.pods.create(manifest("a"), "frozen");
    api.freezeLists();
    api.pods.remove(pod);
    const list = async (): Promise<number> => {
      const { body } = await send("GET", "/api/v1/namespaces/frozen/pods");
      return (body as unknown as { readonly items: readonly unknown[] }).items.length;
    };
    assert.equal(await list(), 1);
    assert.equal((await send("GET", "/api/v1/namespaces/frozen/pods/a")).code, 404);
    api.thawLists();
    assert.equal(await list(), 0);
  });
});

describe("a watch of the double", () => {
  it("tells of a pod that comes, changes, loses its label, and of none before", () => {
    const namespace = "watched";
    api.pods.create(manifest("before"), namespace);
    const seen: WatchEvent[] = [];
    const stop = api.pods.watch("klight.networkId", (event) => void seen.push(event));
    const pod = api.pods.create(manifest("a"), namespace).metadata;
    api.pods.replace(pod, { labels: { "klight.networkId": "netB" } });
    api.pods.replace(pod, { labels: { app: "x" } });
    api.pods.replace(pod, { labels: { app: "y" } });
    stop();
    api.pods.remove({ namespace, name: "before" });
    assert.deepEqual(
      seen.map(({ type, object }) => [type, object.metadata.labels?.["klight.networkId"]]),
      [
        ["ADDED", "netA"],
        ["MODIFIED", "netB"],
        ["DELETED", "netB"],
      ],
    );
    const versions = seen.map(({ object }) => Number(object.metadata.resourceVersion));
    assert.equal(new Set(versions).size, 3);
  });

  it("tells of a deletion three times: when it is asked for, when its time is over, and when it is done", async () => {
    const pod = api.pods.create(manifest("goes"), "watched").metadata;
    const seen: WatchEvent[] = [];
    const stop = api.pods.watch("klight.networkId=netA", (event) => void seen.push(event));
    await send("DELETE", "/api/v1/namespaces/watched/pods/goes");
    api.pods.remove(pod);
    stop();
    assert.deepEqual(
      seen.map(({ type, object }) => [type, object.metadata.deletionGracePeriodSeconds]),
      [
        ["MODIFIED", 30],
        ["MODIFIED", 0],
        ["DELETED", 0],
      ],
    );
  });
});
