import type { Server, ServerResponse } from "node:http";
import type { Log } from "../lib/log.ts";

/** How long steps under way may take to finish, ms. Knative kills after its request timeout. */
const FINISH_MS = 25_000;

/** Exit status after a second SIGTERM: 128 + SIGTERM. */
const EXIT_AT_ONCE = 143;

export interface Stopping {
  /** Called first: nothing more is taken. */
  readonly stop: () => void;
  /** Called last: sends what is kept for later. It ends within a bound of its own. */
  readonly flush: () => Promise<void>;
}

/**
 * On SIGTERM: not ready any more, no new connections, what runs is finished within 25 s, exit 0. A second SIGTERM ends
 * the process at once; what it was doing is settled by whoever comes next.
 */
export function stopOnSigterm(server: Server, log: Log, { stop, flush }: Stopping): void {
  let stopping = false;
  const end = async (): Promise<void> => {
    await flush();
    log.info({}, "stopped");
    process.exit(0);
  };
  server.on("request", (_request, response: ServerResponse) => {
    response.once("close", () => {
      // The server only ends when its last connection does, and a sender may keep it open for the next event.
      if (stopping) setImmediate(() => server.closeIdleConnections());
    });
  });
  process.once("SIGTERM", () => {
    stopping = true;
    process.on("SIGTERM", () => process.exit(EXIT_AT_ONCE));
    stop();
    server.close(() => void end());
    server.closeIdleConnections();
    log.info({}, "shutting down");
    setTimeout(() => {
      log.warn({ ms: FINISH_MS }, "steps did not finish in time");
      void end();
    }, FINISH_MS).unref();
  });
}
