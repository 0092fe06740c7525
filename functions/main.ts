import { readConfig } from "../lib/config.ts";
import { nodeProblem } from "./node-version.ts";

/** EX_CONFIG of sysexits.h. */
const BAD_CONFIG = 78;

/** What the bundle's first chunk exports. */
export interface Main {
  readonly main: typeof main;
}

/** Starts the function as its environment says, or tells what is wrong with that and sets the exit status. */
export async function main(): Promise<void> {
  const oldNode = nodeProblem(process.versions.node);
  const reading = readConfig();
  if (oldNode !== undefined || reading.tag === "invalid") {
    const problems = [...(oldNode ? [oldNode] : []), ...(reading.tag === "invalid" ? reading.problems : [])];
    process.stderr.write(`klight cannot start:\n${problems.map((each) => `  ${each}\n`).join("")}`);
    process.exitCode = BAD_CONFIG;
    return;
  }
  const { start } = await import("./start.ts");
  start(reading.config, reading.warnings);
}
