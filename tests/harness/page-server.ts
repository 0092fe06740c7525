import { once } from "node:events";
import type { AddressInfo } from "node:net";
import express from "express";
import { answerPage } from "../../functions/page/answer.ts";
import { pageRoutes } from "../../functions/page-routes.ts";
import { readStatus } from "../../functions/status.ts";
import type { World } from "./networks.ts";

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

/** The page of a world, over HTTP, on a free port. */
export async function servePage(world: World): Promise<PageServer> {
  const app = express();
  app.use(
    pageRoutes(
      (request) => answerPage(() => readStatus(world), request),
      (_request, _response, next) => {
        next();
      },
    ),
  );
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
