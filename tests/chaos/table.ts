import type { ReformFigures, Spread } from "./figures.ts";
import type { Result } from "./result.ts";

type Row = readonly [what: string, value: string | number];

const spread = (values: Spread | undefined): string =>
  values === undefined ? "" : `${values.min} / ${values.median} / ${values.max} ms`;

const reformRow = ([cause, { count, ms, refusedMs }]: readonly [string, ReformFigures]): Row => [
  `  because of ${cause}`,
  `${String(count).padStart(4)}   step ${spread(ms).padEnd(24)} writes refused ${spread(refusedMs)}`,
];

const counted = (counts: Readonly<Record<string, number>>): readonly Row[] =>
  Object.entries(counts).map(([what, count]) => [`  ${what}`, String(count).padStart(4)]);

/** For people; min / median / max where there are three. */
export function printTable(result: Result): void {
  const { networks, entries, joins, late, reforms, steps, outcomes } = result;
  const total = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((sum, each) => sum + each, 0);
  const rows: readonly Row[] = [
    ["faults", total(result.faults)],
    ...counted(result.faults),
    ["calls at seeds by no peer", result.knocks],
    ["steps, those of sweeps too", steps],
    ["sweeps", result.sweeps],
    ["how events ended", total(outcomes)],
    ...counted(outcomes),
    ["founded", joins.founded],
    ["joins, plain", joins.plain],
    ["joins by a re-form", joins.reformed],
    ["holds", total(result.holds)],
    ...counted(result.holds),
    ["re-forms", Object.values(reforms).reduce((sum, each) => sum + each.count, 0)],
    ...Object.entries(reforms).map(reformRow),
    ["networks whole", `${networks.whole} of ${networks.total}, ${networks.pods} pods`],
    ["entries acknowledged", entries.acknowledged],
    ["  lost", entries.lost],
    ["  that nobody could keep", entries.excused],
    ["  Persists refused", entries.refused],
    ["  longest time without one", `${entries.longestPauseMs} ms`],
    [
      "event loops late, p99 and most",
      `driver ${late.driver.p99}, ${late.driver.max} ms; peers ${late.peers.p99}, ${late.peers.max} ms`,
    ],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  console.log();
  for (const [what, value] of rows) console.log(`${what.padEnd(width)}  ${value}`);
  console.log();
}
