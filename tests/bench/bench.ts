import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { redisAvailable } from "../harness/redis.ts";
import { measureCrowd } from "./crowd.ts";
import { measureNetworks } from "./networks.ts";
import { measureReform } from "./reform.ts";
import { measurePage } from "./page.ts";
import { printReport } from "./report.ts";
import { measureStart } from "./start.ts";
import { measureSteps } from "./steps.ts";
import { measureStream } from "./stream.ts";

const measurements = {
  start: measureStart,
  steps: measureSteps,
  crowd: measureCrowd,
  networks: measureNetworks,
  stream: measureStream,
  reform: measureReform,
  page: measurePage,
} as const;

const folder = resolve(import.meta.dirname, "../../bench-results");

async function bench(only: string | undefined): Promise<number> {
  const names = Object.keys(measurements) as (keyof typeof measurements)[];
  const chosen = names.filter((name) => only === undefined || name === only);
  if (chosen.length === 0) {
    console.error(`--only ${only}: must be one of ${names.join(", ")}`);
    return 2;
  }
  if (chosen.some((name) => name !== "start") && !redisAvailable()) {
    console.error("redis-server is not on this machine: apt-get install redis-server");
    return 2;
  }
  const figures: Record<string, unknown> = {};
  let problems = 0;
  for (const name of chosen) {
    const report = await measurements[name]();
    printReport(report);
    figures[name] = report.figures;
    problems += report.problems.length;
  }
  const at = new Date().toISOString();
  const result = { at, node: process.version, cores: availableParallelism(), problems, ...figures };
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, `${at.replaceAll(":", "-")}.json`), `${JSON.stringify(result, null, 2)}\n`);
  console.log(`\n${JSON.stringify(result)}`);
  return problems === 0 ? 0 : 1;
}

const { values } = parseArgs({ options: { only: { type: "string" } } });
// Peers that never begin their rounds still have the timers of these, and would keep the process.
process.exit(await bench(values.only));
