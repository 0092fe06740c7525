import { errors, Redis } from "@upstash/redis";
import { withoutSecrets, type RedisCommands, RedisRefusal } from "./commands.ts";
import type { Contacts } from "./contacts.ts";
import { createContactsIn } from "./redis-contacts.ts";

export interface UpstashOptions {
  /** Address of the REST port. */
  readonly url: string;
  readonly token: string;
  /** How long one attempt may take, in ms. There are up to three, with 20 and 200 ms between them. */
  readonly timeoutMs: number;
  /** Before every key, so that klight can share a database. */
  readonly prefix: string;
}

/** Upstash's REST protocol, by its client, with everything off that it does by itself. */
const createRest = ({ url, token, timeoutMs }: UpstashOptions): RedisCommands => {
  const redis = new Redis({
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
  return {
    send: async ([command = "", ...words]) => {
      try {
        return await redis.exec([command, ...words]);
      } catch (error) {
        // Redis' own error, without the command that the client adds to it.
        if (!(error instanceof errors.UpstashError)) throw error;
        throw new RedisRefusal(error.message.replace(/, command was: .*$/su, ""));
      }
    },
    explain: (error) => withoutSecrets(wordsOf(error, timeoutMs), [token]),
  };
};

function wordsOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return "failed without an error";
  if (error.name === "TimeoutError") return `no answer within ${timeoutMs} ms`;
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

/** The stack in Redis, by Upstash's REST protocol. Throws only where `url` is not one. */
export const createUpstashContacts = (options: UpstashOptions): Contacts =>
  createContactsIn(createRest(options), options.prefix);
