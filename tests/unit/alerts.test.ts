import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, describe, test } from "node:test";
import { parse, stringify } from "yaml";
import { z } from "zod";

const root = resolve(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

const rulesSchema = z.object({
  groups: z.array(z.looseObject({ rules: z.array(z.looseObject({ alert: z.string(), expr: z.string() })) })),
});
const rules = rulesSchema.parse(parse(read("docs/alerts/klight.yaml")));
const alerts = rules.groups.flatMap((group) => group.rules.map(({ alert }) => alert));

const { error } = spawnSync("promtool", ["--version"]);
const skip =
  error !== undefined && process.env["CI"] === undefined
    ? "there is no promtool: apt-get install prometheus"
    : false;

test("the component has the rules of docs/alerts, and no others", () => {
  const { spec } = z.object({ spec: z.unknown() }).parse(parse(read("knative/components/alerts/rules.yaml")));
  assert.deepEqual(spec, rules);
});

describe("the alerts", { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), "klight-alerts-"));
  after(() => {
    rmSync(folder, { recursive: true });
  });

  const promtool = (...args: readonly string[]): { readonly isWell: boolean; readonly said: string } => {
    const { status, stdout, stderr } = spawnSync("promtool", args, { encoding: "utf8" });
    return { isWell: status === 0, said: `${stdout}${stderr}` };
  };

  test("are rules that Prometheus takes", () => {
    const { isWell, said } = promtool("check", "rules", join(root, "docs/alerts/klight.yaml"));
    assert.ok(isWell, said);
  });

  test("fire for what they are for, and are silent else", () => {
    const { isWell, said } = promtool("test", "rules", join(root, "tests/alerts/klight.test.yaml"));
    assert.ok(isWell, said);
  });

  /** The tests over rules of which one has another expression. */
  const testedWith = (alert: string, expr: string): ReturnType<typeof promtool> => {
    const changed = structuredClone(rules);
    for (const rule of changed.groups.flatMap((group) => group.rules)) {
      if (rule.alert === alert) rule.expr = expr;
    }
    const file = join(folder, `${alert}.yaml`);
    writeFileSync(file, stringify(changed));
    const tests = read("tests/alerts/klight.test.yaml").replace("../../docs/alerts/klight.yaml", file);
    const testFile = join(folder, `${alert}.test.yaml`);
    writeFileSync(testFile, tests);
    return promtool("test", "rules", testFile);
  };

  for (const alert of alerts) {
    test(`${alert} is tested: one that never fires, or always does, is found out`, () => {
      for (const expr of ["vector(0) > 1", "vector(1)"]) {
        const { isWell, said } = testedWith(alert, expr);
        assert.ok(!isWell, `${expr} passes`);
        assert.ok(said.includes(alert), said);
      }
    });
  }
});
