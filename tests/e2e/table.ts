/** How one step ended. */
export interface Row {
  readonly title: string;
  readonly result: "ok" | "FAILED" | "not tried";
  /** What was seen, or why not. */
  readonly says: string;
  readonly seconds: number;
}

/** For people. */
export function printTable(rows: readonly Row[]): void {
  const width = Math.max(...rows.map(({ title }) => title.length));
  console.log();
  for (const { title, result, says, seconds } of rows)
    console.log(`${title.padEnd(width)}  ${result.padEnd(9)}  ${seconds.toFixed(1).padStart(6)} s  ${says}`);
  console.log();
}
