import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Redis } from "ioredis";
import { freePort } from "./free-port.ts";
import { findCommand, killAtExit, tied } from "./tied-process.ts";

/** One process of the two. A paused one keeps its connections and says nothing. */
export interface Part {
  pause(): void;
  resume(): void;
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>;
  /** Starts it again on the same port, after `kill`; resolves when it answers. */
  restart(): Promise<void>;
}

export interface TestRedis {
  /** REST, as Upstash's client takes it. */
  readonly url: string;
  readonly token: string;
  /** Of the redis-server itself. */
  readonly redisPort: number;
  /** The same by its own protocol, with the password; with `tls` by TLS, as certificate of tests/fixtures/tls. */
  readonly redisUrl: string;
  readonly redis: Part;
  readonly rest: Part;
  /** FLUSHALL; past the REST server, so also while that one is away. */
  flush(): Promise<void>;
  /** One command, by REST. */
  command(...words: string[]): Promise<unknown>;
  /** One inline command, past the REST server; the text that comes back. */
  say(command: string): Promise<string>;
  /**
   * How many commands of the kinds that clients send and scripts never do (EVAL, EVALSHA, SCAN, SCRIPT, GETEX, SETEX)
   * Redis has processed since it was started. What scripts call inside is not counted.
   */
  commandsProcessed(): Promise<number>;
  stop(): Promise<void>;
}

export const redisAvailable = (): boolean => findCommand("redis-server") !== undefined;

/**
 * What to give to `skip` of a suite that needs Redis: false where there is one, else the reason.
 * With `CI=true` a missing one is an error, so that nothing is skipped there unseen.
 */
export const skipWithoutRedis = (): string | false => {
  if (redisAvailable()) return false;
  const reason = "redis-server is not on this machine: apt-get install redis-server";
  if (process.env["CI"] === "true") throw new Error(reason);
  return reason;
};

const spawnTied = (
  command: string,
  args: string[],
  ipc: "ipc" | "ignore",
  env = process.env,
): ChildProcess => {
  const [file, words] = tied(command, args);
  const child = spawn(file, words, { env, stdio: ["ignore", "ignore", "ignore", ipc] });
  killAtExit(child);
  return child;
};

/** A test that fails before it can stop the child ends all the same; the child then ends with it. */
const release = (child: ChildProcess): void => {
  child.unref();
  child.channel?.unref();
};

const isOver = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

const kill = async (child: ChildProcess): Promise<void> => {
  if (isOver(child)) return;
  const exited = once(child, "exit");
  child.ref();
  child.kill("SIGKILL");
  await exited;
};

/** Redis's own protocol, as far as needed: inline commands out, the text that comes back. */
export const inlineCommand = async (port: number, password: string, command: string): Promise<string> => {
  const socket = connect(port, "127.0.0.1");
  socket.setTimeout(2000, () => socket.destroy(new Error(`Redis did not answer ${command}`)));
  socket.write(`AUTH ${password}\r\n${command}\r\nQUIT\r\n`);
  const said = await text(socket);
  if (!said.startsWith("+OK\r\n") || said.startsWith("-", 5)) throw new Error(`Redis to ${command}: ${said}`);
  return said.slice(5);
};

/** How a redis-server is started. */
interface Database {
  readonly password: string;
  readonly folder: string;
  /** As in `knative/components/redis`: what was answered is written, and there again after a crash. */
  readonly keeps: boolean;
  /** A port that speaks TLS beside the plain one. */
  readonly tlsPort?: number;
  /** More of redis.conf. */
  readonly settings: Readonly<Record<string, string>>;
}

/** The certificate that a redis-server shows; it is its own authority. */
export const certificateFile = fileURLToPath(new URL("../fixtures/tls/certificate.pem", import.meta.url));
const keyFile = fileURLToPath(new URL("../fixtures/tls/key.pem", import.meta.url));

const startServer = async (
  port: number,
  { password, folder, keeps, tlsPort, settings: more }: Database,
): Promise<ChildProcess | undefined> => {
  const tls = tlsPort !== undefined && {
    "tls-port": tlsPort,
    "tls-cert-file": certificateFile,
    "tls-key-file": keyFile,
    "tls-ca-cert-file": certificateFile,
    "tls-auth-clients": "no",
  };
  const settings = {
    port,
    bind: "127.0.0.1",
    save: "",
    appendonly: keeps ? "yes" : "no",
    appendfsync: "always",
    dir: folder,
    requirepass: password,
    ...tls,
    ...more,
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawnTied(findCommand("redis-server") ?? "redis-server", args, "ignore");
  const deadline = performance.now() + 10_000;
  while (!isOver(child) && performance.now() < deadline) {
    // The password tells that it is this one and not another Redis that took the port first.
    const answered = await inlineCommand(port, password, "PING").catch(() => "");
    if (answered.startsWith("+PONG")) {
      release(child);
      return child;
    }
    await sleep(20);
  }
  await kill(child);
  return undefined;
};

/** A port that was free a moment ago may be taken by now: then another one. */
const startOnFreePort = async (database: Database): Promise<{ child: ChildProcess; port: number }> => {
  for (let attempt = 0; attempt < 5; attempt++) {
    const port = await freePort();
    const child = await startServer(port, database);
    if (child) return { child, port };
  }
  throw new Error("redis-server did not start on any of 5 ports");
};

const startRest = async (env: Record<string, string>): Promise<{ child: ChildProcess; port: number }> => {
  const file = fileURLToPath(new URL("./redis-rest-server.ts", import.meta.url));
  const child = spawnTied(process.execPath, [file], "ipc", { ...process.env, ...env });
  const told = await Promise.race([
    once(child, "message", { signal: AbortSignal.timeout(20_000) }),
    once(child, "exit"),
  ]);
  const [message] = told as [unknown];
  if (
    typeof message === "object" &&
    message !== null &&
    "port" in message &&
    typeof message.port === "number"
  ) {
    release(child);
    return { child, port: message.port };
  }
  await kill(child);
  throw new Error("the REST server before Redis did not start");
};

const part = (first: ChildProcess, start: () => Promise<ChildProcess>): Part => {
  let child = first;
  return {
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
    kill: () => kill(child),
    restart: async () => {
      await kill(child);
      child = await start();
    },
  };
};

/** A Redis and Upstash's REST protocol before it, for the tests of one process; by default it keeps nothing. */
export const startRedis = async ({
  keeps = false,
  tls = false,
  settings = {},
}: {
  readonly keeps?: boolean;
  readonly tls?: boolean;
  readonly settings?: Readonly<Record<string, string>>;
} = {}): Promise<TestRedis> => {
  const folder = await mkdtemp(join(tmpdir(), "klight-redis-"));
  const [password, token] = [randomBytes(16).toString("hex"), randomBytes(16).toString("hex")];
  const tlsPort = tls ? { tlsPort: await freePort() } : {};
  const database: Database = { password, folder, keeps, settings, ...tlsPort };
  const server = await startOnFreePort(database);
  const env = { URS_TOKEN: token, REDIS_URL: `redis://:${password}@127.0.0.1:${server.port}`, PORT: "0" };
  const front = await startRest(env);
  const url = `http://127.0.0.1:${front.port}`;

  const redis = part(server.child, async () => {
    const child = await startServer(server.port, database);
    if (!child) throw new Error(`redis-server did not start again on port ${server.port}`);
    return child;
  });
  const rest = part(front.child, async () => (await startRest({ ...env, PORT: String(front.port) })).child);

  return {
    url,
    token,
    redisPort: server.port,
    redisUrl: tls
      ? `rediss://:${password}@127.0.0.1:${tlsPort.tlsPort}`
      : `redis://:${password}@127.0.0.1:${server.port}`,
    redis,
    rest,
    flush: async () => void (await inlineCommand(server.port, password, "FLUSHALL")),
    command: async (...words) => {
      const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
      const response = await fetch(url, { method: "POST", headers, body: JSON.stringify(words) });
      const body = (await response.json()) as { result?: unknown; error?: string };
      if (body.error !== undefined) throw new Error(body.error);
      return body.result;
    },
    say: (command) => inlineCommand(server.port, password, command),
    commandsProcessed: async () => {
      const stats = await inlineCommand(server.port, password, "INFO commandstats");
      const calls = stats.matchAll(/^cmdstat_(?:eval|evalsha|scan|script|getex|setex)[^:]*:calls=(\d+)/gm);
      return [...calls].reduce((sum, [, count]) => sum + Number(count), 0);
    },
    stop: async () => {
      await rest.kill();
      await redis.kill();
      await rm(folder, { recursive: true, force: true });
    },
  };
};

export interface TestSentinel {
  readonly port: number;
  /** One command after the word SENTINEL. */
  say(command: string): Promise<unknown>;
  stop(): Promise<void>;
}

/** A Sentinel that looks after one primary by the name `mine`. It wants the same password. */
export const startSentinel = async ({
  primaryPort,
  password,
}: {
  readonly primaryPort: number;
  readonly password: string;
}): Promise<TestSentinel> => {
  const folder = await mkdtemp(join(tmpdir(), "klight-sentinel-"));
  const port = await freePort();
  const file = join(folder, "sentinel.conf");
  const lines = [
    `port ${port}`,
    "bind 127.0.0.1",
    `dir ${folder}`,
    `requirepass ${password}`,
    `sentinel monitor mine 127.0.0.1 ${primaryPort} 1`,
    `sentinel auth-pass mine ${password}`,
    "sentinel down-after-milliseconds mine 1000",
  ];
  await writeFile(file, `${lines.join("\n")}\n`);
  const child = spawnTied(findCommand("redis-server") ?? "redis-server", [file, "--sentinel"], "ignore");
  release(child);
  const client = new Redis({ port, password, protocol: 2, enableReadyCheck: false });
  // It is asked again until it is there.
  client.on("error", () => {});
  const stop = async (): Promise<void> => {
    client.disconnect();
    await kill(child);
    await rm(folder, { recursive: true, force: true });
  };
  return { port, say: (command) => client.call("SENTINEL", ...command.split(" ")), stop };
};
