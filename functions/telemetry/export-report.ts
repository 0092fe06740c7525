import type { Log } from "../../lib/log.ts";

interface Result {
  readonly code: number;
  readonly error?: Error;
}

interface Exporter<Items> {
  export(items: Items, done: (result: Result) => void): void;
}

/** `ExportResultCode.SUCCESS` of OpenTelemetry. */
const SUCCESS = 0;

/** The same exporter, which says in the log when a collector begins not to take what is sent, and when it does again. */
export function reporting<Items, Kind extends Exporter<Items>>(
  exporter: Kind & Exporter<Items>,
  signal: "traces" | "metrics",
  log: Log,
): Kind {
  const send = exporter.export.bind(exporter);
  let isTaken = true;
  exporter.export = (items, done) => {
    send(items, (result) => {
      const { code, error } = result;
      const wasTaken = isTaken;
      isTaken = code === SUCCESS;
      if (wasTaken && !isTaken)
        log.warn({ signal, reason: error?.message }, "the collector does not take it");
      if (!wasTaken && isTaken) log.info({ signal }, "the collector takes it again");
      done(result);
    });
  };
  return exporter;
}
