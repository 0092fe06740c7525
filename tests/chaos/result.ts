import type { NetworkEnd } from "./ending.ts";
import type { StepFigures } from "./figures.ts";
import type { Lateness, StoredFigures } from "./peers-calls.ts";
import type { Fault } from "./plan.ts";

/** A run in figures. */
export interface Result extends StepFigures {
  readonly seed: number;
  readonly seconds: number;
  readonly tookMs: number;
  readonly faults: Readonly<Record<string, number>>;
  /** Calls at seeds by somebody who is no peer. */
  readonly knocks: number;
  readonly networks: { readonly total: number; readonly whole: number; readonly pods: number };
  readonly entries: StoredFigures & { readonly lost: number; readonly excused: number };
  /** How late the event loops of this process, and of the worst process of peers, were. */
  readonly late: { readonly driver: Lateness; readonly peers: Lateness };
  /** What is wrong; empty: nothing. */
  readonly problems: readonly string[];
}

interface Found {
  readonly seed: number;
  readonly seconds: number;
  readonly tookMs: number;
  readonly faults: ReadonlyMap<Fault["kind"], number>;
  readonly knocks: number;
  readonly steps: StepFigures;
  readonly ends: readonly NetworkEnd[];
  /** This process' own first. */
  readonly late: readonly Lateness[];
  /** Those that no network has. */
  readonly problems: readonly string[];
}

export function resultOf(found: Found): Result {
  const { seed, seconds, tookMs, faults, knocks, steps, ends, late, problems } = found;
  const [driver = { p99: 0, max: 0 }, ...processes] = late;
  const sum = (of: (end: NetworkEnd) => number): number => ends.reduce((total, each) => total + of(each), 0);
  const most = (values: readonly number[]): number => Math.max(0, ...values);
  return {
    seed,
    seconds,
    tookMs,
    faults: Object.fromEntries([...faults].sort(([a], [b]) => (a < b ? -1 : 1))),
    knocks,
    ...steps,
    networks: {
      total: ends.length,
      whole: ends.filter(({ proof }) => proof.broken === undefined).length,
      pods: sum(({ pods }) => pods),
    },
    entries: {
      acknowledged: sum(({ proof }) => proof.stored.acknowledged),
      refused: sum(({ proof }) => proof.stored.refused),
      excused: sum(({ proof }) => proof.excused.length),
      lost: sum(({ proof }) => proof.lost.length),
      longestPauseMs: most(ends.map(({ proof }) => proof.stored.longestPauseMs)),
    },
    late: {
      driver,
      peers: { p99: most(processes.map(({ p99 }) => p99)), max: most(processes.map(({ max }) => max)) },
    },
    problems: [...problems, ...ends.flatMap(problemsOf)],
  };
}

const problemsOf = ({ network, proof, records }: NetworkEnd): readonly string[] => [
  ...(proof.broken === undefined ? [] : [`${network} is not whole: ${proof.broken}`]),
  ...records.map((record) => `${network}: ${record}`),
  ...proof.lost.map((entry) => `${network}: lost ${entry}`),
  ...proof.foreign.map((entry) => `${network}: of another network, ${entry}`),
];
