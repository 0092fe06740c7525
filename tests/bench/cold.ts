import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdtemp, rm, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { nodeOptions } from "../harness/function-process.ts";
import { freePort } from "../harness/free-port.ts";

const longestMs = 30_000;
const root = fileURLToPath(new URL("../..", import.meta.url));

export const bundle = `${root}dist/index.js`;

/** Arguments of Node for a bundle, as the image runs it. */
export const asStarted = (file: string): readonly string[] => [...nodeOptions, file];

/** The same as a copy without what V8 has compiled of it, which the caller removes. */
export async function uncachedBundle(): Promise<{ readonly file: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "klight-bench-"));
  await cp(`${root}dist`, join(folder, "dist"), {
    recursive: true,
    filter: (path) => !path.endsWith(".cache"),
  });
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  return { file: join(folder, "dist/index.js"), remove: () => rm(folder, { recursive: true }) };
}

/** Bare node:http: what no function in Node starts sooner than. */
export const bareHttp = [
  "--eval",
  'require("node:http").createServer((_, reply) => reply.end()).listen(process.env.PORT)',
] as const;

/** What klight is made of, all of it at the start, as it comes from npm, not bundled. */
export const plainPackages = [
  "--input-type=module",
  "--eval",
  `
import "@grpc/grpc-js";
import "@kubernetes/client-node";
import "@upstash/redis";
import "cloudevents";
import "zod";
import express from "express";
const app = express();
app.get("/health/readiness", (_request, response) => response.send("ready"));
app.listen(process.env.PORT);`,
] as const;

/** A process that has just answered for the first time. */
export interface Cold {
  readonly process: ChildProcess;
  readonly port: number;
  /** Since it was started, ms; grows on. */
  readonly age: () => number;
  end(): Promise<void>;
}

/** Starts node with these arguments, and asks for /health/readiness until the first 200, as the queue proxy does. */
export async function startCold(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Cold> {
  // Somebody else may take the free port before it does.
  return startColdOnce(args, env).catch(() => startColdOnce(args, env));
}

async function startColdOnce(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Cold> {
  const port = await freePort();
  const from = performance.now();
  const child = spawn(process.execPath, args, {
    env: { PORT: String(port), FUNC_PORT: String(port), LOG_LEVEL: "warn", ...env },
    stdio: "ignore",
    cwd: root,
  });
  const ended = once(child, "exit");
  const age = (): number => performance.now() - from;
  const end = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  try {
    while (!(await isReady(port))) {
      if (child.exitCode !== null) throw new Error(`${args.join(" ")} ended with ${child.exitCode}`);
      if (age() > longestMs) throw new Error(`${args.join(" ")} is not ready in time`);
      await sleep(1);
    }
    return { process: child, port, age, end };
  } catch (error) {
    await end();
    throw error;
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
