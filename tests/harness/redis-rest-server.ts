/**
 * Upstash's REST protocol before a Redis, as a process of its own. The package's own command listens on every
 * interface, and asks for the token at `/` only; this one listens on loopback and asks for it everywhere.
 * Environment: URS_TOKEN, REDIS_URL, PORT (0: any). It tells its port to its parent, and ends with it.
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { createApp } from "@humanwhocodes/upstash-redis-server";

const token = process.env["URS_TOKEN"] ?? "";
const app = createApp({ token, redisUrl: process.env["REDIS_URL"] ?? "" });

const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
  const body = await buffer(request);
  if (request.headers.authorization !== `Bearer ${token}`) {
    response.writeHead(401, { "content-type": "application/json" }).end('{"error":"Unauthorized"}');
    return;
  }
  const replied = await app.fetch(
    new Request(`http://127.0.0.1${request.url ?? "/"}`, {
      method: "POST",
      headers: { "content-type": "application/json", authorization: `Bearer ${token}` },
      body,
    }),
  );
  response.writeHead(replied.status, { "content-type": "application/json" }).end(await replied.text());
};

process.once("disconnect", () => process.exit(0));
const server = createServer((request, response) => {
  answer(request, response).catch(() => response.destroy());
});
server.listen(Number(process.env["PORT"]), "127.0.0.1");
await once(server, "listening");
const address = server.address();
process.send?.({ port: typeof address === "object" ? address?.port : undefined });
