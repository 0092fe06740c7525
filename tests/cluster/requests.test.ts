import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import { runningPod } from "../harness/pods.ts";
import { Api, type ApiAnswer, type ApiRequest } from "../harness/api-client.ts";
import { admin, makeNamespace } from "./real.ts";
import { Pods } from "./pods.ts";

const NAMESPACE = "strict";
const strict = "?fieldManager=klight&fieldValidation=Strict";

type Pod = Parameters<Pods["create"]>[0];
const manifest = (name: string, changes: Pod["metadata"] = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, labels: { "klight.networkId": "a" }, ...changes },
  spec: { containers: [], ...runningPod().spec },
});

const post = (body: unknown): ApiRequest => ({
  method: "POST",
  path: `/api/v1/namespaces/${NAMESPACE}/pods`,
  body,
});
const withPort = (name: string): unknown => ({
  ...manifest("x"),
  spec: { containers: [{ name: "c", image: "c", ports: [{ name, containerPort: 1 }] }] },
});

const made: Readonly<Record<string, ApiRequest>> = {
  "a label value of 63 characters": post(manifest("long", { labels: { a: "x".repeat(63) } })),
  "an empty label value": post(manifest("empty", { labels: { "klight.networkId": "" } })),
  "a label value of 64 characters": post(manifest("x", { labels: { a: "x".repeat(64) } })),
  "a label value that ends with a hyphen": post(manifest("x", { labels: { a: "x-" } })),
  "a label key with two slashes": post(manifest("x", { labels: { "a/b/c": "x" } })),
  "an annotation key with two slashes": post(manifest("x", { annotations: { "a/b/c": "x" } })),
  "an upper-case port name": post(withPort("klightPort")),
  "a port name of 16 characters": post(withPort("abcdefghijklmnop")),
  "a port name without a letter": post(withPort("9081")),
  "a port name with two hyphens": post(withPort("a--b")),
  "a name in upper case": post(manifest("X")),
  "a name of 254 characters": post(manifest("x".repeat(254))),
  "a container without a name": post({ ...manifest("x"), spec: { containers: [{}] } }),
  "a pod without a container": post({ ...manifest("x"), spec: { containers: [] } }),
  "a pod that is there": post(manifest("patched")),
  "a pod of another namespace": post(manifest("x", { namespace: "other" })),
};

const condition = { type: "klight.dev/joined", status: "True" };
const patch = (
  body: unknown,
  contentType = "application/strategic-merge-patch+json",
  name = "patched",
): ApiRequest => ({
  method: "PATCH",
  path: `/api/v1/namespaces/${NAMESPACE}/pods/${name}/status${strict}`,
  body,
  contentType,
});
const conditions = (...list: readonly unknown[]): unknown => ({ status: { conditions: list } });

const patches: Readonly<Record<string, ApiRequest>> = {
  "a condition": patch(conditions(condition)),
  "a condition with a time in whole seconds": patch(
    conditions({ ...condition, lastTransitionTime: "2026-11-23T19:03:12Z" }),
  ),
  "another content type": patch(conditions(condition), "application/json"),
  "a field that a condition has not": patch(conditions({ ...condition, since: 1 })),
  "a condition without a status": patch(conditions({ type: "klight.dev/other" })),
  "a type that is no qualified name": patch(conditions({ ...condition, type: "a/b/c" })),
  "a time that is none": patch(conditions({ ...condition, lastTransitionTime: "yesterday" })),
  "the uid of another pod": patch({ metadata: { uid: "another" }, ...(conditions(condition) as object) }),
  "the status of a pod that is not there": patch(conditions(condition), undefined, "nobody"),
  "a body that is no JSON": { ...patch(undefined), body: "{" },
};

const event = {
  apiVersion: "v1",
  kind: "Event",
  metadata: { generateName: "x." },
  involvedObject: { apiVersion: "v1", kind: "Pod", namespace: NAMESPACE, name: "x", uid: "u" },
  type: "Normal",
  reason: "Joined",
  message: "in",
  source: { component: "klight" },
  reportingComponent: "klight",
  reportingInstance: "klight",
  firstTimestamp: "2026-11-23T19:03:12Z",
  lastTimestamp: "2026-11-23T19:03:12Z",
  count: 1,
};
const tell = (changes: object, query = strict): ApiRequest => ({
  method: "POST",
  path: `/api/v1/namespaces/${NAMESPACE}/events${query}`,
  body: { ...event, ...changes },
});

const events: Readonly<Record<string, ApiRequest>> = {
  "an Event": tell({}),
  "an Event with an unknown field": tell({ severity: "high" }),
  "an Event with an unknown field, not strictly": tell({ severity: "high" }, ""),
  "an Event without a name": tell({ metadata: {} }),
  "an Event of a pod of another namespace": tell({
    involvedObject: { ...event.involvedObject, namespace: "other" },
  }),
  "an Event of another namespace": tell({ metadata: { ...event.metadata, namespace: "other" } }),
  "a way to treat unknown fields that there is not": tell({}, "?fieldValidation=strict"),
};

const annotate = (metadata: object, { name = "patched", validation = "Strict" } = {}): ApiRequest => ({
  method: "PATCH",
  path: `/api/v1/namespaces/${NAMESPACE}/pods/${name}?fieldManager=kubectl-klight&fieldValidation=${validation}`,
  body: { metadata },
  contentType: "application/merge-patch+json",
});
const asking = { annotations: { "klight.dev/reform": "2026-11-23T19:03:12.000Z" } };

const annotations: Readonly<Record<string, ApiRequest>> = {
  "a request to re-form": annotate(asking),
  "one that is taken back": annotate({ annotations: { "klight.dev/reform": null } }),
  "one at a pod that is not there": annotate(asking, { name: "nobody" }),
  "one at another pod of that name": annotate({ uid: "another", ...asking }),
  "one with a field that metadata has not": annotate({ ...asking, annotation: {} }),
  "one that is no text": annotate({ annotations: { "klight.dev/reform": 1 } }),
  "an annotation key with two slashes": annotate({ annotations: { "a/b/c": "x" } }),
};

const get = (path: string, headers: Readonly<Record<string, string>> = {}): ApiRequest => ({
  method: "GET",
  path,
  headers,
});
const reads: Readonly<Record<string, ApiRequest>> = {
  "a pod": get(`/api/v1/namespaces/${NAMESPACE}/pods/patched`),
  "a pod that is not there": get(`/api/v1/namespaces/${NAMESPACE}/pods/nobody`),
  "a pod of a namespace that is not there": get("/api/v1/namespaces/nowhere/pods/nobody"),
  "the pods of a namespace that is not there": get("/api/v1/namespaces/nowhere/pods"),
  "a selector that has a value": get(
    `/api/v1/namespaces/${NAMESPACE}/pods?labelSelector=klight.networkId%3Da`,
  ),
  "a selector with a value that no label can have": get(
    `/api/v1/pods?labelSelector=${encodeURIComponent("klight.networkId=a b")}`,
  ),
  "a selector with a value of 64 characters": get(`/api/v1/pods?labelSelector=a%3D${"x".repeat(64)}`),
  "a selector by a field": get("/api/v1/pods?fieldSelector=status.podIP%3D10.0.0.1"),
  "a selector by a field that pods have not": get("/api/v1/pods?fieldSelector=status.hostIP%3D10.0.0.1"),
  "the Events about a pod": get(
    `/api/v1/namespaces/${NAMESPACE}/events?limit=500&fieldSelector=${encodeURIComponent("involvedObject.kind=Pod,involvedObject.name=x")}`,
  ),
  "Events by a field that they have not": get(
    `/api/v1/namespaces/${NAMESPACE}/events?fieldSelector=involvedObject.color%3Dred`,
  ),
  "its version": get("/version"),
  "a Secret that is not there": get(`/api/v1/namespaces/${NAMESPACE}/secrets/nobody`),
  "kinds of a group that is not there": get("/apis/nowhere.example.org/v1"),
  "a limit that is no number": get("/api/v1/pods?limit=many"),
  "a token to go on with that is none": get("/api/v1/pods?limit=1&continue=x"),
  "no type that it makes": get("/api/v1/pods", { accept: "text/html" }),
  "one type that it makes among others": get("/api/v1/pods?limit=1", {
    accept: "text/html, application/json;q=0.5",
  }),
  "a resource that there is not": get(`/api/v1/namespaces/${NAMESPACE}/pod`),
  "a slash in a name": get(`/api/v1/namespaces/${NAMESPACE}/pods%2Fpatched`),
  "a name that is a step up": get(`/api/v1/namespaces/${NAMESPACE}/pods/%252e%252e`),
  "a name with a percent sign": get(`/api/v1/namespaces/${NAMESPACE}/pods/a%25b`),
  "a method that the resource has not": {
    method: "PUT",
    path: `/api/v1/namespaces/${NAMESPACE}/events`,
    body: {},
  },
};

/** Where the double is stricter than a real one on purpose: klight does not do so, and nobody would notice there. */
const stricter: Readonly<Record<string, ApiRequest>> = {
  "a parameter with a typing error": get("/api/v1/pods?labelselector=a"),
  "a status that a condition cannot have": patch(conditions({ ...condition, status: "Yes" })),
  "a time with milliseconds": patch(
    conditions({ ...condition, lastTransitionTime: "2026-11-23T19:03:12.123Z" }),
  ),
  "an Event of a type that is none": tell({ type: "Error" }),
  "an Event with a message of 2,000 characters": tell({ message: "x".repeat(2000) }),
  "an Event with a name of 300 characters to make one from": tell({
    metadata: { generateName: "x".repeat(300) },
  }),
  "an Event with a name in upper case": tell({ metadata: { name: "X" } }),
};

interface Refused {
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly field?: string }[] };
}

/** What is compared: of a refusal its reason, and the fields that it names. */
const shown = ({ status, contentType, body }: ApiAnswer): unknown => {
  if (status < 400) return { status, contentType };
  const { reason, details } = body as Refused;
  return {
    status,
    contentType,
    reason,
    fields: [...new Set(details?.causes?.map(({ field = "" }) => field))].toSorted(),
  };
};

describe("the double answers as a real API server does:", () => {
  let double: ApiServer;
  let toDouble: Api;
  before(async () => {
    double = await startApiServer();
    toDouble = new Api(double);
    await makeNamespace(NAMESPACE);
    await new Pods(admin).create(manifest("patched"), NAMESPACE);
    double.pods.create(manifest("patched"), NAMESPACE);
  });
  after(() => double.close());

  for (const [kind, requests] of Object.entries({ made, patches, annotations, events, reads })) {
    for (const [what, request] of Object.entries(requests)) {
      test(`${kind}: ${what}`, async () => {
        assert.deepEqual(shown(await toDouble.send(request)), shown(await admin.send(request)));
      });
    }
  }

  for (const [what, request] of Object.entries(stricter)) {
    test(`but refuses ${what}`, async () => {
      const [strictly, really] = [await toDouble.send(request), await admin.send(request)];
      assert.ok(strictly.status >= 400 && really.status < 300, `${strictly.status} ${really.status}`);
    });
  }
});
