import { randomInt } from "node:crypto";
import { readOptions } from "../../scripts/options.ts";
import { redisAvailable } from "../harness/redis.ts";
import { openLog } from "./log-file.ts";
import { run } from "./run.ts";
import { printTable } from "./table.ts";

const about = `npm run chaos -- [--seconds SECONDS] [--seed SEED]

klight under faults, on real parts: functions, a Redis, networks of gRPC lightpeers with an application storing in each, and
everything killed, stopped, restarted, flushed, walled off, evicted with its address handed on at once, and asked for by
somebody who is no peer. In the end every network must be whole, nothing acknowledged lost, and nothing of one network ever
at a peer of another. The last line on stdout is JSON with the figures; exits with 1 where something is wrong.`;

const values = readOptions(about, {
  seconds: { type: "string", default: "60", says: "how long things go wrong" },
  seed: { type: "string", says: "the same faults again; else chosen at random" },
  functions: { type: "string", default: "2", says: "instances of klight" },
  networks: { type: "string", default: "5", says: "networks" },
  pods: { type: "string", default: "8", says: "pods in each of them" },
  log: { type: "string", says: "file for what functions and driver say, as JSON lines" },
  quiet: { type: "boolean", default: false, says: "no line for each fault" },
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
