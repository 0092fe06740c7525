import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, test } from "node:test";
import { parser } from "@prometheus-io/lezer-promql";
import { parse } from "yaml";
import { z } from "zod";
import { metrics } from "../../functions/telemetry/metrics.ts";
import { reasons } from "../../lib/reasons.ts";
import { series } from "../harness/prometheus-names.ts";

const docs = resolve(import.meta.dirname, "../../docs");

const panelSchema = z.object({
  id: z.number(),
  type: z.string(),
  title: z.string(),
  gridPos: z.object({ x: z.number(), y: z.number(), w: z.number(), h: z.number() }),
  targets: z
    .array(
      z.object({ expr: z.string(), legendFormat: z.string(), datasource: z.object({ uid: z.string() }) }),
    )
    .default([]),
});
const { panels } = z
  .object({ panels: z.array(panelSchema) })
  .parse(JSON.parse(readFileSync(resolve(docs, "dashboards/klight.json"), "utf8")));

const operations = readFileSync(resolve(docs, "operations.md"), "utf8");

const alerts = z
  .object({
    groups: z.array(z.object({ rules: z.array(z.object({ alert: z.string(), expr: z.string() })) })),
  })
  .parse(parse(readFileSync(resolve(docs, "alerts/klight.yaml"), "utf8")))
  .groups.flatMap(({ rules }) => rules);

const queries: readonly (readonly [where: string, expr: string, legend: string])[] = [
  ...panels.flatMap(({ title, targets }) =>
    targets.map(({ expr, legendFormat }) => [title, expr, legendFormat] as const),
  ),
  ...alerts.map(({ alert, expr }) => [alert, expr, ""] as const),
];

interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
  /** `label=value` for each value that a matcher names, alternatives one by one. */
  readonly values: readonly (readonly [label: string, value: string])[];
}

/** What a query reads, by Prometheus' own grammar. Grafana puts durations for its variables. */
function readQuery(expr: string): {
  readonly selectors: readonly Selector[];
  readonly by: readonly string[];
} {
  const text = expr.replaceAll(/\$__(?:rate_interval|range)\b/gu, "5m");
  const selectors: { metric: string; labels: string[]; values: (readonly [string, string])[] }[] = [];
  const by: string[] = [];
  parser.parse(text).iterate({
    enter({ name, from, to, type, node }) {
      assert.ok(!type.isError, `${expr} is not PromQL, at character ${from}`);
      const word = text.slice(from, to);
      if (name === "Identifier") selectors.push({ metric: word, labels: [], values: [] });
      if (name === "LabelName" && node.parent?.name === "GroupingLabels") by.push(word);
      if (name !== "UnquotedLabelMatcher") return;
      const [, label = "", value = ""] = /^(\w+)\s*[!=~]+\s*"(.*)"$/su.exec(word) ?? [];
      const selector = selectors.at(-1);
      selector?.labels.push(label);
      for (const each of value.split("|")) if (each !== "") selector?.values.push([label, each]);
    },
  });
  return { selectors, by };
}

test("the queries are found, and a broken one is none", () => {
  assert.ok(panels.length > 15 && alerts.length > 3);
  const { selectors, by } = readQuery('sum by (x) (rate(a_total{job=~"$job", b!=""}[$__rate_interval]))');
  assert.deepEqual(selectors, [{ metric: "a_total", labels: ["job", "b"], values: [["job", "$job"]] }]);
  assert.deepEqual(by, ["x"]);
  assert.throws(() => readQuery("sum by (x (rate(a_total[5m]))"), /is not PromQL/u);
});

describe("the dashboard and the alerts", () => {
  test("name only series and labels that klight sends", () => {
    for (const [where, expr, legend] of queries) {
      const { selectors, by } = readQuery(expr);
      assert.ok(selectors.length > 0, where);
      const inLegend = [...legend.matchAll(/\{\{(\w+)\}\}/gu)].map(([, label = ""]) => label);
      for (const { metric, labels } of selectors) {
        const known = series.get(metric);
        assert.ok(known, `${where}: ${metric} is not a series of klight`);
        for (const label of [...labels, ...by])
          assert.ok(known.has(label), `${where}: ${metric} has no ${label}`);
        for (const label of inLegend)
          assert.ok(by.includes(label), `${where}: the legend's ${label} is summed up`);
      }
    }
  });

  test("compare with values that there are", () => {
    const causes = readFileSync(resolve(docs, "../lib/reconcile/cause.ts"), "utf8");
    const known: Readonly<Record<string, (value: string) => boolean>> = {
      job: () => true,
      klight_outcome: (value) => value in reasons || value === "invalid" || value === "swept",
      klight_reason: (value) => Object.values(reasons).some((those) => value in those),
      klight_level: (value) => ["well", "wait", "help"].includes(value),
      klight_step_kind: (value) => ["pod", "sweep", "other", "unreadable", "reform"].includes(value),
      klight_reform_end: (value) => ["whole", "not-whole"].includes(value),
      klight_reform_cause: (value) => new RegExp(`^  "?${value}"?: (?:true|false),$`, "mu").test(causes),
      error_type: (value) => value === "forbidden",
    };
    for (const [where, expr] of queries) {
      for (const [label, value] of readQuery(expr).selectors.flatMap(({ values }) => values)) {
        assert.ok(known[label]?.(value), `${where}: ${label} is never ${value}`);
      }
    }
  });

  test("show every metric", () => {
    const shown = queries.flatMap(([, expr]) => readQuery(expr).selectors.map(({ metric }) => metric));
    const families = new Set([...series.keys()].map((name) => name.replace(/_(?:bucket|count|sum)$/u, "")));
    assert.equal(families.size, Object.keys(metrics).length);
    for (const family of families) {
      assert.ok(
        shown.some((name) => name.startsWith(family)),
        family,
      );
    }
  });

  test("a mended network is one that was broken, as the code tells them apart", () => {
    const causes = readFileSync(resolve(docs, "../lib/reconcile/cause.ts"), "utf8");
    const broken = [...causes.matchAll(/^  "?([\w-]+)"?: true,$/gmu)].map(([, kind = ""]) => kind);
    const mended = panels.find(({ title }) => title === "Broken networks mended");
    const expr = mended?.targets[0]?.expr ?? "";
    const named = readQuery(expr)
      .selectors.flatMap(({ values }) => values)
      .flatMap(([label, value]) => (label === "klight_reform_cause" ? [value] : []));
    assert.deepEqual(new Set(named), new Set(broken));
    assert.ok(broken.length > 3);
  });
});

describe("the dashboard", () => {
  test("has a place of its own for each panel, and asks the data source that is chosen", () => {
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
    const taken = new Set<string>();
    for (const { gridPos, title, targets } of panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
          assert.ok(!taken.has(`${x},${y}`), `${title} covers another panel`);
          taken.add(`${x},${y}`);
        }
      }
      for (const { datasource } of targets) assert.equal(datasource.uid, "${datasource}");
    }
  });
});

describe("docs/operations.md", () => {
  test("lists every metric with its unit and attributes, and no other", () => {
    const rows = [
      ...operations.matchAll(/^\| `([\w.]+)`\s*\| ([^|]*?)\s*\| ([^|]*?)\s*\| ([^|]*?)\s*\|$/gmu),
    ];
    const listed = rows.map(([, name, unit, about, attributes = ""]) => ({
      name,
      unit,
      about,
      attributes: [...attributes.matchAll(/`([\w.]+)`/gu)].map(([, each]) => each),
    }));
    assert.deepEqual(
      listed,
      Object.values(metrics).map(({ name, unit, about, attributes }) => ({ name, unit, about, attributes })),
    );
  });
});
