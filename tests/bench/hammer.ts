import { connect, type Socket } from "node:net";
import { performance } from "node:perf_hooks";

/** What came of it. */
export interface Hammered {
  readonly perSecond: number;
  /** How often each status was answered. */
  readonly statuses: Readonly<Record<string, number>>;
}

interface Hammering {
  readonly url: string;
  /** Sent in turn. */
  readonly requests: readonly { readonly headers: Readonly<Record<string, string>>; readonly body: string }[];
  readonly connections: number;
  readonly ms: number;
}

/**
 * Posts over so many connections, on each the next request as soon as the one before is answered. Requests are written
 * as they were made once, and of answers the head alone is looked at, so that nearly all of the time is the function's.
 * Answers must have a content-length, or no body.
 */
export async function hammer({ url, requests, connections, ms }: Hammering): Promise<Hammered> {
  const { hostname, port } = new URL(url);
  const written = requests.map(({ headers, body }) => {
    const all = { host: `${hostname}:${port}`, ...headers, "content-length": Buffer.byteLength(body) };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.from(`POST / HTTP/1.1\r\n${lines.join("")}\r\n${body}`);
  });
  const statuses: Record<string, number> = {};
  let sent = 0;
  const from = performance.now();
  const run = (socket: Socket): Promise<void> =>
    new Promise((resolve, reject) => {
      let held = "";
      const next = (): void => {
        if (performance.now() - from > ms) socket.end(resolve);
        else socket.write(written[sent++ % written.length] ?? "");
      };
      socket.on("data", (part: Buffer) => {
        held += part.toString("latin1");
        const head = held.indexOf("\r\n\r\n");
        if (head < 0) return;
        const [, length = "0"] = /\r\ncontent-length: (\d+)/iu.exec(held) ?? [];
        if (held.length < head + 4 + Number(length)) return;
        const status = held.slice(9, 12);
        statuses[status] = (statuses[status] ?? 0) + 1;
        held = "";
        next();
      });
      socket.on("error", reject);
      socket.once("connect", next);
    });
  await Promise.all(
    Array.from({ length: connections }, () =>
      run(connect({ host: hostname, port: Number(port), noDelay: true })),
    ),
  );
  const answered = Object.values(statuses).reduce((sum, each) => sum + each, 0);
  return { perSecond: answered / ((performance.now() - from) / 1_000), statuses };
}
