import type { RequestListener } from "node:http";
import type { Config } from "../lib/config.ts";
import type { Log } from "../lib/log.ts";
import { createLog } from "../lib/pino-log.ts";
import { createFront } from "./http/front.ts";
import type { Engine } from "./http/server.ts";
import { stopOnSigterm } from "./shutdown.ts";
import { noTelemetry, type Telemetry } from "./telemetry/telemetry.ts";

/** Listens. `warnings`: of {@link readConfig}. Health checks need nothing of what answers requests; it is loaded after the first. */
export function start(config: Config, warnings: readonly string[]): void {
  const log = createLog(config.LOG_LEVEL);
  if (warnings.length > 0) log.warn({ problems: warnings }, "no traces and no metrics");
  let ready = true;
  let loading: Promise<Engine> | undefined;
  let telemetry = noTelemetry;
  const load = async (): Promise<Engine> => {
    const [{ createEngine }, started] = await Promise.all([
      import("./engine.ts"),
      loadTelemetry(config, log),
    ]);
    telemetry = started;
    return createEngine(config, log, telemetry);
  };
  const engine = (): Promise<Engine> => (loading ??= load());
  const isReady = (): boolean => ready;
  const loadApp = async (): Promise<RequestListener> => {
    const [{ createServer }, { guardsOf }] = await Promise.all([
      import("./http/server.ts"),
      import("./auth/guards.ts"),
    ]);
    // It is needed by the request that is to come; one that needs it tells what is wrong with it.
    engine().catch(() => undefined);
    return createServer({
      engine,
      log,
      isReady,
      ...guardsOf(config, log),
    });
  };
  const server = createFront({ isReady, load: loadApp, log });
  server.listen(config.PORT, () => {
    const address = server.address();
    log.info({ port: typeof address === "object" ? address?.port : address }, "listening");
  });
  stopOnSigterm(server, log, {
    stop: () => {
      ready = false;
    },
    flush: () => telemetry.flush(),
  });
}

/** Loaded only for who asks for it: it would lengthen every first request. Steps go on without it where it fails. */
async function loadTelemetry(config: Config, log: Log): Promise<Telemetry> {
  if (config.OTEL_EXPORTER_OTLP_ENDPOINT === undefined || config.OTEL_SDK_DISABLED === "true") {
    return noTelemetry;
  }
  try {
    const { startTelemetry } = await import("./telemetry/otlp.ts");
    return startTelemetry(config, log);
  } catch (error) {
    log.error({ error: error instanceof Error ? error.stack : String(error) }, "no traces and no metrics");
    return noTelemetry;
  }
}
