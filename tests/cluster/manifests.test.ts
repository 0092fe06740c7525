import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { before, describe, test } from "node:test";
import { combinations, knative } from "../unit/manifests.combinations.ts";
import { build, type Manifest } from "../unit/manifests.kustomization.ts";
import { installDefinitions } from "./definitions.ts";
import { makeNamespace, objects } from "./real.ts";

const examples = readdirSync(join(knative, "examples")).map((name) => ({
  title: `the example ${name}`,
  manifests: build(join(knative, "examples", name)),
}));

/** Kinds of others, whose definitions no module here has; `promtool` looks at these. */
const elsewhere = new Set(["PrometheusRule"]);

/** What is wrong with it for the API server; a dry run, for others use these objects meanwhile. */
async function problemsOf(manifests: readonly Manifest[]): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const manifest of manifests.filter(({ kind }) => !elsewhere.has(kind))) {
    const { status, body, headers } = await objects.apply(manifest, "&dryRun=All");
    const { kind, metadata } = manifest;
    if (status > 299) problems.push(`${kind} ${metadata.name}: ${status} ${JSON.stringify(body)}`);
    // Deprecated kinds and fields.
    if (headers["warning"] !== undefined)
      problems.push(`${kind} ${metadata.name}: ${String(headers["warning"])}`);
  }
  return problems;
}

describe("every manifest, applied to a real API server with Knative's published definitions", () => {
  before(async () => {
    await installDefinitions();
    for (const namespace of ["klight", "team-a", "default"]) await makeNamespace(namespace);
  });

  for (const { title, manifests } of [...combinations(), ...examples]) {
    test(`${title} is taken as it is`, async () => {
      assert.deepEqual(await problemsOf(manifests), []);
    });
  }

  test("a key with a typing error would be refused in each kind", async () => {
    const kinds = new Map(
      [...combinations(), ...examples].flatMap(({ manifests }) => manifests).map((each) => [each.kind, each]),
    );
    const taken: string[] = [];
    for (const [kind, manifest] of kinds) {
      if (elsewhere.has(kind)) continue;
      const { status } = await objects.apply({ ...manifest, sepc: {} }, "&dryRun=All");
      if (status < 300) taken.push(kind);
    }
    assert.ok(kinds.size > 12, [...kinds.keys()].join(" "));
    assert.deepEqual(taken, []);
  });
});
