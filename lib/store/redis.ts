import { readFileSync } from "node:fs";
import { Redis, type RedisOptions as ClientOptions } from "ioredis";
import { systemClock, within } from "../clock.ts";
import { withoutSecrets, type RedisCommands, RedisRefusal } from "./commands.ts";
import type { Contacts } from "./contacts.ts";
import { createContactsIn } from "./redis-contacts.ts";

export interface RedisOptions {
  /** `redis://USER:PASSWORD@HOST:PORT/DATABASE`, or `rediss://` for TLS. With Sentinels HOST is the name of the primary. */
  readonly url: string;
  /** Sentinels, `HOST:PORT` each; empty: none. */
  readonly sentinels: readonly string[];
  readonly sentinelPassword?: string;
  /** Path of a PEM file: whoever signed the certificates of Redis and its Sentinels. Undefined: who Node trusts. */
  readonly caFile?: string;
  /** How long one attempt may take, in ms: connect, log in, ask. There are up to three, with 20 and 200 ms between them. */
  readonly timeoutMs: number;
  /** Before every key, so that klight can share a database. */
  readonly prefix: string;
}

/** Contacts with a connection of their own, which whoever is done with them closes. */
export interface RedisContacts extends Contacts {
  close(): void;
}

/** Has Redis itself answered with an error? */
const isReply = (error: unknown): error is Error => error instanceof Error && error.name === "ReplyError";

/** What an error reply says of the server and not of the command: another connection, or a moment later, may do better. */
const passingErrors = /^(?:LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|UNBLOCKED)\b/;

/** What helps, by what Redis said. */
const hints: readonly (readonly [RegExp, string])[] = [
  [
    /^(?:NOAUTH|WRONGPASS|ERR (?:AUTH|Client sent AUTH|invalid password))/,
    "see user and password in REDIS_URL",
  ],
  [/^NOPERM/, "the user in REDIS_URL may not do this"],
  [/^ERR (?:DB index|invalid DB|SELECT)/, "see the database in REDIS_URL"],
  [
    /^READONLY/,
    "it is a replica: REDIS_URL must lead to the primary, or REDIS_SENTINELS must name who knows it",
  ],
  [/^(?:MOVED|ASK)/, "it is a Redis Cluster, which klight does not speak"],
  [/RESP type|Protocol error/, "is it a Redis at the address in REDIS_URL?"],
  [/^OOM/, "it is full, and may not forget what it has: give it more memory"],
  [
    /certificate|self-signed|altnames/i,
    "see REDIS_CA_FILE, and whether the host in REDIS_URL is the certificate's",
  ],
];

/** What stands percent-encoded in a URL; as it is where that is no text. */
const decodedPart = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};

const hostAndPort = (sentinel: string): { host: string; port: number } => {
  const { hostname, port } = new URL(`redis://${sentinel}`);
  return { host: bare(hostname), port: Number(port || 26_379) };
};

/** An IPv6 address without its brackets. */
const bare = (hostname: string): string => hostname.replace(/^\[(.*)\]$/, "$1");

const clientOptions = ({
  url,
  sentinels,
  sentinelPassword,
  caFile,
  timeoutMs,
}: RedisOptions): ClientOptions & { readonly replyMapping: "legacy" } => {
  const { protocol, hostname, port } = new URL(url);
  const tls =
    protocol === "rediss:" ? { ...(caFile !== undefined && { ca: readFileSync(caFile) }) } : undefined;
  const primary =
    sentinels.length > 0
      ? {
          sentinels: sentinels.map(hostAndPort),
          name: decodedPart(hostname),
          sentinelRetryStrategy: (): null => null,
          sentinelCommandTimeout: timeoutMs,
          ...(sentinelPassword !== undefined && { sentinelPassword }),
          ...(tls && { enableTLSForSentinelMode: true, sentinelTLS: tls }),
        }
      : { host: bare(hostname), port: Number(port || 6379) };
  return {
    ...primary,
    ...(tls && { tls: { servername: bare(hostname), ...tls } }),
    connectTimeout: timeoutMs,
    lazyConnect: true,
    // A connection lives once. Its client would come back without end, keep what is asked meanwhile, and send what had
    // no reply again, all of it unseen; a command's three attempts are ours.
    retryStrategy: null,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    // Who logs in and chooses the database by its options goes on in database 0 where that fails.
    protocol: 2,
    replyMapping: "legacy",
    enableReadyCheck: false,
    disableClientInfo: true,
  };
};

/** One connection; `ready` once it is logged in and at its database, or rejected with the reason. */
interface RedisConnection {
  readonly client: Redis;
  readonly ready: Promise<void>;
}

const openConnection = (options: RedisOptions): RedisConnection => {
  const { username, password, pathname } = new URL(options.url);
  const client = new Redis(clientOptions(options));
  let why: unknown;
  const remember = (error: unknown): void => {
    why = error;
  };
  client.on("error", remember);
  client.on("sentinelError", remember);
  const enter = async (): Promise<void> => {
    try {
      await client.connect();
      const login = [username, password].filter((part) => part !== "").map(decodedPart);
      // Where nobody logs in, the first long command would be answered with a riddle and not with NOAUTH.
      await (login.length > 0 ? client.call("AUTH", ...login) : client.call("PING"));
      const database = pathname.slice(1);
      if (database !== "") await client.call("SELECT", database);
    } catch (error) {
      throw isReply(error) ? error : (why ?? error);
    }
  };
  const ready = enter();
  // Whoever waits for it is told; nobody may be left.
  ready.catch(() => {});
  return { client, ready };
};

const explain = (error: unknown, { url, sentinelPassword = "" }: RedisOptions): string => {
  const said = error instanceof Error ? error.message : "failed without an error";
  const hint = hints.find(([form]) => form.test(said))?.[1];
  const { password } = new URL(url);
  return withoutSecrets(hint === undefined ? said : `${said} (${hint})`, [
    password,
    decodedPart(password),
    sentinelPassword,
  ]);
};

/** Redis' own protocol, on one connection at a time; who finds it broken opens the next one. */
const createConnection = (options: RedisOptions): RedisCommands & { close(): void } => {
  let current: RedisConnection | undefined;

  const drop = (connection: RedisConnection): void => {
    if (current === connection) current = undefined;
    connection.client.disconnect();
  };

  const ask = async (connection: RedisConnection, words: readonly string[]): Promise<unknown> => {
    const [command = "", ...args] = words;
    let isIn = false;
    try {
      await connection.ready;
      isIn = true;
      return await connection.client.call(command, ...args);
    } catch (error) {
      const isRefusal = isReply(error) && !passingErrors.test(error.message);
      // The next attempt begins anew: with Sentinels at whoever is the primary by then.
      if (!isRefusal || !isIn) drop(connection);
      throw isRefusal ? new RedisRefusal(error.message) : error;
    }
  };

  return {
    send: async (words) => {
      const connection = (current ??= openConnection(options));
      const reply = ask(connection, words).then((value) => ({ value }));
      const end = await within(systemClock, options.timeoutMs, reply);
      if (end !== "late") return end.value;
      drop(connection);
      throw new Error(`no answer within ${options.timeoutMs} ms`);
    },
    explain: (error) => explain(error, options),
    close: () => {
      if (current) drop(current);
    },
  };
};

/** The stack in Redis or Valkey, by its own protocol. Throws only where `url` is not one. */
export const createRedisContacts = (options: RedisOptions): RedisContacts => {
  const connection = createConnection(options);
  return { ...createContactsIn(connection, options.prefix), close: () => connection.close() };
};
