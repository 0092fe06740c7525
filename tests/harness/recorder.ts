import { once } from "node:events";
import { createServer, request as requestHttp, type IncomingMessage, type ServerResponse } from "node:http";
import { request as requestHttps } from "node:https";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { gunzipSync } from "node:zlib";

/** One request and its answer, as they went over the wire. */
export interface Exchange {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | undefined;
  /** JSON where it is that, else the text. */
  readonly body: unknown;
}

/** Stands before an API server, passes on what is asked, and keeps it. */
export interface Recorder {
  readonly url: string;
  readonly exchanges: Exchange[];
  /** Called with each request's path before it is passed on. */
  before: (path: string) => Promise<void> | void;
  /** As if it were new. */
  clear(): void;
  close(): Promise<void>;
}

export async function startRecorder(behind: {
  readonly url: string;
  readonly ca?: string;
}): Promise<Recorder> {
  const exchanges: Exchange[] = [];
  const server = createServer((request, response) => {
    pass(request, response).catch((error: unknown) => {
      response.destroy(error as Error);
    });
  });

  async function pass(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = "", url: path = "" } = request;
    const sent = await buffer(request);
    await recorder.before(path);
    const { host: _host, ...headers } = request.headers;
    const send = behind.url.startsWith("https:") ? requestHttps : requestHttp;
    const passed = send(new URL(path, behind.url), { method, headers, ca: behind.ca });
    passed.end(sent);
    const [answer] = (await once(passed, "response")) as [IncomingMessage];
    const body = await buffer(answer);
    const { statusCode: status = 0, headers: got } = answer;
    exchanges.push({
      method,
      path,
      status,
      contentType: got["content-type"] ?? "",
      retryAfter: got["retry-after"],
      body: parsed((got["content-encoding"] === "gzip" ? gunzipSync(body) : body).toString()),
    });
    const { "transfer-encoding": _encoding, ...told } = got;
    response.writeHead(status, told).end(body);
  }

  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const recorder: Recorder = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    exchanges,
    before: () => undefined,
    clear() {
      exchanges.length = 0;
      recorder.before = () => undefined;
    },
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
  return recorder;
}

function parsed(said: string): unknown {
  try {
    return JSON.parse(said) as unknown;
  } catch {
    return said;
  }
}
