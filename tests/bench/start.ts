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
  /** How long the first event then took: what was left out of the start is loaded with it. */
  readonly eventMs: number;
}

const runs = 15;
const longestMs = 10_000;
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** What klight is made of: all of it at the start, as it comes from npm, not bundled. */
const plainly = `
import "@grpc/grpc-js";
import "@kubernetes/client-node";
import "cloudevents";
import "zod";
import express from "express";
const app = express();
app.get("/health/readiness", (_request, response) => response.send("ready"));
app.listen(process.env.PORT);`;

const bundle = pathOf("../../dist/index.js");
const candidates = {
  bundle: [bundle],
  traced: [bundle],
  http: ["--eval", 'require("node:http").createServer((_, reply) => reply.end()).listen(process.env.PORT)'],
  faas: [fileURLToPath(import.meta.resolve("faas-js-runtime/bin/cli.js")), pathOf("hello-function.js")],
  packages: ["--input-type=module", "--eval", plainly],
} as const;

type Candidate = keyof typeof candidates;

/** Nobody listens there: what is loaded is the same. */
const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };

/**
 * Start to the first 200 on /health/readiness, and memory then: the bundle between what it could not be faster than
 * and what it replaces.
 */
export async function measureStart(): Promise<Report> {
  const found: Record<Candidate, Started[]> = { bundle: [], traced: [], http: [], faas: [], packages: [] };
  // By turns, so that a busy moment of the machine is no candidate's alone.
  for (let run = 0; run < runs; run += 1) {
    for (const [which, args] of Object.entries(candidates)) {
      found[which as Candidate].push(await startOnce(args, which === "traced" ? collector : {}));
    }
  }
  const plain = middle(found.bundle);
  const traced = middle(found.traced);
  const { eventMs: _http, ...http } = middle(found.http);
  const { eventMs: _faas, ...faas } = middle(found.faas);
  const { eventMs: _packages, ...packages } = middle(found.packages);
  const toHttp = round(plain.ms / http.ms, 2);
  const toFaas = round(plain.ms / faas.ms, 2);
  return {
    title: `Start to the first 200, and resident memory then (median of ${runs})`,
    rows: [
      ["the function", shown(plain), "75 MiB at most"],
      ["the function, with a collector for traces and metrics", shown(traced)],
      ["bare node:http", shown(http)],
      ["a hello on faas-js-runtime", shown(faas)],
      ["its packages, imported plainly", shown(packages)],
      ["function : node:http", times(toHttp), "2.0 at most"],
      ["function : faas-js-runtime", times(toFaas), "0.6 at most"],
      ["the first event after it", ms(plain.eventMs)],
      ["the first event, with a collector", ms(traced.eventMs)],
    ],
    figures: { runs, bundle: plain, traced, http, faas, packages, toHttp, toFaas },
    problems: [],
  };
}

const middle = (which: readonly Started[]): Started => ({
  ms: round(median(which.map((each) => each.ms)), 1),
  mib: round(median(which.map((each) => each.mib)), 1),
  eventMs: round(median(which.map((each) => each.eventMs)), 1),
});

const shown = (each: Pick<Started, "ms" | "mib">): string => `${ms(each.ms)}, ${mib(each.mib)}`;

async function startOnce(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const port = await freePort();
  const env = {
    PORT: String(port),
    FUNC_PORT: String(port),
    LOG_LEVEL: "warn",
    UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9",
    UPSTASH_REDIS_REST_TOKEN: "not-called",
    ...more,
  };
  const from = performance.now();
  const child = spawn(process.execPath, args, { env, stdio: "ignore", cwd: pathOf("../..") });
  const ended = once(child, "exit");
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`${args.join(" ")} ended with ${child.exitCode}`);
      if (performance.now() - from > longestMs) throw new Error(`${args.join(" ")} is not ready in time`);
      await sleep(1);
    }
    const took = performance.now() - from;
    const memory = await residentMib(child.pid);
    const ready = performance.now();
    await firstEvent(port);
    return { ms: took, mib: memory, eventMs: performance.now() - ready };
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

/** An event that is not for klight: all is loaded for it, and nothing called. The others take it as any request. */
const firstEvent = async (port: number): Promise<void> => {
  const headers = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/bench",
    "ce-type": "dev.bench.other",
  };
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", headers });
  await answer.arrayBuffer();
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
