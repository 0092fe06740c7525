import express, { type Express, type Request, type Response } from "express";
import type { IPod } from "kubernetes-models/v1/Pod";
import { type ApiCall, type Fault, isSuffered } from "./faults.ts";
import { newEvent, type StoredEvent } from "./new-event.ts";
import type { PodObject } from "./objects.ts";
import type { Pages } from "./pages.ts";
import type { Named, PodStore } from "./pod-store.ts";
import { parseFieldSelector, parseSelector } from "./selector.ts";
import { otherObjects, type OtherObjects } from "./other-objects.ts";
import { badRequest, ELSEWHERE, invalid, notFound, refuse, RefusedError, reply } from "./status.ts";
import {
  annotationsPatch,
  type FieldValidation,
  readObject,
  statusPatch,
  strictProblems,
} from "./validation.ts";

export interface RoutesOptions {
  readonly pods: PodStore;
  readonly pages: Pages;
  readonly events: StoredEvent[];
  /** The pods that a LIST shows. */
  readonly listed: () => readonly PodObject[];
  readonly token: string | undefined;
  readonly objects: OtherObjects;
  /** Told of each request; answers what is wrong with it. */
  readonly takes: (call: ApiCall) => Fault | undefined;
}

type Answer = (request: Request) => { readonly code: number; readonly body: object };
type Namespaced = { readonly namespace?: string; readonly name?: string };

export function createRoutes(options: RoutesOptions): Express {
  const { pods } = options;
  const app = express();
  app.use(express.text({ type: () => true, limit: "3mb" }));
  app.use((request, _response, next) => {
    request.url = asGoReadsIt(request.url);
    next();
  });

  const route = (
    method: "get" | "post" | "put" | "patch" | "delete",
    path: string,
    call: Pick<ApiCall, "verb" | "resource">,
    answer: Answer,
  ): void => {
    app[method](path, async (request, response) => {
      const { namespace, name } = request.params as Namespaced;
      const { fieldSelector } = request.query as Record<string, string | undefined>;
      const made = {
        ...call,
        ...(fieldSelector !== undefined && { fieldSelector }),
        ...(namespace !== undefined && { namespace }),
        ...(name !== undefined && { name }),
      };
      const fault = options.takes(made);
      if (fault !== undefined && (await isSuffered(fault, made, response))) return;
      respond({ request, response, answer, token: options.token });
    });
  };

  const inNamespace = "/api/v1/namespaces/:namespace";
  const list: Answer = (request) => ({ code: 200, body: listPods(options, request) });
  route("get", "/api/v1/pods", { verb: "list", resource: "pods" }, list);
  route("get", `${inNamespace}/pods`, { verb: "list", resource: "pods" }, list);
  route("get", `${inNamespace}/pods/:name`, { verb: "get", resource: "pods" }, (request) => {
    const pod = pods.get(named(request));
    if (pod === undefined) throw new RefusedError(notFound("pods", named(request).name));
    return { code: 200, body: pod };
  });
  route("post", `${inNamespace}/pods`, { verb: "create", resource: "pods" }, (request) => {
    const manifest = json(request, ["application/json"]) as IPod;
    const { namespace } = named(request);
    if ((manifest.metadata?.namespace ?? namespace) !== namespace)
      throw new RefusedError(badRequest(ELSEWHERE));
    return { code: 201, body: pods.create(manifest, named(request).namespace) };
  });
  route("put", `${inNamespace}/pods/:name`, { verb: "update", resource: "pods" }, (request) => {
    const { metadata } = json(request, ["application/json"]) as IPod;
    return { code: 200, body: pods.replace(named(request), metadata ?? {}) };
  });
  route("delete", `${inNamespace}/pods/:name`, { verb: "delete", resource: "pods" }, (request) => {
    const grace = Number(request.query["gracePeriodSeconds"] ?? 30);
    const marked = pods.markDeleted(named(request), grace);
    return { code: 200, body: grace === 0 ? pods.remove(named(request)) : marked };
  });
  route(
    "patch",
    `${inNamespace}/pods/:name/status`,
    { verb: "patch", resource: "pods/status" },
    (request) => {
      return { code: 200, body: patchStatus(pods, request) };
    },
  );
  route("patch", `${inNamespace}/pods/:name`, { verb: "patch", resource: "pods" }, (request) => {
    return { code: 200, body: patchAnnotations(pods, request) };
  });
  route("get", `${inNamespace}/events`, { verb: "list", resource: "events" }, ({ query, params }) => {
    const { namespace } = params as Namespaced;
    const { fieldSelector = "" } = query as Record<string, string | undefined>;
    const has = eventSelector(fieldSelector);
    const items = options.events.filter((event) => event.metadata.namespace === namespace && has(event));
    return { code: 200, body: { kind: "EventList", apiVersion: "v1", metadata: {}, items } };
  });
  route("post", `${inNamespace}/events`, { verb: "create", resource: "events" }, (request) => {
    const event = newEvent(
      json(request, ["application/json"]),
      named(request).namespace,
      fieldValidation(request),
    );
    options.events.push(event);
    return { code: 201, body: event };
  });
  app.all(["/api/v1/pods", ...paths.map((path) => `${inNamespace}/${path}`)], (_request, response) => {
    const message = "the server does not allow this method on the requested resource";
    refuse(response, { code: 405, reason: "MethodNotAllowed", message });
  });
  app.use(otherObjects(options.objects));
  app.get("/version", (_request, response) => {
    reply(response, 200, { major: "1", minor: "35", gitVersion: "v1.35.0" });
  });
  // No server is there that could answer as one of objects does.
  app.get("/apis/:group/:version", (_request, response) => {
    response.status(404).type("text/plain").send("404 page not found\n");
  });
  app.use((_request, response) => {
    refuse(response, {
      code: 404,
      reason: "NotFound",
      message: "the server could not find the requested resource",
    });
  });
  return app;
}

const paths = ["pods", "pods/:name", "pods/:name/status", "events"];

/** The API server cuts a path into its parts only after it has decoded it: `%2F` in a name is a slash to it. */
function asGoReadsIt(url: string): string {
  const [path = "", ...query] = url.split("?");
  const decoded = decodeURIComponent(path).split("/").map(encodeURIComponent).join("/");
  return [decoded, ...query].join("?");
}

interface Exchange {
  readonly request: Request;
  readonly response: Response;
  readonly answer: Answer;
  readonly token: string | undefined;
}

function respond({ request, response, answer, token }: Exchange): void {
  if (token !== undefined && request.get("authorization") !== `Bearer ${token}`) {
    refuse(response, { code: 401, reason: "Unauthorized", message: "Unauthorized" });
    return;
  }
  try {
    refuseOdd(request);
    const { code, body } = answer(request);
    reply(response, code, body);
  } catch (error) {
    if (!(error instanceof RefusedError)) throw error;
    refuse(response, error.refusal);
  }
}

/** Parameters of each method. A real API server ignores others, and a name with a typing error does nothing there. */
const parameters: Readonly<Record<string, readonly string[]>> = {
  GET: ["labelSelector", "fieldSelector", "limit", "continue"],
  POST: ["fieldManager", "fieldValidation"],
  PUT: ["fieldManager", "fieldValidation"],
  PATCH: ["fieldManager", "fieldValidation"],
  DELETE: ["gracePeriodSeconds"],
};

const PRODUCED = ["application/json", "application/yaml", "application/vnd.kubernetes.protobuf"];

/** What the answer does not depend on: types that are taken, parameters, and names that can be none. */
function refuseOdd(request: Request): void {
  const { method, query } = request;
  // The double itself can write JSON alone.
  if (!request.accepts("application/json")) {
    const message = `only the following media types are accepted: ${PRODUCED.join(", ")}`;
    throw new RefusedError({ code: 406, reason: "NotAcceptable", message });
  }
  const unknown = Object.keys(query).filter((key) => !parameters[method]?.includes(key));
  if (unknown.length > 0) throw new RefusedError(badRequest(`unknown parameters: ${unknown.join(", ")}`));
  for (const name of Object.values(request.params as Namespaced)) {
    if (name !== "." && name !== ".." && !name.includes("%")) continue;
    throw new RefusedError(badRequest(`Name parameter invalid: ${JSON.stringify(name)}`));
  }
}

function named({ params }: Request): Named {
  const { namespace = "", name = "" } = params as Namespaced;
  return { namespace, name };
}

function json(request: Request, types: readonly string[]): unknown {
  const type = request.get("content-type")?.split(";")[0]?.trim() ?? "";
  if (!types.includes(type)) {
    const message = `the body of the request was in an unknown format - accepted media types include: ${types.join(", ")}`;
    throw new RefusedError({ code: 415, reason: "UnsupportedMediaType", message });
  }
  try {
    return JSON.parse(String(request.body)) as unknown;
  } catch {
    throw new RefusedError(badRequest("couldn't get version/kind; json parse error"));
  }
}

/** Without the parameter a real one warns in a header, which nobody reads, and goes on. */
function fieldValidation({ query }: Request): FieldValidation {
  const { fieldValidation: mode = "Warn" } = query as Record<string, string | undefined>;
  if (mode === "Ignore" || mode === "Warn" || mode === "Strict") return mode;
  throw new RefusedError(invalid("CreateOptions", "", [{ field: "fieldValidation", message: mode }]));
}

function listPods({ pods, pages, listed }: RoutesOptions, { query, params }: Request): object {
  const {
    labelSelector = "",
    fieldSelector = "",
    limit = "0",
    continue: token,
  } = query as Record<string, string | undefined>;
  const size = Number(limit);
  if (!Number.isSafeInteger(size) || size < 0) throw new RefusedError(badRequest(`invalid limit: ${limit}`));
  if (token !== undefined) return pages.next(token, size);
  const { namespace } = params as Namespaced;
  const matches = parseSelector(labelSelector);
  const has = parseFieldSelector(fieldSelector);
  const found = listed().filter(
    (pod) =>
      (namespace === undefined || pod.metadata.namespace === namespace) &&
      matches(pod.metadata.labels) &&
      has(pod),
  );
  // etcd's order.
  found.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1));
  return pages.first(found, size, pods.version());
}

const keyOf = ({ metadata }: PodObject): string => `${metadata.namespace}/${metadata.name}`;

/** A merge patch of annotations, as `kubectl annotate` sends it; null takes one away. */
function patchAnnotations(pods: PodStore, request: Request): PodObject {
  const pod = named(request);
  const body = json(request, ["application/merge-patch+json"]);
  const patch = readObject(annotationsPatch, body, fieldValidation(request));
  const stored = pods.get(pod);
  if (stored === undefined) throw new RefusedError(notFound("pods", pod.name));
  if (!patch.success) {
    const causes = strictProblems(patch.error).map(({ field, message }) => {
      return { field: "patch", message: `${field}: ${message}` };
    });
    throw new RefusedError(invalid("Pod", pod.name, causes));
  }
  const { metadata } = patch.data;
  if (metadata.uid !== undefined && metadata.uid !== stored.metadata.uid) {
    const cause = { field: "metadata.uid", message: `Invalid value: "${metadata.uid}": field is immutable` };
    throw new RefusedError(invalid("Pod", pod.name, [cause]));
  }
  const { labels, annotations, finalizers } = stored.metadata;
  const merged = Object.entries({ ...annotations, ...metadata.annotations }).flatMap(([key, value]) =>
    value === null ? [] : [[key, value] as const],
  );
  return pods.replace(pod, {
    ...(labels && { labels }),
    ...(finalizers && { finalizers }),
    annotations: Object.fromEntries(merged),
  });
}

/** Fields of an Event that a list may select by, of those that klight selects by. */
function eventSelector(selector: string): (event: StoredEvent) => boolean {
  const wanted =
    selector === "" ? [] : selector.split(",").map((each) => each.split("=") as [string, string]);
  const unknown = wanted.find(([field]) => !/^involvedObject\.(?:kind|name)$/u.test(field));
  if (unknown) throw new RefusedError(badRequest(`field label not supported: ${unknown[0]}`));
  return ({ involvedObject }) =>
    wanted.every(
      ([field, value]) => involvedObject[field.slice("involvedObject.".length) as "kind" | "name"] === value,
    );
}

function patchStatus(pods: PodStore, request: Request): PodObject {
  const pod = named(request);
  const body = json(request, ["application/strategic-merge-patch+json"]);
  const patch = readObject(statusPatch, body, fieldValidation(request));
  if (pods.get(pod) === undefined) throw new RefusedError(notFound("pods", pod.name));
  if (!patch.success) {
    // What it cannot decode it calls by the name of the whole.
    const causes = strictProblems(patch.error).map(({ field, message }) =>
      field.endsWith(".type")
        ? { field: field.replace(/type$/u, "Type"), message }
        : { field: "patch", message: `${field}: ${message}` },
    );
    throw new RefusedError(invalid("Pod", pod.name, causes));
  }
  const { metadata, status } = patch.data;
  const { fieldManager } = request.query as Record<string, string | undefined>;
  return pods.mergeConditions(pod, metadata?.uid, status.conditions, fieldManager);
}
