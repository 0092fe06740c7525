import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { explained, type RedisCommands, RedisRefusal } from "./commands.ts";
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

/** Connections that are open at once; what comes beside waits for one, within its own time. */
const CONNECTIONS = 64;
/** A hundred networks with all their logs are less than 1 MiB. */
const LONGEST_ANSWER_BYTES = 64 * 2 ** 20;
/** What has been written is read, also where a database has replicas: the last answer's token goes with the next request. */
const SYNC_TOKEN = "upstash-sync-token";

const bodyOf = async (response: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > LONGEST_ANSWER_BYTES) throw new Error(`an answer of more than ${LONGEST_ANSWER_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
};

const parsed = (body: string): object => {
  try {
    const value: unknown = JSON.parse(body);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
};

/** The result, or Redis' own error; a proxy's error page is neither. */
const resultOf = (status: number, body: string): unknown => {
  const answer = parsed(body);
  if ("error" in answer && typeof answer.error === "string") throw new RedisRefusal(answer.error);
  if (status === 200 && "result" in answer) return answer.result;
  const what = status === 200 ? "what is no answer of its REST port" : `HTTP status ${status}`;
  // Asked again it would be the same, unless something is broken on the way for the moment.
  throw status >= 500 ? new Error(`answered ${what}`) : new RedisRefusal(`answered ${what}`);
};

/** Upstash's REST protocol: https://upstash.com/docs/redis/features/restapi. */
const createRest = ({ url, token, timeoutMs }: UpstashOptions): RedisCommands => {
  const where = new URL(url);
  const [Agent, request] =
    where.protocol === "https:" ? [HttpsAgent, httpsRequest] : [HttpAgent, httpRequest];
  const agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS });
  let syncToken = "";

  const post = async (words: readonly string[]): Promise<unknown> => {
    const sent = JSON.stringify(words);
    const headers = {
      authorization: `Bearer ${token}`,
      "content-type": "application/json",
      "content-length": Buffer.byteLength(sent),
      [SYNC_TOKEN]: syncToken,
    };
    return new Promise((resolve, reject) => {
      const asking = request(where, { method: "POST", agent, headers }, (response) => {
        const told = response.headers[SYNC_TOKEN];
        if (typeof told === "string") syncToken = told;
        const read = async (): Promise<unknown> => resultOf(response.statusCode ?? 0, await bodyOf(response));
        void read()
          .then(resolve, reject)
          .finally(() => clearTimeout(timer));
      });
      const timer = setTimeout(() => {
        reject(new Error(`no answer within ${timeoutMs} ms`));
        asking.destroy();
      }, timeoutMs);
      asking.once("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
      asking.end(sent);
    });
  };

  return {
    send: post,
    explain: (error) =>
      explained(error instanceof Error ? error.message : "failed without an error", [token]),
  };
};

/** The stack in Redis, by Upstash's REST protocol. Throws only where `url` is not one. */
export const createUpstashContacts = (options: UpstashOptions): Contacts =>
  createContactsIn(createRest(options), options.prefix);
