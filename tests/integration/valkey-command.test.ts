import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { parseAllDocuments } from "yaml";
import { z } from "zod";
import { skipWithoutRedis } from "../harness/redis.ts";

const manifest = resolve(import.meta.dirname, "../../knative/components/redis/valkey.yaml");
const containerSchema = z.looseObject({ command: z.tuple([z.literal("sh"), z.literal("-c"), z.string()]) });
const setSchema = z.looseObject({
  kind: z.literal("StatefulSet"),
  spec: z.looseObject({
    template: z.looseObject({ spec: z.looseObject({ containers: z.tuple([containerSchema]) }) }),
  }),
});

/** What a server at this socket answers to these lines. */
async function answer(socket: string, lines: string): Promise<string> {
  const connection = createConnection(socket);
  connection.setEncoding("utf8").end(`${lines}\r\nQUIT\r\n`);
  let text = "";
  for await (const part of connection) text += String(part);
  return text;
}

test(
  "the store in the cluster wants the password of its Secret, keeps what it has, and names the password nowhere",
  { skip: skipWithoutRedis() },
  async (t) => {
    const [set] = parseAllDocuments(readFileSync(manifest, "utf8"))
      .map((document) => setSchema.safeParse(document.toJS()))
      .flatMap(({ data }) => (data ? [data] : []));
    const [, , script = ""] = set?.spec.template.spec.containers[0].command ?? [];
    assert.match(script, /^exec valkey-server --dir \/data /u);
    const folder = mkdtempSync(join(tmpdir(), "klight-valkey-"));
    const socket = join(folder, "socket");
    const here = script
      .replace("valkey-server", "redis-server")
      .replace("/data", `${folder} --port 0 --unixsocket ${socket}`);
    const server = spawn("sh", ["-c", here], {
      env: { ...process.env, REDIS_PASSWORD: "a-password" },
      stdio: ["ignore", "pipe", "inherit"],
    });
    t.after(async () => {
      server.kill("SIGKILL");
      await once(server, "exit");
      rmSync(folder, { recursive: true });
    });
    server.stdout.setEncoding("utf8");
    let log = "";
    for await (const part of server.stdout) {
      log += String(part);
      if (log.includes("ready to accept connections")) break;
    }
    assert.match(await answer(socket, "PING"), /^-NOAUTH/u);
    const answers = await answer(socket, "AUTH a-password\r\nSET a b\r\nCONFIG GET maxmemory-policy");
    assert.match(answers, /^\+OK\r\n\+OK\r\n[^]+noeviction/u);
    assert.ok(readdirSync(folder).includes("appendonlydir"));
    assert.doesNotMatch(readFileSync(`/proc/${String(server.pid)}/cmdline`, "utf8"), /a-password/u);
  },
);
