import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { at, find, knative } from "./manifests.combinations.ts";
import { build } from "./manifests.kustomization.ts";

const root = resolve(knative, "..");
const read = (file: string): string => readFileSync(join(root, file), "utf8");

const pair = z.strictObject({ name: z.string(), value: z.string() });

/** The keys of func.yaml that are used here. `func` drops one that it does not know, with no more than a warning. */
const functionSchema = z.strictObject({
  specVersion: z.literal("0.36.0"),
  name: z.string(),
  namespace: z.string(),
  runtime: z.literal("typescript"),
  created: z.iso.datetime(),
  invoke: z.literal("cloudevent"),
  build: z.strictObject({ builder: z.literal("pack"), buildEnvs: z.array(pair) }),
  run: z.strictObject({ envs: z.array(pair) }),
  deploy: z.strictObject({
    serviceAccountName: z.string(),
    healthEndpoints: z.strictObject({ liveness: z.string(), readiness: z.string() }),
    labels: z.array(z.strictObject({ key: z.string(), value: z.string() })),
    options: z.strictObject({
      scale: z.strictObject({
        min: z.int(),
        max: z.int(),
        metric: z.enum(["concurrency", "rps"]),
        target: z.number(),
        utilization: z.number(),
      }),
      resources: z.strictObject({
        requests: z.strictObject({ cpu: z.string(), memory: z.string() }),
        limits: z.strictObject({ cpu: z.string(), memory: z.string(), concurrency: z.int() }),
      }),
    }),
  }),
});
const func = functionSchema.parse(parse(read("func.yaml")));
const packageJson = z
  .looseObject({ scripts: z.record(z.string(), z.string()) })
  .parse(JSON.parse(read("package.json")));
const base = build(join(knative, "base"));

describe("func.yaml", () => {
  test("makes the Service that the Trigger delivers to, in its namespace and with its account", () => {
    assert.deepEqual(at(find(base, "Trigger", "klight"), "spec", "subscriber", "ref"), {
      apiVersion: "serving.knative.dev/v1",
      kind: "Service",
      name: func.name,
    });
    assert.equal(find(base, "Namespace", func.namespace).metadata.name, func.namespace);
    assert.equal(
      find(base, "ServiceAccount", func.deploy.serviceAccountName).metadata.namespace,
      func.namespace,
    );
  });

  test("keeps the function inside the cluster", () => {
    assert.deepEqual(func.deploy.labels, [
      { key: "networking.knative.dev/visibility", value: "cluster-local" },
    ]);
  });

  test("takes each secret from the key of its own name", () => {
    const secrets = func.run.envs.filter(({ value }) => value.startsWith("{{"));
    assert.deepEqual(
      secrets,
      secrets.map(({ name }) => ({ name, value: `{{ secret:klight-redis:${name} }}` })),
    );
    assert.deepEqual(
      new Set(secrets.map(({ name }) => name)),
      new Set(["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"]),
    );
  });

  test("runs build scripts that there are, and a start script that is the process itself", () => {
    const scripts =
      func.build.buildEnvs.find(({ name }) => name === "BP_NODE_RUN_SCRIPTS")?.value.split(",") ?? [];
    assert.deepEqual(scripts, ["build"]);
    assert.ok(packageJson.scripts["build"]);
    assert.equal(packageJson.scripts["start"], "node dist/index.js");
  });

  test("scales to zero, and out before the hard limit makes requests wait", () => {
    const { scale, resources } = func.deploy.options;
    assert.equal(scale.min, 0);
    assert.equal(scale.metric, "concurrency");
    assert.ok(scale.max > 1);
    assert.ok(scale.target < resources.limits.concurrency);
  });
});

describe(".funcignore", () => {
  const lines = read(".funcignore").split("\n");
  const ignored = new Set(lines.filter((line) => line !== "" && !line.startsWith("#")));

  test("keeps node_modules out, so that the buildpack installs", () => {
    assert.ok(ignored.has("node_modules"));
  });

  test("leaves in what the bundle is made of", () => {
    for (const needed of [
      "package.json",
      "package-lock.json",
      "tsconfig.json",
      "functions",
      "lib",
      "proto",
      "scripts",
    ])
      assert.ok(!ignored.has(needed), needed);
  });
});
