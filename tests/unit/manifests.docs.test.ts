import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, test } from "node:test";
import { at, combinations, find, knative } from "./manifests.combinations.ts";
import { build, type Manifest } from "./manifests.kustomization.ts";

const root = resolve(knative, "..");
const page = readFileSync(join(root, "docs/deploy.md"), "utf8");

/** What a `kubectl apply` on the page prints, by the directory that it applies. */
const printed = (directory: string): string[] => {
  const lines = page.split("\n");
  const command = lines.findIndex((line) => line.startsWith("$ kubectl apply") && line.endsWith(directory));
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

const number = (text = ""): number => Number(text.replaceAll(",", ""));

describe("docs/deploy.md", () => {
  for (const directory of ["knative/examples/with-redis", "knative/examples/workload"]) {
    test(`prints just what is in ${directory}`, () => {
      assert.deepEqual(printed(directory).toSorted(), build(join(root, directory)).map(asPrinted).toSorted());
    });
  }

  test("names no file of the project that is not there", () => {
    const named = [...page.matchAll(/(?:`|\s)((?:knative|overlays|components)\/[\w./-]+)/g)].map(
      ([, path = ""]) => path,
    );
    assert.ok(named.length > 10);
    const missing = named.filter((path) => !existsSync(join(root, path)) && !existsSync(join(knative, path)));
    assert.deepEqual(missing, []);
  });

  test("counts the seconds of retries that the Trigger has", () => {
    const delivery = at(
      find(build(join(knative, "overlays/broker")), "Trigger", "klight"),
      "spec",
      "delivery",
    );
    const first = Number(/^PT([\d.]+)S$/.exec(String(at(delivery, "backoffDelay")))?.[1]);
    const seconds = Math.floor(first * (2 ** Number(at(delivery, "retry")) - 1));
    assert.ok(page.includes(`${seconds} s of retries`));
  });

  test("makes the Secret with every key that the function and the store ask for", () => {
    const command = /create secret generic klight-redis[^$]+?secret\/klight-redis created/s;
    const first = command.exec(page.replaceAll('"$(', "("))?.[0] ?? "";
    const stores = JSON.stringify(combinations().filter(({ store }) => store === "redis"));
    const references = stores.matchAll(/"secretKeyRef":\{"name":"klight-redis","key":"(\w+)"\}/g);
    const asked = Array.from(references, ([, key]) => key);
    const keys = new Set([...asked, "UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"]);
    assert.deepEqual(new Set([...first.matchAll(/--from-literal=(\w+)=/g)].map(([, key]) => key)), keys);
  });
});

describe("the sizing table", () => {
  /** Commands a month and their price, as docs/deploy.md reckons them. */
  const rows = [
    ...page.matchAll(/^\| (\d+) of (\d+) pods\s*\| ([\d,]+)\s*\| ([\d,]+)\s*\| ([\d,]+)\s*\| \$([\d.]+)/gm),
  ];
  test("follows from the counted commands", () => {
    assert.equal(rows.length, 3);
    for (const [, networks, pods, lives, sweeps, total, price] of rows) {
      assert.equal(number(networks) * number(pods), 1_000);
      assert.equal(number(lives), 1_000 * 30 * 4);
      const scans = number(networks) > 100 ? 2 : 1;
      assert.equal(number(sweeps), 30 * 24 * 12 * (2 * number(networks) + scans));
      assert.equal(number(total), number(lives) + number(sweeps));
      assert.equal(price, ((number(total) / 100_000) * 0.2).toFixed(2));
    }
  });
});
