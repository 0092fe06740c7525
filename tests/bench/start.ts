import { spawn } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { createServer, type AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { median, mib, ms, type Report, round, times } from "./report.ts";
import { residentMib } from "./memory.ts";

interface Started {
  readonly ms: number;
  readonly mib: number;
}

const runs = 9;
const longestMs = 10_000;
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const candidates = {
  bundle: [pathOf("../../dist/index.js")],
  http: ["--eval", 'require("node:http").createServer((_, reply) => reply.end()).listen(process.env.PORT)'],
  faas: [fileURLToPath(import.meta.resolve("faas-js-runtime/bin/cli.js")), pathOf("hello-function.js")],
} as const;

/** Start to the first 200 on /health/readiness, and memory then: the bundle between what it could not be faster than and what it replaces. */
export async function measureStart(): Promise<Report> {
  const found: Record<keyof typeof candidates, Started[]> = { bundle: [], http: [], faas: [] };
  for (let run = 0; run < runs; run += 1) {
    found.bundle.push(await startOnce(candidates.bundle));
    found.http.push(await startOnce(candidates.http));
    found.faas.push(await startOnce(candidates.faas));
  }
  const middle = (which: Started[]): Started => ({
    ms: median(which.map((each) => each.ms)),
    mib: median(which.map((each) => each.mib)),
  });
  const [bundle, http, faas] = [middle(found.bundle), middle(found.http), middle(found.faas)];
  const toHttp = bundle.ms / http.ms;
  const toFaas = bundle.ms / faas.ms;
  const shown = (each: Started): string => `${ms(each.ms)}, ${mib(each.mib)}`;
  return {
    title: `Start to the first 200, and resident memory then (median of ${runs})`,
    rows: [
      ["the function", shown(bundle), "75 MiB at most"],
      ["bare node:http", shown(http)],
      ["a hello on faas-js-runtime", shown(faas)],
      ["function : node:http", times(toHttp), "2.0 at most"],
      ["function : faas-js-runtime", times(toFaas), "0.6 at most"],
    ],
    figures: {
      runs,
      bundle: { ms: round(bundle.ms, 1), mib: round(bundle.mib, 1) },
      http: { ms: round(http.ms, 1), mib: round(http.mib, 1) },
      faas: { ms: round(faas.ms, 1), mib: round(faas.mib, 1) },
      toHttp: round(toHttp, 2),
      toFaas: round(toFaas, 2),
    },
    problems: [],
  };
}

async function startOnce(args: readonly string[]): Promise<Started> {
  const port = await freePort();
  const env = {
    PORT: String(port),
    FUNC_PORT: String(port),
    LOG_LEVEL: "warn",
    UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
    UPSTASH_REDIS_REST_TOKEN: "not-called",
  };
  const from = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: "ignore" });
  const ended = once(child, "exit");
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`${args.join(" ")} ended with ${child.exitCode}`);
      if (performance.now() - from > longestMs) throw new Error(`${args.join(" ")} is not ready in time`);
      await sleep(1);
    }
    const took = performance.now() - from;
    return { ms: took, mib: await residentMib(child.pid) };
  } finally {
    child.kill("SIGKILL");
    await ended;
  }
}

const isReady = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const options = { port, host: "127.0.0.1", path: "/health/readiness", agent: false, timeout: 1_000 };
    const asked = get(options, (reply) => {
      reply.resume();
      resolve(reply.statusCode === 200);
    });
    asked.once("timeout", () => asked.destroy());
    asked.once("error", () => {
      resolve(false);
    });
  });

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
