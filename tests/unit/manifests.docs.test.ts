import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { describe, test } from "node:test";
import { parse } from "yaml";
import { at, combinations, find, knative } from "./manifests.combinations.ts";
import { build, buildFrom, type Kustomization, type Manifest } from "./manifests.kustomization.ts";
import { problemsOf } from "./manifests.schema.ts";

const root = resolve(knative, "..");
const pages = ["README.md", ...globSync("docs/*.md", { cwd: root })].map((file) => ({
  file,
  text: readFileSync(join(root, file), "utf8"),
}));
const pageOf = (file: string): string => pages.find((page) => page.file === file)?.text ?? "";
const deploy = pageOf("docs/deploy.md");

/** Kustomizations that a page has in full. They stand beside a checkout named klight, or in a directory there. */
const written = ({ text }: { readonly text: string }): Manifest[][] =>
  [...text.matchAll(/^```yaml\n([^`]*kind: Kustomization\n[^`]*)^```/gmu)].map(([, yaml = ""]) =>
    buildFrom(root, parse(yaml.replaceAll(/(?:\.\.\/)?klight\/knative/gu, "knative")) as Kustomization),
  );

/** What a `kubectl apply` on the page prints. */
const printed = (directory: string): string[] => {
  const lines = deploy.split("\n");
  const command = lines.indexOf(`$ kubectl apply -k ${directory}`);
  assert.notEqual(command, -1, `no command applies ${directory}`);
  const after = lines.slice(command + 1);
  return after.slice(
    0,
    after.findIndex((line) => !line.endsWith(" created")),
  );
};

const asPrinted = ({ apiVersion, kind, metadata }: Manifest): string => {
  const [group, version] = apiVersion.split("/");
  const type = version === undefined ? kind : `${kind}.${group ?? ""}`;
  return `${type.toLowerCase()}/${metadata.name} created`;
};

describe("docs/deploy.md", () => {
  test("prints just what is in the kustomizations that it has before", () => {
    const [own = [], ledger = [], ...more] = written({ text: deploy });
    assert.deepEqual(more, []);
    assert.deepEqual(printed(".").toSorted(), own.map(asPrinted).toSorted());
    assert.deepEqual(printed("ledger").toSorted(), ledger.map(asPrinted).toSorted());
  });

  test("counts the seconds of retries that the Trigger has", () => {
    const delivery = at(
      find(build(join(knative, "overlays/broker")), "Trigger", "klight"),
      "spec",
      "delivery",
    );
    const first = Number(/^PT([\d.]+)S$/.exec(String(at(delivery, "backoffDelay")))?.[1]);
    const seconds = Math.floor(first * (2 ** Number(at(delivery, "retry")) - 1));
    assert.ok(deploy.includes(`${seconds} s of retries`));
    assert.ok(pageOf("docs/events.md").includes(`${seconds} s in all`));
  });

  test("makes the Secret with every key that the function and the store ask for", () => {
    const first =
      /create secret generic klight-redis.+?secret\/klight-redis created/s.exec(deploy)?.[0] ?? "";
    const stores = JSON.stringify(combinations().filter(({ store }) => store === "redis"));
    const references = stores.matchAll(/"secretKeyRef":\{"name":"klight-redis","key":"(\w+)"\}/g);
    const asked = Array.from(references, ([, key]) => key);
    const keys = new Set([...asked, "REDIS_URL"]);
    assert.deepEqual(new Set([...first.matchAll(/--from-literal=(\w+)=/g)].map(([, key]) => key)), keys);
  });
});

describe("the pages", () => {
  test("have kustomizations that build", () => {
    const found = pages.flatMap(written);
    assert.ok(found.length >= 4);
    for (const manifests of found) assert.deepEqual(manifests.flatMap(problemsOf), []);
  });

  test("have patches that the real kustomize takes: none begins like JSON and is none", () => {
    const patches = pages.flatMap(({ text }) =>
      [...text.matchAll(/patch: "?(\[.*)$/gmu)].map(([, patch]) => patch),
    );
    assert.deepEqual(patches, []);
  });

  test("name no file of the project that is not there", () => {
    const named = pages.flatMap(({ file, text }) => [
      ...[...text.matchAll(/(?:`|\s)(?:klight\/)?((?:knative|overlays|components)\/[\w./-]+)/gu)].map(
        ([, path = ""]) => [file, path],
      ),
      ...[...text.matchAll(/\]\((?!https?:|#)([^)#]+)/gu)].map(([, path = ""]) => [
        file,
        relative(root, resolve(root, dirname(file), path)),
      ]),
    ]);
    assert.ok(named.length > 50);
    const missing = named.filter(
      ([, path = ""]) => !existsSync(join(root, path)) && !existsSync(join(knative, path)),
    );
    assert.deepEqual(missing, []);
  });

  test("link to headings that are there", () => {
    const anchorsOf = (text: string): string[] =>
      [...text.matchAll(/^#+ (.*)$/gmu)].map(([, title = ""]) =>
        title
          .toLowerCase()
          .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
          .replaceAll(" ", "-"),
      );
    const dead = pages.flatMap(({ file, text }) =>
      [...text.matchAll(/\]\(([\w./-]*\.md)?#([^)]+)\)/gu)]
        .filter(([, path, anchor = ""]) => {
          const target = path === undefined ? file : relative(root, resolve(root, dirname(file), path));
          return !anchorsOf(pageOf(target)).includes(anchor);
        })
        .map(([link]) => `${file}: ${link}`),
    );
    assert.deepEqual(dead, []);
  });

  test("run no package by name from a registry, and no image that changes", () => {
    const run = pages.flatMap(({ file, text }) =>
      [...text.matchAll(/\bnpx (?!tsc|oxlint|prettier|knip)\S+|--image=[\w./-]+(?:\s|$)/gmu)].map(
        ([found]) => `${file}: ${found}`,
      ),
    );
    assert.deepEqual(run, []);
  });
});
