import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { z } from "zod";
import { type Config, namespaceOf, readConfig, variables } from "../../lib/config.ts";
import { at, combinations, everywhere, find, knative } from "./manifests.combinations.ts";
import { build } from "./manifests.kustomization.ts";

const root = resolve(knative, "..");
const func: unknown = parse(readFileSync(join(root, "func.yaml"), "utf8"));

/** What the Secret has, for a store at Upstash or in the cluster. */
const secret = {
  UPSTASH_REDIS_REST_URL: "https://a.upstash.io",
  UPSTASH_REDIS_REST_TOKEN: "token",
  REDIS_PASSWORD: "password",
  REDIS_URL: "redis://:password@klight-redis:6379",
};

/** The configuration that the function finds in its container. */
const inContainer = (more: Readonly<Record<string, string>> = {}): Config => {
  const knativeOwn = {
    PORT: "8080",
    K_SERVICE: "klight",
    K_REVISION: "klight-00001",
    K_CONFIGURATION: "klight",
  };
  const reading = readConfig({ ...knativeOwn, ...secret, ...more });
  assert.deepEqual(reading.tag === "invalid" ? reading.problems : [], []);
  assert.ok(reading.tag === "config");
  return reading.config;
};
const config = inContainer();

const mebibytes = (quantity: unknown): number => Number(/^(\d+)Mi$/.exec(String(quantity))?.[1]);

describe("the settings in the manifests", () => {
  test("are variables that there are, with values that they take", () => {
    for (const { title, manifests } of combinations()) {
      const settings = z
        .record(z.string(), z.string())
        .parse(at(find(manifests, "ConfigMap", "klight"), "data"));
      assert.deepEqual(
        Object.keys(settings).filter((name) => !(name in variables)),
        [],
        title,
      );
      inContainer(settings);
    }
  });
});

describe("func.yaml and the configuration", () => {
  test("hold together in the container, and with the variables of every Service that the manifests make", () => {
    const services = combinations().flatMap(({ manifests }) =>
      manifests.filter(({ kind }) => kind === "Service"),
    );
    const links = [
      "klight",
      "klight-00001",
      "klight-00001-private",
      ...services.map((m) => m.metadata.name),
    ].flatMap((name) => {
      const link = name.toUpperCase().replaceAll("-", "_");
      return [
        [`${link}_SERVICE_HOST`, "10.0.0.1"],
        [`${link}_SERVICE_PORT`, "80"],
        [`${link}_SERVICE_PORT_HTTP`, "80"],
        [`${link}_PORT`, "tcp://10.0.0.1:80"],
        [`${link}_PORT_80_TCP`, "tcp://10.0.0.1:80"],
        [`${link}_PORT_80_TCP_PROTO`, "tcp"],
        [`${link}_PORT_80_TCP_ADDR`, "10.0.0.1"],
      ];
    });
    assert.equal(inContainer(Object.fromEntries(links) as Record<string, string>).PORT, 8080);
  });

  test("leave memory for two histories beside what the process takes itself", () => {
    const limit = mebibytes(at(func, "deploy", "options", "resources", "limits", "memory"));
    assert.ok(limit >= 75 + (2 * config.KLIGHT_HISTORY_LIMIT) / 2 ** 20, `${limit} MiB`);
  });
});

describe("the manifests and the configuration", () => {
  const base = build(join(knative, "base"));

  test("open the seed's port to labelled pods, and Knative's ports to anybody, and no other", () => {
    for (const { manifests, options } of combinations()) {
      const [knativeOwn, seed] = z
        .array(z.unknown())
        .parse(at(find(manifests, "NetworkPolicy", "klight-seed"), "spec", "ingress"));
      assert.deepEqual(at(seed, "ports"), [{ protocol: "TCP", port: config.KLIGHT_SEED_PORT }]);
      const labelled = {
        podSelector: { matchExpressions: [{ key: "klight.networkId", operator: "Exists" }] },
      };
      assert.deepEqual(at(seed, "from"), [
        options.includes("one-namespace") ? labelled : { namespaceSelector: {}, ...labelled },
      ]);
      assert.equal(at(knativeOwn, "from"), undefined);
      assert.deepEqual(everywhere(knativeOwn, "port"), [8012, 8013, 8112, 9090, 9091]);
    }
  });

  test("say to who sends to the function, and to nobody else, whom its token is for, where callers are checked", () => {
    for (const { title, manifests, options, namespace } of combinations()) {
      const ends = manifests.flatMap((m) => [at(m, "spec", "subscriber"), at(m, "spec", "sink")]);
      const toFunction = ends.filter((end) => at(end, "ref", "apiVersion") === "serving.knative.dev/v1");
      const told = new Set(toFunction.map((end) => at(end, "audience")));
      const audience = `serving.knative.dev/service/${namespace}/klight`;
      assert.deepEqual([...told], [options.includes("oidc") ? audience : undefined], title);
      assert.deepEqual(
        everywhere(manifests, "audience").length,
        options.includes("oidc") ? toFunction.length : 0,
        title,
      );
      // Its senders' accounts are in this namespace, and so may call.
      assert.equal(namespaceOf(audience), namespace);
    }
  });

  test("give a sweep more time than it takes", () => {
    const timeout = String(at(find(base, "Trigger", "klight"), "spec", "delivery", "timeout"));
    const minutes = Number(/^PT(\d+)M$/.exec(timeout)?.[1]);
    assert.ok(minutes * 60_000 >= config.KLIGHT_SWEEP_MS + config.KLIGHT_JOIN_TIMEOUT_MS);
  });

  test("have the example's peers at the port that is asked where a pod names none", () => {
    const workload = build(join(knative, "examples/workload"));
    const ports = everywhere(
      at(find(workload, "Deployment", "ledger"), "spec", "template", "spec", "initContainers"),
      "containerPort",
    );
    assert.deepEqual(ports, [config.KLIGHT_DEFAULT_PORT]);
    assert.deepEqual(at(find(workload, "NetworkPolicy", "ledger-peers"), "spec", "ingress", 1, "ports"), [
      { protocol: "TCP", port: config.KLIGHT_DEFAULT_PORT },
    ]);
  });
});

test("docs and manifests name no variable that there is not", () => {
  const texts = [
    "README.md",
    "func.yaml",
    ...globSync("{docs,knative}/**/*.{md,yaml}", { cwd: root, exclude: ["docs/decisions/**"] }),
  ];
  const named = texts.flatMap(
    (file) => readFileSync(join(root, file), "utf8").match(/\b(?:KLIGHT|UPSTASH)_[A-Z_]*[A-Z]\b/g) ?? [],
  );
  assert.ok(named.length > 50);
  // What Kubernetes makes for a Service named klight is told from settings, in configuration.md.
  const others = named.filter((name) => !(name in variables) && name !== "KLIGHT_SERVICE_HOST");
  assert.deepEqual(others, []);
});
