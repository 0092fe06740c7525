import type { Config } from "../lib/config.ts";
import { createLog } from "../lib/pino-log.ts";
import { guardsOf } from "./guards.ts";
import { createServer, type Engine } from "./server.ts";
import { stopOnSigterm } from "./shutdown.ts";

/** Listens. What answers requests is loaded with the first of them; health checks need none of it. */
export function start(config: Config): void {
  const log = createLog(config.LOG_LEVEL);
  let ready = true;
  let loading: Promise<Engine> | undefined;
  const load = async (): Promise<Engine> => {
    const { createEngine } = await import("./engine.ts");
    return createEngine(config, log);
  };
  const app = createServer({
    engine: () => (loading ??= load()),
    log,
    isReady: () => ready,
    ...guardsOf(config, log),
  });
  const server = app.listen(config.PORT, (error) => {
    if (error) throw error;
    const address = server.address();
    log.info({ port: typeof address === "object" ? address?.port : address }, "listening");
  });
  stopOnSigterm(server, log, () => {
    ready = false;
  });
}
