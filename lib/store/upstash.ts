import { randomUUID } from "node:crypto";
import type { Change, Contacts, NetworkView, StoreFailure } from "./contacts.ts";
import { decode } from "./decode.ts";
import { keyPattern, keysFor, networkOf } from "./keys.ts";
import { createRedisRest, explain, type RedisRest, type RedisRestOptions } from "./redis-rest.ts";
import type { ScriptName } from "./scripts.ts";

export interface UpstashOptions extends RedisRestOptions {
  /** Before every key, so that klight can share a database. */
  readonly prefix: string;
}

/** Networks in one round trip. Each has its own hash tag, so a cluster needs a script call for each. */
const NETWORKS_A_ROUND = 100;
/** A SCAN that goes on for longer than this is not one of a database that klight is in. */
const SCAN_ROUNDS = 10_000;

/** A change as commit.lua takes it: contacts as the very strings that the stack holds. */
const encode = ({ stack, drop, push, log, ...rest }: Change): string =>
  JSON.stringify({
    ...rest,
    stack: stack?.map((contact) => JSON.stringify(contact)),
    drop: drop?.map(({ uid, incarnation }) => [uid, incarnation]),
    push: push && [push.uid, JSON.stringify(push)],
    log: log && JSON.stringify(log),
  });

const ms = (duration: number): string => String(Math.ceil(duration));

const scanNetworks = async (redis: RedisRest, prefix: string): ReturnType<Contacts["networks"]> => {
  const networks = new Set<string>();
  let cursor = "0";
  for (let round = 0; round < SCAN_ROUNDS; round++) {
    const page = decode.page(await redis.scan(cursor, keyPattern(prefix)));
    if (page.tag === "failed") return page;
    for (const key of page.keys) {
      const network = networkOf(prefix, key);
      if (network !== undefined) networks.add(network);
    }
    cursor = page.cursor;
    if (cursor === "0") return { tag: "networks", networks: [...networks].sort() };
  }
  return { tag: "failed", message: `Redis: SCAN did not end after ${SCAN_ROUNDS} rounds` };
};

const readViews = async (
  redis: RedisRest,
  prefix: string,
  networks: readonly string[],
): ReturnType<Contacts["read"]> => {
  const views: NetworkView[] = [];
  for (let from = 0; from < networks.length; from += NETWORKS_A_ROUND) {
    const some = networks.slice(from, from + NETWORKS_A_ROUND);
    const runs = some.map((network) => ({ keys: keysFor({ prefix, network }), args: [] }));
    const replies = await redis.runEach("read", runs);
    for (const [at, network] of some.entries()) {
      const read = decode.view(replies[at]);
      if (read.tag === "failed") return read;
      views.push({ network, ...read.view });
    }
  }
  return { tag: "read", views };
};

/** The stack in Redis, by Upstash's REST protocol. Throws only where `url` is not one. */
export const createUpstashContacts = (options: UpstashOptions): Contacts => {
  const { prefix } = options;
  const redis = createRedisRest(options);

  const orFailure = async <T>(call: Promise<T>): Promise<T | StoreFailure> => {
    try {
      return await call;
    } catch (error) {
      return { tag: "failed", message: explain(error, options) };
    }
  };
  const run = async <T>(
    script: ScriptName,
    on: { readonly network: string; readonly receipt?: string },
    args: string[],
    narrow: (reply: unknown) => T,
  ): Promise<T | StoreFailure> =>
    orFailure(redis.run(script, { keys: keysFor({ prefix, ...on }), args }).then(narrow));

  return {
    begin: (network, token, leaseMs, joiner) => {
      const args = [token, ms(leaseMs), joiner?.uid ?? "", joiner?.incarnation ?? ""];
      return run("begin", { network, receipt: token }, args, decode.begun);
    },
    mark: (network, token, leaseMs, intent) =>
      run("mark", { network, receipt: token }, [token, ms(leaseMs), JSON.stringify(intent)], decode.marked),
    commit: (network, token, change) =>
      run("commit", { network, receipt: token }, [token, encode(change)], decode.committed),
    leave: (network, uid, quietMs) =>
      // It has no token; the receipt's name makes a call that is sent again the same as the first.
      run("leave", { network, receipt: randomUUID() }, [uid, ms(quietMs)], decode.departed),
    networks: () => orFailure(scanNetworks(redis, prefix)),
    read: (networks) => orFailure(readViews(redis, prefix, networks)),
  };
};
