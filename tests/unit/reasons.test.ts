import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { factsOf, type ReasonFacts, reasons } from "../../lib/reasons.ts";

const root = new URL("../../", import.meta.url);
const all = Object.entries(reasons).flatMap(([group, those]) =>
  Object.entries<ReasonFacts>(those).map(([reason, facts]) => ({ group, reason, facts })),
);

/** Everything that is written as a reason in the code, outside of the tables themselves. */
const sources = ["lib", "functions"].flatMap((folder) =>
  readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && file !== "reasons.ts")
    .map((file) => readFileSync(new URL(`${folder}/${file}`, root), "utf8")),
);
const written = new Set(
  sources.flatMap((text) => [...text.matchAll(/\breason: "(\w+)"/gu)].map(([, reason = ""]) => reason)),
);

describe("what is known of a reason", () => {
  for (const { group, reason, facts } of all) {
    test(`says what is so and what helps: ${group} ${reason}`, () => {
      assert.match(facts.says, /^[A-Za-z].{15,}\.$/u);
      assert.match(facts.cure, /^[A-Z].*\.$/u);
      assert.equal(factsOf(reason), facts);
    });

    test(`says how long it may last: ${group} ${reason}`, () => {
      const { mendsItself, transient, mayLastMs, blind } = facts;
      assert.ok(mayLastMs >= 0, "a time");
      assert.ok(!mendsItself || mayLastMs > 0, "what mends itself gets the time for it");
      assert.ok(!transient || (mendsItself && mayLastMs < Infinity), "what passes does so by itself");
      assert.ok(!blind || (!transient && mayLastMs < Infinity), "nobody may be blind for ever");
    });
  }

  test("is there for every reason that the code writes", () => {
    assert.ok(written.size > 10, "the sources were not read");
    assert.deepEqual(
      [...written].filter((reason) => factsOf(reason) === undefined),
      [],
    );
  });

  test("is not there for a reason that klight does not say", () => {
    assert.equal(factsOf("Whatever"), undefined);
    assert.equal(factsOf("toString"), undefined);
  });

  test("is one record for each reason, and valid as the reason of a condition", () => {
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

  test("tells what passes by itself from what needs somebody", () => {
    assert.ok(reasons.ignored.NotRunning.mendsItself && reasons.ignored.NotRunning.mayLastMs > 60_000);
    assert.ok(!reasons.ignored.BadPort.mendsItself);
    assert.equal(reasons.ignored.BadPort.mayLastMs, 0);
    assert.equal(reasons.founded.Founded.mayLastMs, Infinity);
  });
});

test("docs/reasons.md is what the tables say", () => {
  const script = new URL("scripts/write-reasons-docs.ts", root).pathname;
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
