import { metrics } from "../../functions/telemetry/metrics.ts";

/**
 * What Prometheus makes of a metric that comes over OTLP, with its default translation: dots become underscores, the
 * unit is the end of the name (a unit in braces is none), counters end in `_total`, gauges stay as they are, histograms are three series.
 */
const units: Readonly<Record<string, string>> = { s: "_seconds" };

const underscored = (name: string): string => name.replaceAll(/[^a-zA-Z0-9_]/gu, "_");

/** All labels are on all series of a metric, where they have a value; who sends is in `job` and `instance`. */
const always = ["job", "instance"];

/** Names of series, each with the labels that it may have. */
export const series: ReadonlyMap<string, ReadonlySet<string>> = new Map(
  Object.values(metrics).flatMap(({ name, unit, kind, attributes }): (readonly [string, Set<string>])[] => {
    const base = underscored(name) + (units[unit] ?? "");
    const labels = [...always, ...attributes.map(underscored)];
    if (kind === "gauge") return [[base, new Set(labels)]];
    if (kind === "counter") return [[`${base}_total`, new Set(labels)]];
    return [
      [`${base}_bucket`, new Set([...labels, "le"])],
      [`${base}_count`, new Set(labels)],
      [`${base}_sum`, new Set(labels)],
    ];
  }),
);
