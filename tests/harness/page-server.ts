import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { problem } from "../../functions/http/problem.ts";
import { readsOf } from "../../functions/status/reads.ts";
import { requireToken } from "../../functions/auth/read-token.ts";
import { replyTo } from "../../functions/http/reply.ts";
import { createServer } from "../../functions/http/server.ts";
import { createStatusReader } from "../../functions/status/status.ts";
import { readWhy } from "../../functions/status/why.ts";
import type { Log } from "../../lib/log.ts";
import type { Outcome } from "../../lib/outcome.ts";
import type { World } from "./networks.ts";

export interface PageServer {
  readonly url: string;
  close(): Promise<void>;
}

export interface PageServerOptions {
  /** Who does not send it reads nothing. */
  readonly token?: string;
  readonly reform?: (network: string) => Promise<Outcome>;
}

const noLog: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const noSuch = (network: string): Outcome => ({
  name: "refused",
  reason: "NoNetwork",
  message: `there is no network ${network} with a member`,
  network,
});

/** All that a person can read of a world, through the function's own server, on a free port. */
export async function servePage(world: World, options: PageServerOptions = {}): Promise<PageServer> {
  const { token, reform = (network) => Promise.resolve(noSuch(network)) } = options;
  const reads = readsOf({ status: createStatusReader(world), why: (pod) => readWhy(world, pod) });
  const engine = {
    ...reads,
    events: () => Promise.resolve(problem(400, { title: "No events", detail: "nothing takes events here" })),
    reform: async (network: string) => replyTo(await reform(network)),
  };
  const app = createServer({
    engine: () => Promise.resolve(engine),
    log: noLog,
    isReady: () => true,
    ...(token !== undefined && { guardReads: requireToken(token), guardReforms: requireToken(token) }),
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}
