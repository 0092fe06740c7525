import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { errors, Redis } from "@upstash/redis";
import { scripts, type ScriptName } from "./scripts.ts";

export interface RedisRestOptions {
  readonly url: string;
  readonly token: string;
  /** How long one attempt may take, in ms. There are up to three, with 20 and 200 ms between them. */
  readonly timeoutMs: number;
}

/** One run of a script. */
export interface Run {
  readonly keys: string[];
  readonly args: string[];
}

/** What klight asks of Redis over REST. The calls throw what `explain` puts into words. */
export interface RedisRest {
  /** EVALSHA, and EVAL where Redis does not know the script yet: one command in the normal case. */
  run(script: ScriptName, run: Run): Promise<unknown>;
  /** The same script several times in one round trip; replies in order. Not one transaction. */
  runEach(script: ScriptName, runs: readonly Run[]): Promise<unknown[]>;
  scan(cursor: string, pattern: string): Promise<unknown>;
}

const pausesMs = [20, 200];

/** Every script may run twice, so what Redis did not answer is simply sent again. */
const persevere = async <T>(send: () => Promise<T>): Promise<T> => {
  for (const pauseMs of pausesMs) {
    try {
      return await send();
    } catch (error) {
      if (error instanceof errors.UpstashError) throw error;
      await sleep(pauseMs);
    }
  }
  return send();
};

const connect = ({ url, token, timeoutMs }: RedisRestOptions): Redis =>
  new Redis({
    url,
    token,
    // Only this sends once (`retry: false` sends twice): the client's one signal would span all its attempts.
    retry: { retries: 0 },
    // A plain signal would make an aborted call resolve with the reason for a reply.
    signal: () => AbortSignal.timeout(timeoutMs),
    // JSON and numbers stay the strings that the scripts replied.
    automaticDeserialization: false,
    // Servers that do not encode exist, and the client decodes what only looks like base64.
    responseEncoding: false,
    // A command stays one request, with the error that belongs to it.
    enableAutoPipelining: false,
    enableTelemetry: false,
    latencyLogging: false,
  });

const isUnknownScript = (message: string): boolean => message.includes("NOSCRIPT");
const sha1 = (text: string): string => createHash("sha1").update(text).digest("hex");

const settled = (reply: { readonly result?: unknown; readonly error?: string } | undefined): unknown => {
  if (reply?.error !== undefined) throw new errors.UpstashError(reply.error);
  return reply?.result;
};

const runEach = async (redis: Redis, script: ScriptName, runs: readonly Run[]): Promise<unknown[]> => {
  if (runs.length === 0) return [];
  const text = scripts[script];
  const known = redis.pipeline();
  for (const { keys, args } of runs) known.evalsha(sha1(text), keys, args);
  const replies = await persevere(() => known.exec({ keepErrors: true }));
  const unknown = runs.filter((_, at) => isUnknownScript(replies[at]?.error ?? ""));
  if (unknown.length === 0) return replies.map(settled);
  const sent = redis.pipeline();
  for (const { keys, args } of unknown) sent.eval(text, keys, args);
  const late = await persevere(() => sent.exec({ keepErrors: true }));
  return replies.map((reply) => settled(isUnknownScript(reply.error ?? "") ? late.shift() : reply));
};

export const createRedisRest = (options: RedisRestOptions): RedisRest => {
  const redis = connect(options);
  return {
    run: async (script, { keys, args }) => {
      const text = scripts[script];
      try {
        return await persevere(() => redis.evalsha<string[]>(sha1(text), keys, args));
      } catch (error) {
        if (!(error instanceof errors.UpstashError && isUnknownScript(error.message))) throw error;
        return persevere(() => redis.eval<string[]>(text, keys, args));
      }
    },
    runEach: (script, runs) => runEach(redis, script, runs),
    scan: (cursor, pattern) => persevere(() => redis.scan(cursor, { match: pattern, count: 1000 })),
  };
};

/** Words for what a call has thrown; never the token, never the command with its values. */
export const explain = (error: unknown, { token, timeoutMs }: RedisRestOptions): string => {
  if (!(error instanceof Error)) return "Redis failed without an error";
  const cause = error.cause instanceof Error ? `: ${error.cause.message}` : "";
  const said =
    error.name === "TimeoutError"
      ? `no answer within ${timeoutMs} ms`
      : `${error.message.replace(/, command was: .*$/s, "")}${cause}`;
  return `Redis: ${said}`.replaceAll(token, "***").slice(0, 300);
};
