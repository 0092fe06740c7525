import type { Server, ServerResponse } from "node:http";
import type { Log } from "../lib/log.ts";

/** How long steps under way may take to finish, ms. Knative kills after its request timeout. */
const FINISH_MS = 25_000;

/** Exit status after a second SIGTERM: 128 + SIGTERM. */
const EXIT_AT_ONCE = 143;

/**
 * On SIGTERM: not ready any more, no new connections, what runs is finished within 25 s, exit 0. A second SIGTERM ends
 * the process at once; what it was doing is settled by whoever comes next.
 */
export function stopOnSigterm(server: Server, log: Log, stop: () => void): void {
  let stopping = false;
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
    server.close(() => {
      log.info({}, "stopped");
      process.exit(0);
    });
    server.closeIdleConnections();
    log.info({}, "shutting down");
    setTimeout(() => {
      log.warn({ ms: FINISH_MS }, "steps did not finish in time");
      process.exit(0);
    }, FINISH_MS).unref();
  });
}
