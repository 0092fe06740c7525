import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { parseAllDocuments, stringify } from "yaml";
import { z } from "zod";
import { JOINED_CONDITION } from "../../lib/pod/condition.ts";
import {
  at,
  combinations,
  everywhere,
  find,
  knative,
  listed,
  type Combination,
} from "./manifests.combinations.ts";
import { build, buildFrom, filesOf, readManifests, type Manifest } from "./manifests.kustomization.ts";
import { problemsOf } from "./manifests.schema.ts";

const directories = (name: string): string[] =>
  readdirSync(join(knative, name)).map((child) => join(knative, name, child));
const roots = [join(knative, "base"), ...["overlays", "components", "examples"].flatMap(directories)];
const all = combinations();
const names = (directory: string): string[] => readdirSync(join(knative, directory)).sort();

const refSchema = z.looseObject({ apiVersion: z.string(), kind: z.string(), name: z.string() });
const isFunction = ({ apiVersion, kind }: Manifest): boolean =>
  apiVersion === "serving.knative.dev/v1" && kind === "Service";
/** What runs pods, but for the function, which is held against func.yaml. */
const pods = (manifests: readonly Manifest[]): Manifest[] =>
  manifests.filter((m) => at(m, "spec", "template") !== undefined && !isFunction(m));
const containers = (workload: Manifest): unknown[] =>
  ["initContainers", "containers"].flatMap((list) =>
    z
      .array(z.unknown())
      .catch([])
      .parse(at(workload, "spec", "template", "spec", list)),
  );

const sinks = (overlay: string): unknown[] =>
  ["ApiServerSource", "PingSource"].map((kind) =>
    at(
      build(join(knative, "overlays", overlay)).find((m) => m.kind === kind),
      "spec",
      "sink",
      "ref",
      "kind",
    ),
  );

describe("the manifests", () => {
  test("no file is left out and every file that is named is there", () => {
    const named = new Set(roots.flatMap(filesOf));
    const there = readdirSync(knative, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name));
    assert.deepEqual(
      there.filter((file) => !named.has(file)).map((file) => file.slice(knative.length + 1)),
      ["combinations.yaml"],
    );
    assert.deepEqual(
      [...named].filter((file) => !there.includes(file)),
      [],
    );
  });

  test("combinations.yaml names every overlay and every component", () => {
    assert.deepEqual([...listed.overlays].sort(), names("overlays"));
    assert.deepEqual(
      new Set([...listed.stores, ...listed.options.flatMap((line) => line.split(" + "))]),
      new Set([...names("components"), "none"]),
    );
  });

  test("no binding pins the namespace of its accounts, which a kustomization may change", () => {
    const files = new Set(roots.flatMap(filesOf));
    const written = [...files].filter((file) => /rbac|roles/.test(file)).flatMap(readManifests);
    const subjects = written.flatMap((m) => everywhere(m, "subjects")).flat();
    assert.deepEqual(subjects.length, 4);
    assert.deepEqual(
      subjects.filter((subject) => at(subject, "namespace") !== undefined),
      [],
    );
  });

  test("no image is one that changes: each has a version or a digest, or is the user's own", () => {
    const images = [...all.flatMap((c) => c.manifests), ...directories("examples").flatMap(build)].flatMap(
      (m) => everywhere(m, "image"),
    );
    assert.ok(images.length > 0);
    assert.deepEqual(
      images.filter((image) => !/^your-|:\d+\.\d+\.\d+|@sha256:[\da-f]{64}$/.test(String(image))),
      [],
    );
  });

  for (const example of directories("examples")) {
    test(`the example ${example.slice(knative.length + 1)} is right by the schemas of its kinds`, () => {
      assert.deepEqual(build(example).flatMap(problemsOf), []);
    });
  }

  test("a key with a typing error is found in every kind that is used", () => {
    const kinds = new Map(
      [...all.flatMap((c) => c.manifests), ...build(join(knative, "examples/workload"))].map((m) => [
        m.kind,
        m,
      ]),
    );

    for (const manifest of kinds.values()) {
      const wrong = { ...structuredClone(manifest), sepc: {} };
      assert.deepEqual(problemsOf(wrong), [`/sepc is not a field of ${manifest.kind}`]);
    }
  });

  test("the path that retries and the path that does not are told apart by the source's sink", () => {
    assert.deepEqual(sinks("broker"), ["Broker", "Broker"]);
    assert.deepEqual(sinks("direct"), ["Service", "Service"]);
  });

  test("a workload of the example stays off its Services until klight says that it is joined", () => {
    const ledger = find(build(join(knative, "examples/workload")), "Deployment", "ledger");
    const pod = at(ledger, "spec", "template", "spec");
    assert.deepEqual(at(pod, "readinessGates"), [{ conditionType: JOINED_CONDITION }]);
    assert.deepEqual(at(ledger, "spec", "strategy", "rollingUpdate"), { maxSurge: 1, maxUnavailable: 0 });
    assert.equal(at(ledger, "spec", "template", "metadata", "labels", "klight.networkId"), "ledger");
    assert.equal(at(pod, "initContainers", 0, "restartPolicy"), "Always");
    assert.deepEqual(at(pod, "initContainers", 0, "ports"), [{ name: "klightport", containerPort: 9081 }]);
  });
});

/** A reference holds when the build has the object, or when it is the function, which func.yaml makes. */
const dangling = ({ manifests }: Combination): string[] =>
  manifests
    .flatMap((manifest) => everywhere(manifest["spec"], "ref"))
    .map((ref) => refSchema.parse(ref))
    .filter(
      ({ kind, name, apiVersion }) =>
        !(apiVersion === "serving.knative.dev/v1" && kind === "Service" && name === "klight"),
    )
    .filter(
      ({ kind, name, apiVersion }) =>
        !manifests.some((m) => m.kind === kind && m.metadata.name === name && m.apiVersion === apiVersion),
    )
    .map(({ kind, name }) => `${kind} ${name}`);

for (const combination of all) {
  describe(combination.title, () => {
    const { manifests, namespace } = combination;

    test("is right by the schemas of its kinds", () => {
      assert.deepEqual(manifests.flatMap(problemsOf), []);
    });

    test("has each object once, in its namespace, and refers to nothing that is not there", () => {
      const ids = manifests.map((m) => `${m.apiVersion} ${m.kind} ${m.metadata.name}`);
      assert.deepEqual(ids.length, new Set(ids).size);
      const elsewhere = manifests.filter((m) => (m.metadata.namespace ?? namespace) !== namespace);
      assert.deepEqual(elsewhere, []);
      assert.deepEqual(dangling(combination), []);
    });

    test("binds each role to an account that it has, in the right namespace", () => {
      const bindings = manifests.filter((m) => m.kind.endsWith("RoleBinding"));
      assert.deepEqual(bindings.map((m) => m.metadata.name).sort(), ["klight", "klight-source"]);
      for (const binding of bindings) {
        const { name } = binding.metadata;
        assert.deepEqual(at(binding, "subjects"), [{ kind: "ServiceAccount", name, namespace }]);
        assert.equal(
          at(binding, "roleRef", "name"),
          find(manifests, z.string().parse(at(binding, "roleRef", "kind")), name).metadata.name,
        );
        assert.equal(find(manifests, "ServiceAccount", name).metadata.namespace, namespace);
      }
    });

    test("watches labelled pods whole, and only where its rights reach", () => {
      const source = find(manifests, "ApiServerSource", "klight");
      assert.equal(at(source, "spec", "mode"), "Resource");
      assert.equal(at(source, "spec", "serviceAccountName"), "klight-source");
      assert.deepEqual(at(source, "spec", "resources"), [
        {
          apiVersion: "v1",
          kind: "Pod",
          selector: { matchExpressions: [{ key: "klight.networkId", operator: "Exists" }] },
        },
      ]);
      const everywhereAllowed = manifests.some((m) => m.kind === "ClusterRole");
      const those = combination.options.includes("labelled-namespaces")
        ? { matchLabels: { "klight.dev/watch": "true" } }
        : {};
      assert.deepEqual(at(source, "spec", "namespaceSelector"), everywhereAllowed ? those : undefined);
    });

    test("runs its pods without root, without more rights, with limits and probes that ask a port they have", () => {
      for (const workload of pods(manifests)) {
        assert.equal(at(workload, "spec", "template", "spec", "securityContext", "runAsNonRoot"), true);
        assert.equal(at(workload, "spec", "template", "spec", "automountServiceAccountToken"), false);
        for (const container of containers(workload)) {
          assert.deepEqual(at(container, "securityContext"), {
            allowPrivilegeEscalation: false,
            readOnlyRootFilesystem: true,
            capabilities: { drop: ["ALL"] },
          });
          assert.ok(at(container, "resources", "limits", "memory"));
          assert.ok(at(container, "readinessProbe") && at(container, "livenessProbe"));
          const ports = new Set(everywhere(at(container, "ports"), "name"));
          const asked = ["readinessProbe", "livenessProbe", "startupProbe"].flatMap((probe) =>
            everywhere(at(container, probe), "port"),
          );
          assert.deepEqual(
            asked.filter((port) => !ports.has(port)),
            [],
          );
        }
      }
    });

    test("has pods behind every Service and every policy of its own", () => {
      const labels = pods(manifests).map((m) =>
        z.record(z.string(), z.string()).parse(at(m, "spec", "template", "metadata", "labels")),
      );
      const selectors = manifests.flatMap((m) => {
        if (m.kind === "Service" && !isFunction(m)) return [at(m, "spec", "selector")];
        return m.kind === "NetworkPolicy" ? [at(m, "spec", "podSelector", "matchLabels")] : [];
      });
      for (const selector of selectors) {
        const pairs = Object.entries(z.record(z.string(), z.string()).parse(selector));
        const ofFunction = pairs.every(
          ([key, value]) => key === "serving.knative.dev/service" && value === "klight",
        );
        assert.ok(ofFunction || labels.some((own) => pairs.every(([key, value]) => own[key] === value)));
      }
    });
  });
}

/** The tools that build kustomizations for real. Where one is installed, what the tests above read is held against it. */
const builders = [
  { command: "kustomize", args: ["build"] },
  { command: "kubectl", args: ["kustomize"] },
].filter(
  ({ command }) => spawnSync(command, ["version", "--client"], { timeout: 10_000 }).error === undefined,
);

const inOrder = (manifests: readonly Manifest[]): unknown[] =>
  JSON.parse(
    JSON.stringify(
      manifests.toSorted((a, b) =>
        `${a.kind} ${a.metadata.name}`.localeCompare(`${b.kind} ${b.metadata.name}`),
      ),
    ),
  ) as unknown[];

const buildReally = ({ command, args }: (typeof builders)[number], directory: string): Manifest[] =>
  parseAllDocuments(execFileSync(command, [...args, directory], { encoding: "utf8" })).map(
    (d) => d.toJS() as Manifest,
  );

for (const builder of builders) {
  describe(builder.command, () => {
    for (const directory of roots.filter((root) => !root.includes("/components/"))) {
      test(`makes the same of ${directory.slice(knative.length + 1)}`, () => {
        assert.deepEqual(inOrder(buildReally(builder, directory)), inOrder(build(directory)));
      });
    }

    const elsewhere = { namespace: "elsewhere", resources: ["overlays/broker"] };
    const renamed = {
      title: "another namespace",
      kustomization: elsewhere,
      manifests: buildFrom(knative, elsewhere),
    };
    for (const { title, kustomization, manifests } of [...all, renamed]) {
      test(`makes the same of ${title}`, (t) => {
        const directory = mkdtempSync(join(tmpdir(), "klight-"));
        t.after(() => {
          rmSync(directory, { recursive: true });
        });
        for (const part of ["base", "overlays", "components"])
          symlinkSync(join(knative, part), join(directory, part));
        writeFileSync(join(directory, "kustomization.yaml"), stringify(kustomization));
        assert.deepEqual(inOrder(buildReally(builder, directory)), inOrder(manifests));
      });
    }
  });
}
