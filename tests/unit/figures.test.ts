import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const pathOf = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));

const check = (...args: readonly string[]): { readonly status: number | null; readonly stderr: string } =>
  spawnSync(process.execPath, [pathOf("scripts/write-figures.ts"), "--check", ...args], {
    encoding: "utf8",
  });

test("picture and tables are made from the figures that are checked in", () => {
  const { status, stderr } = check();
  assert.equal(status, 0, stderr);
});

test("picture or tables that other figures would give are found", () => {
  const figures = JSON.parse(readFileSync(pathOf("docs/figures.json"), "utf8")) as {
    start: { bundle: { ms: number } };
    steps: { join: { redis: number } };
  };
  figures.start.bundle.ms -= 20;
  figures.steps.join.redis += 1;
  const other = join(mkdtempSync(join(tmpdir(), "klight-figures-")), "other.json");
  writeFileSync(other, JSON.stringify(figures));
  const { status, stderr } = check("--from", other);
  assert.equal(status, 1);
  assert.match(stderr, /from-zero\.svg[^]*README\.md[^]*sizing\.md/u);
});
