/** What one measurement found. */
export interface Report {
  readonly title: string;
  /** For people: what, how much, and the goal where there is one. */
  readonly rows: readonly (readonly [what: string, value: string, goal?: string])[];
  /** The same for programs. */
  readonly figures: Readonly<Record<string, unknown>>;
  /** What went wrong that no figure excuses; a slow machine is none of it. */
  readonly problems: readonly string[];
}

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [high = 0, low = high] = [sorted[middle], sorted[middle - 1]];
  return sorted.length % 2 === 1 ? high : (low + high) / 2;
};

export const round = (value: number, digits = 0): number => Number(value.toFixed(digits));

export const ms = (value: number): string => `${round(value)} ms`;
export const mib = (value: number): string => `${round(value, 1)} MiB`;
export const times = (value: number): string => `${round(value, 2)} times`;

const shownProblems = 5;

export const printReport = ({ title, rows, problems }: Report): void => {
  const widthOf = (column: 0 | 1): number => Math.max(0, ...rows.map((row) => row[column].length));
  const [first, second] = [widthOf(0), widthOf(1)];
  console.log(`\n${title}`);
  for (const [what, value, goal] of rows) {
    const line = `  ${what.padEnd(first)}  ${value.padStart(second)}`;
    console.log(goal === undefined ? line : `${line}   (goal: ${goal})`);
  }
  for (const problem of problems.slice(0, shownProblems)) console.log(`  WRONG: ${problem}`);
  if (problems.length > shownProblems) console.log(`  WRONG: and ${problems.length - shownProblems} more`);
};
