import { get as httpGet, type IncomingMessage, STATUS_CODES } from "node:http";
import { get as httpsGet } from "node:https";
import { type Credentials, readAccount } from "../../lib/cluster/service-account.ts";

/** The API server, as the service account of the pod that klight runs in reaches it. */
export interface ServiceAccount {
  readonly apiServer: URL;
  /** Holds the files `token` and `ca.crt`, which the kubelet renews. */
  readonly directory: string;
}

/** The API server makes its key set as the second of these only, and answers 406 to whoever does not name it. */
const TYPES = "application/json, application/jwk-set+json";

/** Key sets are a few KiB; what is much larger is none. Bytes. */
const LIMIT = 2 ** 20;

/**
 * One JSON document. The account's token goes to the API server's own address and to no other; there is no following
 * of redirects. Throws where no whole document comes before `signal` ends it, with the address in the message.
 */
export async function getJson(url: URL, signal: AbortSignal, account?: ServiceAccount): Promise<unknown> {
  try {
    const own = account !== undefined && url.origin === account.apiServer.origin;
    const response = await responseOf(url, signal, own ? await readAccount(account.directory) : undefined);
    const text = await textOf(response);
    const { statusCode = 0 } = response;
    if (statusCode !== 200) throw new Error(`${statusCode} ${STATUS_CODES[statusCode] ?? ""}`);
    return JSON.parse(text) as unknown;
  } catch (error) {
    const message = signal.aborted ? "no answer in time" : messageOf(error);
    throw new Error(`${url.href}: ${message}`, { cause: error });
  }
}

function responseOf(url: URL, signal: AbortSignal, credentials?: Credentials): Promise<IncomingMessage> {
  const get = url.protocol === "https:" ? httpsGet : httpGet;
  const headers = {
    accept: TYPES,
    "user-agent": "klight",
    ...(credentials && { authorization: `Bearer ${credentials.token}` }),
  };
  // No connection is kept: the next request is minutes away.
  const options = { agent: false, headers, signal, ...(credentials && { ca: credentials.ca }) };
  return new Promise((resolve, reject) => {
    get(url, options, resolve).once("error", reject);
  });
}

async function textOf(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    size += part.length;
    // Leaving the loop ends the connection.
    if (size > LIMIT) throw new Error(`more than ${LIMIT} bytes`);
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(messageOf).join(", ");
  if (error instanceof SyntaxError) return "the answer is not JSON";
  return error instanceof Error ? error.message : String(error);
}
