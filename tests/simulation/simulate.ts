import { randomInt } from "node:crypto";
import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { readOptions } from "../../scripts/options.ts";
import { type Finding, replayed } from "./explore.ts";
import { violationsOf } from "./invariants.ts";
import { run } from "./run.ts";
import { describe } from "./schedule.ts";
import { tracing } from "./trace.ts";

const about = `npm run simulate -- [--runs RUNS] [--seed SEED]

Runs klight's own code in many simulated clusters in which things go wrong, and says where an invariant did not hold. The
last line on stdout is JSON with the figures; a violation comes with the command that shows it again. Exits with 1 if there
was one.`;

const values = readOptions(about, {
  runs: { type: "string", default: "10000", says: "how many clusters" },
  seed: { type: "string", says: "the same clusters again; else chosen at random" },
  threads: { type: "string", default: "2", says: "side by side" },
  shrinks: {
    type: "string",
    default: "3",
    says: "violations that each thread makes smaller, up to 20 s each",
  },
  replay: { type: "string", says: "one cluster again, by what a violation printed" },
  trace: { type: "boolean", default: false, says: "with --replay: every call that klight makes" },
});

const tell = ({ replay, schedule, violations }: Finding): void => {
  console.log(`violation: npm run simulate -- --replay ${replay}`);
  console.log(describe(schedule));
  for (const { invariant, message } of violations) console.log(`  ${invariant}: ${message}`);
  console.log();
};

const search = async (runs: number, seed: number): Promise<number> => {
  const threads = Number(values.threads);
  let violations = 0;
  const parts = Array.from({ length: threads }, async (_, part) => {
    const workerData = { runs, seed, part, of: threads, shrinks: Number(values.shrinks) };
    const worker = new Worker(new URL("./simulate-thread.ts", import.meta.url), { workerData });
    worker.on("message", (finding: Finding) => {
      violations += 1;
      tell(finding);
    });
    const [code] = (await once(worker, "exit")) as [number];
    if (code !== 0) throw new Error(`a thread ended with ${code}`);
  });
  await Promise.all(parts);
  return violations;
};

const started = performance.now();
if (values.replay === undefined) {
  const runs = Number(values.runs);
  const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
  const violations = await search(runs, seed);
  const ms = Math.round(performance.now() - started);
  console.log(JSON.stringify({ runs, violations, seed, ms }));
  process.exitCode = violations > 0 ? 1 : 0;
} else {
  const schedule = await replayed(values.replay);
  const violations = violationsOf(await run(schedule, values.trace ? tracing(console.log) : undefined));
  tell({ replay: values.replay, schedule, violations });
  const ms = Math.round(performance.now() - started);
  console.log(JSON.stringify({ runs: 1, violations: violations.length, ms }));
  process.exitCode = violations.length > 0 ? 1 : 0;
}
