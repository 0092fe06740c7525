import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { reasons } from "../../lib/reasons.ts";
import { mendsItself, otherReasons, wordsOf, type Words } from "../../lib/words.ts";

const root = new URL("../../", import.meta.url);
const groups: readonly (readonly [string, Readonly<Record<string, Words>>])[] = [
  ...Object.entries(reasons),
  ...Object.entries(otherReasons),
];
const all = groups.flatMap(([group, words]) =>
  Object.entries(words).map(([reason, entry]) => ({ group, reason, says: entry.says, cure: entry.cure })),
);

/** Everything that is written as a reason in the code, outside of the tables themselves. */
const sources = ["lib", "functions"].flatMap((folder) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !["reasons.ts", "words.ts"].includes(file))
    .map((file) => readFileSync(new URL(`${folder}/${file}`, root), "utf8")),
);
const written = new Set(
  sources.flatMap((text) => [...text.matchAll(/\breason: "(\w+)"/gu)].map(([, reason = ""]) => reason)),
);

describe("the words of a reason", () => {
  for (const { group, reason, says, cure } of all) {
    test(`say what is so and what helps: ${group} ${reason}`, () => {
      assert.match(says, /^[A-Za-z].{15,}\.$/u);
      assert.match(cure, /^[A-Z].*\.$/u);
      assert.equal(wordsOf(reason)?.cure, cure);
    });
  }

  test("are there for every reason that the code writes", () => {
    assert.ok(written.size > 10, "the sources were not read");
    assert.deepEqual(
      [...written].filter((reason) => wordsOf(reason) === undefined),
      [],
    );
  });

  test("are not there for a word that klight does not say", () => {
    assert.equal(wordsOf("Whatever"), undefined);
    assert.equal(wordsOf("toString"), undefined);
  });

  test("are one pair for each reason, and valid as the reason of a condition", () => {
    const names = all.map(({ reason }) => reason);
    assert.deepEqual(
      names.filter((name, index) => names.indexOf(name) !== index),
      [],
    );
    assert.deepEqual(
      names.filter((name) => !/^[A-Z][A-Za-z]{1,63}$/u.test(name)),
      [],
    );
  });

  test("tell what passes by itself from what needs somebody", () => {
    assert.ok(mendsItself(reasons.ignored.NotRunning));
    assert.ok(!mendsItself(reasons.ignored.BadPort));
  });
});

test("docs/reasons.md is what the tables say", () => {
  const script = new URL("scripts/write-reasons-docs.ts", root).pathname;
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
