/**
 * klight under faults, on real parts: `npm run chaos -- --seconds N --seed S`. Two functions, a Redis, five networks of
 * eight gRPC lightpeers with an application storing in each, and everything killed, stopped, restarted and flushed. In
 * the end every network must be whole and nothing acknowledged lost. The last line on stdout is JSON with the figures;
 * exits with 1 where something is wrong. `--log FILE`: what the functions and the driver said, as JSON lines.
 */
import { randomInt } from "node:crypto";
import { parseArgs } from "node:util";
import { redisAvailable } from "../harness/redis.ts";
import { openLog } from "./log-file.ts";
import { run } from "./run.ts";
import { printTable } from "./table.ts";

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    functions: { type: "string", default: "2" },
    networks: { type: "string", default: "5" },
    pods: { type: "string", default: "8" },
    log: { type: "string" },
    /** No line for each fault. */
    quiet: { type: "boolean", default: false },
  },
});

const stopping = new AbortController();
process.on("SIGINT", () => {
  // The second time it does not wait; its children end with it.
  if (stopping.signal.aborted) process.exit(130);
  console.log("stopping");
  stopping.abort();
});

async function chaos(): Promise<number> {
  if (!redisAvailable()) {
    console.error("redis-server is not on this machine: apt-get install redis-server");
    return 2;
  }
  const seconds = Number(values.seconds);
  const seed = values.seed === undefined ? randomInt(2 ** 31) : Number(values.seed);
  const again = `npm run chaos -- --seconds ${seconds} --seed ${seed}`;
  console.log(`${seconds} s of faults; the same ones again: ${again}`);
  const log = openLog(values.log);
  try {
    const result = await run({
      seconds,
      seed,
      size: {
        functions: Number(values.functions),
        networks: Number(values.networks),
        pods: Number(values.pods),
      },
      log,
      tell: values.quiet ? () => undefined : (line) => console.log(line),
      stop: stopping.signal,
    });
    if (result === undefined) return 130;
    printTable(result);
    for (const problem of result.problems) console.log(`WRONG: ${problem}   (${again})`);
    console.log(`\n${JSON.stringify(result)}`);
    return result.problems.length === 0 ? 0 : 1;
  } finally {
    await log.close();
  }
}

// The API double's clients may keep connections that would keep the process.
process.exit(await chaos());
