import { errors, Redis } from "@upstash/redis";
import { connectionsFor, type JsonAnswer, sendTo } from "../json-requests.ts";
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

/** The client, with everything off that it does by itself, and sending over connections like klight's others. */
class PlainRedis extends Redis {
  constructor({ url, token, timeoutMs }: UpstashOptions) {
    super({
      url,
      token,
      // JSON and numbers stay the strings that the scripts replied.
      automaticDeserialization: false,
      // A command stays one request, with the error that belongs to it.
      enableAutoPipelining: false,
      enableTelemetry: false,
      latencyLogging: false,
      readYourWrites: false,
    });
    this.client = oneRequestEach(new URL(url), token, timeoutMs);
  }
}

type Requester = Redis["client"];

interface RestReply<Result> {
  result?: Result;
  error?: string;
}

/** Each command is sent once. Node's fetch, which the client takes by default, is slow to load, and each call of it. */
function oneRequestEach(server: URL, token: string, timeoutMs: number): Requester {
  const connections = connectionsFor(server.protocol);
  const access = { headers: { authorization: `Bearer ${token}` }, agent: connections({}) };
  const send = sendTo({ server, access: () => Promise.resolve(access) }, timeoutMs);
  return {
    request: async <Result>({ body: json }: { readonly body?: unknown }): Promise<RestReply<Result>> => {
      const body = { contentType: "application/json", json };
      const answer = await send({ method: "POST", path: "", body });
      if (answer.tag === "unreachable") throw new Error(answer.message);
      return replyOf(answer) as RestReply<Result>;
    },
  };
}

/** What Redis replied, or its error. Throws where the answer is neither. */
function replyOf({ status, body }: Extract<JsonAnswer, { tag: "answer" }>): RestReply<unknown> {
  const { result, error } = (body ?? {}) as { readonly result?: unknown; readonly error?: unknown };
  if (typeof error === "string") return { error };
  if (status !== 200 || result === undefined)
    throw new Error(`${status}: the answer is not of Upstash's REST`);
  return { result };
}

const createRest = (options: UpstashOptions): RedisCommands => {
  const redis = new PlainRedis(options);
  return {
    send: async ([command = "", ...words]) => {
      try {
        return await redis.exec([command, ...words]);
      } catch (error) {
        throw error instanceof errors.UpstashError ? new RedisRefusal(error.message) : error;
      }
    },
    explain: (error) =>
      withoutSecrets(error instanceof Error ? error.message : String(error), [options.token]),
  };
};

/** The stack in Redis, by Upstash's REST protocol. Throws only where `url` is not one. */
export const createUpstashContacts = (options: UpstashOptions): Contacts =>
  createContactsIn(createRest(options), options.prefix);
