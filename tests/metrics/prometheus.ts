import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { killAtExit, tied } from "../harness/tied-process.ts";

const rules = resolve(import.meta.dirname, "../../docs/alerts/klight.yaml");

/** One series of an answer: its labels and the value now. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A real Prometheus with klight's rules, which it evaluates every second. */
export interface Prometheus {
  /** Where OTLP goes: `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly otlp: string;
  query(expr: string): Promise<readonly Sample[]>;
  /** Names of the alerts that fire. */
  firing(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

const answers = z.object({
  status: z.literal("success"),
  data: z.object({
    result: z.array(
      z.object({ metric: z.record(z.string(), z.string()), value: z.tuple([z.number(), z.string()]) }),
    ),
  }),
});
const alerts = z.object({
  data: z.object({
    alerts: z.array(
      z.object({ labels: z.object({ alertname: z.string() }), state: z.enum(["firing", "pending"]) }),
    ),
  }),
});

/** Starts the binary with these flags on a free port of this machine, and waits until it answers. */
export async function startPrometheus(binary: string, flags: readonly string[]): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), "klight-prometheus-"));
  const config = join(folder, "prometheus.yml");
  writeFileSync(config, JSON.stringify({ global: { evaluation_interval: "1s" }, rule_files: [rules] }));
  const url = `http://127.0.0.1:${await freePort()}`;
  const [command, args] = tied(binary, [
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(folder, "data")}`,
    `--web.listen-address=${url.slice("http://".length)}`,
    "--log.level=error",
    ...flags,
  ]);
  const child = spawn(command, args, { stdio: ["ignore", "ignore", "pipe"] });
  killAtExit(child);
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => (said += part));
  const get = async (path: string): Promise<unknown> => {
    const response = await fetch(`${url}/api/v1/${path}`);
    return response.json();
  };
  await answering(url, () => {
    if (child.exitCode !== null) throw new Error(`Prometheus has ended: ${said}`);
  });
  return {
    otlp: `${url}/api/v1/otlp`,
    async query(expr) {
      const answer = answers.safeParse(await get(`query?query=${encodeURIComponent(expr)}`));
      if (!answer.success) throw new Error(`Prometheus does not take ${expr}`);
      return answer.data.data.result.map(({ metric, value }) => ({
        labels: metric,
        value: Number(value[1]),
      }));
    },
    async firing() {
      const found = alerts.parse(await get("alerts")).data.alerts;
      return found.filter(({ state }) => state === "firing").map(({ labels }) => labels.alertname);
    },
    async stop() {
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function answering(url: string, check: () => void): Promise<void> {
  const until = performance.now() + 60_000;
  while (performance.now() < until) {
    check();
    const response = await fetch(`${url}/-/ready`).catch(() => undefined);
    if (response?.ok === true) return;
    await sleep(100);
  }
  throw new Error("Prometheus does not answer");
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
