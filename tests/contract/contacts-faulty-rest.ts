import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";

export interface FaultyRest {
  readonly url: string;
  /** How many requests have come. */
  requests(): number;
  close(): Promise<void>;
}

const listen = async (answer: RequestListener): Promise<FaultyRest> => {
  let requests = 0;
  const server = createServer((request, response) => {
    requests += 1;
    answer(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `http://127.0.0.1:${address.port}`,
    requests: () => requests,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
};

/**
 * Before a REST server: hands each request on and waits until it has been executed. The reply to the first of its
 * kind is lost with the connection; only a request that is sent again is answered.
 */
export const startLossyRest = (target: string): Promise<FaultyRest> => {
  const seen = new Set<string>();
  const pass = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request);
    const { authorization = "" } = request.headers;
    const headers = { authorization, "content-type": "application/json" };
    const reply = await fetch(`${target}${request.url ?? "/"}`, { method: "POST", headers, body });
    const answer = await reply.text();
    const isFirst = !seen.has(body.toString());
    seen.add(body.toString());
    if (isFirst) response.destroy();
    else response.writeHead(reply.status, { "content-type": "application/json" }).end(answer);
  };
  return listen((request, response) => {
    pass(request, response).catch(() => response.destroy());
  });
};

/** Answers everything with the same. */
export const startRubbish = (status: number, body: string): Promise<FaultyRest> =>
  listen((request, response) => {
    request.resume();
    response.writeHead(status, { "content-type": "application/json" }).end(body);
  });

/** Takes everything and never answers. */
export const startSilent = (): Promise<FaultyRest> => listen((request) => void request.resume());
