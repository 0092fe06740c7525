import { once } from "node:events";
import { type IncomingHttpHeaders, request } from "node:http";
import type { AddressInfo } from "node:net";
import type { Handlers } from "../../functions/http/handlers.ts";
import { readsOf } from "../../functions/status/reads.ts";
import { replyTo } from "../../functions/http/reply.ts";
import { createServer, type ServerOptions } from "../../functions/http/server.ts";
import { takeEvents } from "../../functions/events/take-events.ts";
import { noTelemetry } from "../../functions/telemetry/telemetry.ts";
import type { Fields, Log } from "../../lib/log.ts";
import { readPod } from "../../lib/pod/pod.ts";

export interface LogLine extends Fields {
  readonly level: keyof Log;
  readonly message: string;
}

/** A log that is kept in a list. */
export function keptLog(): { readonly log: Log; readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at =
    (level: keyof Log) =>
    (fields: Fields, message: string): void => {
      lines.push({ ...fields, level, message });
    };
  return { lines, log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

const notAsked = (): Promise<never> => Promise.reject(new Error("this handler is not part of the test"));

export type Guards = Pick<ServerOptions, "guardEvents" | "guardReads" | "guardReforms">;

/** The HTTP server over handlers of a test's own; those that it does not give are defects. */
export async function serveShell(
  given: Partial<Handlers>,
  guardsOf: (log: Log) => Guards = () => ({}),
): Promise<{
  readonly port: number;
  readonly lines: readonly LogLine[];
  ready: boolean;
  close(): Promise<void>;
}> {
  const handlers: Handlers = {
    readPod: (data) => readPod(data, { scope: "namespace", namespaces: [], defaultPort: 9081 }),
    podChanged: notAsked,
    sweep: notAsked,
    reform: notAsked,
    status: notAsked,
    why: notAsked,
    ...given,
  };
  const { log, lines } = keptLog();
  const state = { ready: true };
  const engine = {
    events: (asked: Parameters<typeof takeEvents>[1]) =>
      takeEvents({ handlers, mostEvents: 100, log, telemetry: noTelemetry, now: () => 0 }, asked),
    reform: async (network: string) => replyTo(await handlers.reform(network)),
    ...readsOf(handlers),
  };
  const app = createServer({
    engine: () => Promise.resolve(engine),
    log,
    isReady: () => state.ready,
    ...guardsOf(log),
  });
  const server = app.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    lines,
    get ready() {
      return state.ready;
    },
    set ready(value) {
      state.ready = value;
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

interface Asked {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

/** One request with just these headers, on a connection of its own. */
export async function ask(
  port: number,
  { method = "POST", path = "/", headers, body }: Asked,
): Promise<Answer> {
  const sent = request({ host: "127.0.0.1", port, method, path, headers: { ...headers }, agent: false });
  sent.end(body);
  const answered = new Promise<Answer>((resolve, reject) => {
    sent.once("error", reject);
    sent.once("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.once("error", reject);
      response.once("end", () => {
        const text = Buffer.concat(parts).toString("utf8");
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      });
    });
  });
  return answered;
}
