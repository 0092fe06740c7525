import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism, loadavg } from "node:os";
import { dirname, join, resolve } from "node:path";
import { readOptions } from "../../scripts/options.ts";
import { redisAvailable } from "../harness/redis.ts";
import { measureCrowd } from "./crowd.ts";
import { measureEvents } from "./events.ts";
import { measureFromZero } from "./from-zero.ts";
import { measureHistories } from "./histories.ts";
import { measureNetworks } from "./networks.ts";
import { measurePage } from "./page.ts";
import { measureReads } from "./reads.ts";
import { measureReform } from "./reform.ts";
import { printReport, type Report, round } from "./report.ts";
import { measureStart } from "./start.ts";
import { measureSteps } from "./steps.ts";
import { measureStream } from "./stream.ts";
import { measureScale, measureSweep } from "./sweep.ts";

const measurements = {
  start: measureStart,
  "from-zero": measureFromZero,
  steps: measureSteps,
  crowd: measureCrowd,
  networks: measureNetworks,
  stream: measureStream,
  events: measureEvents,
  sweep: measureSweep,
  scale: measureScale,
  reform: measureReform,
  histories: measureHistories,
  reads: measureReads,
  page: measurePage,
} as const;

type Name = keyof typeof measurements;

const usage = `npm run bench -- [--only ONLY] [--json JSON]

Measures klight on this machine, in some ten minutes, in tables and as JSON, the last line on stdout. Exits with 1 where
something went wrong; a slow machine is none of it. With --json docs/figures.json it makes what node scripts/write-figures.ts
writes into the documents.`;

const folder = resolve(import.meta.dirname, "../../bench-results");

interface Kept {
  readonly json?: string | undefined;
  readonly note?: string | undefined;
}

async function bench(chosen: readonly Name[], { json, note }: Kept): Promise<number> {
  if (chosen.some((name) => name !== "start" && name !== "page") && !redisAvailable()) {
    console.error("redis-server is not on this machine: apt-get install redis-server");
    return 2;
  }
  const figures: Record<string, unknown> = {};
  let problems = 0;
  const at = new Date().toISOString();
  const load = [loadOf()];
  for (const name of chosen) {
    const report = await measurements[name]().catch((error: unknown) => brokenOff(name, error));
    printReport(report);
    figures[name] = report.figures;
    problems += report.problems.length;
  }
  load.push(loadOf());
  const about = { at, node: process.version, cores: availableParallelism(), load, ...(note && { note }) };
  const result = { ...about, problems, ...figures };
  const file = json === undefined ? join(folder, `${at.replaceAll(":", "-")}.json`) : resolve(json);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(result, null, 2)}\n`);
  console.log(`\n${JSON.stringify(result)}`);
  return problems === 0 ? 0 : 1;
}

/** The others are measured all the same. */
const brokenOff = (name: Name, error: unknown): Report => ({
  title: `${name} broke off`,
  rows: [],
  figures: {},
  problems: [error instanceof Error ? (error.stack ?? error.message) : String(error)],
});

/** How busy the machine was in the last minute, processes that want to run; at the end with what is measured. */
const loadOf = (): number => round(loadavg()[0] ?? Number.NaN, 1);

const values = readOptions(usage, {
  only: { type: "string", says: `some of ${Object.keys(measurements).join(",")}` },
  json: { type: "string", says: "file for the figures; else one in bench-results/" },
  note: { type: "string", says: "what was special about this run, kept with its figures" },
});
const all = Object.keys(measurements) as Name[];
// A sweep of 5,000 pods is the last that shows how sweeps grow.
const named = values.only?.split(",") ?? all.filter((name) => name !== "sweep");
const unknown = named.filter((name) => !(name in measurements));
if (unknown.length > 0)
  console.error(`--only: there is no measurement ${unknown.join(", ")}; there are ${all.join(", ")}`);
const chosen = all.filter((name) => named.includes(name));
// Peers that never begin their rounds still have the timers of these, and would keep the process.
process.exit(unknown.length > 0 ? 2 : await bench(chosen, values));
