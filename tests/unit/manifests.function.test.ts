import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { at, find, knative } from "./manifests.combinations.ts";
import { build, readManifests } from "./manifests.kustomization.ts";

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
  run: z.strictObject({ envs: z.array(z.strictObject({ value: z.string() })) }),
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

  test("takes its settings from the ConfigMap that the manifests make, and what is secret from the Secret", () => {
    assert.deepEqual(
      func.run.envs.map(({ value }) => value),
      ["{{ configMap:klight }}", "{{ secret:klight-redis }}"],
    );
    assert.deepEqual(find(base, "ConfigMap", "klight")["data"], {});
  });

  test("runs build scripts that there are, and a start script that is the process itself", () => {
    const scripts =
      func.build.buildEnvs.find(({ name }) => name === "BP_NODE_RUN_SCRIPTS")?.value.split(",") ?? [];
    assert.deepEqual(scripts, ["build:image"]);
    // Not by the first node of the PATH: in a script of npm's that is the one of a package.
    assert.equal(packageJson.scripts["build:image"], '"$npm_node_execpath" scripts/build.ts');
    assert.match(packageJson.scripts["start"] ?? "", /^node (?:--\S+ )*dist\/index\.js$/u);
  });

  test("scales to zero, and out before the hard limit makes requests wait", () => {
    const { scale, resources } = func.deploy.options;
    assert.equal(scale.min, 0);
    assert.equal(scale.metric, "concurrency");
    assert.ok(scale.max > 1);
    assert.ok(scale.target < resources.limits.concurrency);
  });
});

/** What `func deploy` (pkg/knative/deployer.go of knative.dev/func 0.49) makes of a func.yaml with these keys, in a cluster. */
const deployed = (image: string, more: object): unknown => {
  const { scale, resources } = func.deploy.options;
  const annotations = { "function.knative.dev/deployer": "knative" };
  const labels = {
    "boson.dev/function": "true",
    "function.knative.dev/name": func.name,
    "function.knative.dev/runtime": func.runtime,
    ...Object.fromEntries(func.deploy.labels.map(({ key, value }) => [key, value])),
  };
  const envFrom = func.run.envs.map(({ value }) => {
    const [, kind, name] = /^\{\{ (configMap|secret):([\w-]+) \}\}$/.exec(value) ?? [];
    return { [`${String(kind)}Ref`]: { name } };
  });
  const { concurrency, ...limits } = resources.limits;
  const probe = (path: string) => ({ httpGet: { path, port: 8080 } });
  return {
    apiVersion: "serving.knative.dev/v1",
    kind: "Service",
    metadata: { name: func.name, namespace: func.namespace, labels, annotations },
    spec: {
      template: {
        metadata: {
          labels,
          annotations: {
            ...annotations,
            "autoscaling.knative.dev/min-scale": String(scale.min),
            "autoscaling.knative.dev/max-scale": String(scale.max),
            "autoscaling.knative.dev/metric": scale.metric,
            "autoscaling.knative.dev/target": String(scale.target),
            "autoscaling.knative.dev/target-utilization-percentage": String(scale.utilization),
          },
        },
        spec: {
          serviceAccountName: func.deploy.serviceAccountName,
          containerConcurrency: concurrency,
          containers: [
            {
              // What Knative's webhook fills in here: this name, and the threshold below.
              name: "user-container",
              image,
              envFrom,
              livenessProbe: probe(func.deploy.healthEndpoints.liveness),
              readinessProbe: { ...probe(func.deploy.healthEndpoints.readiness), successThreshold: 1 },
              resources: { requests: resources.requests, limits },
              securityContext: {
                runAsNonRoot: true,
                allowPrivilegeEscalation: false,
                capabilities: { drop: ["ALL"] },
                seccompProfile: { type: "RuntimeDefault" },
                ...more,
              },
            },
          ],
        },
      },
    },
  };
};

describe("the Service as a manifest", () => {
  const [service, ...more] = readManifests(join(knative, "components/service/service.yaml"));

  test("is what `func deploy` makes of func.yaml, with a file system that cannot be written to", () => {
    assert.deepEqual([service, more], [deployed("your-klight", { readOnlyRootFilesystem: true }), []]);
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
