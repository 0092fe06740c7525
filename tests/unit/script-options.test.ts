import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";

const root = resolve(import.meta.dirname, "../..");
const texts = globSync("{scripts,tests}/**/*.ts", { cwd: root }).map((file) => ({
  file,
  text: readFileSync(resolve(root, file), "utf8"),
}));
/** What is run from a command line: by a script of package.json, or as docs say. */
const scripts = texts
  .filter(({ text }) => /^(?:const values = )?readOptions\(/mu.test(text))
  .map(({ file }) => file);
const run = (file: string, option: string) =>
  spawnSync(process.execPath, [resolve(root, file), option], { encoding: "utf8", cwd: root });

describe("every script", () => {
  test("that package.json runs has options that it can tell", () => {
    const named = readFileSync(resolve(root, "package.json"), "utf8").matchAll(
      /\b((?:scripts|tests)\/[\w/-]+\.ts)/gu,
    );
    const silent = Array.from(named, ([, file]) => file).filter(
      (file) => !/readOptions\(|--help/u.test(texts.find((each) => each.file === file)?.text ?? ""),
    );
    assert.deepEqual(silent, []);
  });

  for (const file of scripts) {
    test(`tells its options and does nothing else: ${file} --help`, () => {
      const { status, stdout, stderr } = run(file, "--help");
      assert.deepEqual([status, stderr], [0, ""]);
      assert.match(stdout, /^(?:npm run|node scripts\/).+\n\n[^]+ --help /u);
    });
  }

  test("names an option that it does not have", () => {
    const { status, stderr } = run("scripts/write-reasons-docs.ts", "--chek");
    assert.equal(status, 2);
    assert.match(stderr, /'--chek'[^]+--check/u);
  });
});
