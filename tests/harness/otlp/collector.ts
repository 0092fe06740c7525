import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { gunzipSync } from "node:zlib";
import { type Attributes, decodeMetrics, decodeTraces, type Point, type Span } from "./decode.ts";

/** `hang`: takes the connection and never answers. */
export type Mood = "take" | "refuse" | "hang";

/** A collector over HTTP: takes OTLP and keeps what it reads in it. */
export interface Collector {
  readonly url: string;
  readonly spans: readonly Span[];
  /** Points as they came: of `delta` each is what was added. */
  readonly points: readonly Point[];
  readonly requests: readonly { readonly path: string; readonly headers: IncomingHttpHeaders }[];
  mood: Mood;
  /** The sum over all points of a metric that have these attributes, and perhaps more. */
  total(metric: string, attributes?: Attributes): number;
  /** What came last of a gauge with these attributes, and perhaps more; undefined: nothing. */
  last(metric: string, attributes?: Attributes): number | undefined;
  close(): Promise<void>;
}

export async function startCollector(port = 0): Promise<Collector> {
  const spans: Span[] = [];
  const points: Point[] = [];
  const requests: { path: string; headers: IncomingHttpHeaders }[] = [];
  const state: { mood: Mood } = { mood: "take" };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on("data", (part: Buffer) => parts.push(part));
    request.on("end", () => {
      requests.push({ path: request.url ?? "", headers: request.headers });
      if (state.mood === "hang") return;
      if (state.mood === "refuse") {
        response.writeHead(400).end();
        return;
      }
      const sent = Buffer.concat(parts);
      const body = request.headers["content-encoding"] === "gzip" ? gunzipSync(sent) : sent;
      if (request.url === "/v1/traces") spans.push(...decodeTraces(body));
      else if (request.url === "/v1/metrics") points.push(...decodeMetrics(body));
      response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    });
  });
  const those = (metric: string, attributes: Attributes): readonly Point[] =>
    points.filter(
      (point) =>
        point.metric === metric &&
        Object.entries(attributes).every(([name, value]) => point.attributes[name] === value),
    );
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    points,
    requests,
    get mood() {
      return state.mood;
    },
    set mood(mood) {
      state.mood = mood;
    },
    total: (metric, attributes = {}) => those(metric, attributes).reduce((sum, { value }) => sum + value, 0),
    last: (metric, attributes = {}) => those(metric, attributes).at(-1)?.value,
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
