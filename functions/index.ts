import { readConfig } from "../lib/config.ts";

/** EX_CONFIG of sysexits.h. */
const BAD_CONFIG = 78;

const reading = readConfig();
if (reading.tag === "invalid") {
  process.stderr.write(`klight cannot start:\n${reading.problems.map((each) => `  ${each}\n`).join("")}`);
  process.exitCode = BAD_CONFIG;
} else {
  const { start } = await import("./start.ts");
  start(reading.config);
}
