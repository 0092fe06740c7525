import { readConfig } from "../lib/config.ts";
import { nodeProblem } from "./node-version.ts";

/** EX_CONFIG of sysexits.h. */
const BAD_CONFIG = 78;

const oldNode = nodeProblem(process.versions.node);
const reading = readConfig();
if (oldNode !== undefined || reading.tag === "invalid") {
  const problems = [...(oldNode ? [oldNode] : []), ...(reading.tag === "invalid" ? reading.problems : [])];
  process.stderr.write(`klight cannot start:\n${problems.map((each) => `  ${each}\n`).join("")}`);
  process.exitCode = BAD_CONFIG;
} else {
  const { start } = await import("./start.ts");
  start(reading.config, reading.warnings);
}
