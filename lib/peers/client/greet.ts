import { connect } from "node:net";
import type { Deadline } from "./deadline.ts";
import type { Endpoint } from "../address.ts";

/**
 * `open`: somebody answers there. `refused`: the machine says that nobody listens, or the connection was cut before
 * a word. `silent`: all else, an unreachable host too, for that does not prove a process dead.
 */
export type Greeted = "open" | "refused" | "silent";

/** What an HTTP/2 client says first, and its SETTINGS, empty; a server must answer that with its own. */
const GREETING = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u0004\0\0\0\0\0", "latin1");

const NOBODY = new Set<unknown>(["ECONNREFUSED", "ECONNRESET", "EPIPE"]);

/**
 * Finds out whether a server answers, before gRPC connects. gRPC says only in words why a connection was not made,
 * and goes on with a connection attempt, or keeps a connection to a hung process, after its channel is closed.
 */
export function greet({ host, port }: Endpoint, deadline: Deadline): Promise<Greeted> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, noDelay: true });
    const end = (greeted: Greeted): void => {
      clearTimeout(timer);
      resolve(greeted);
      socket.destroy();
    };
    const timer = setTimeout(end, deadline.left(), "silent");
    socket.once("connect", () => socket.write(GREETING));
    socket.once("data", () => {
      end("open");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      end(NOBODY.has(error.code) ? "refused" : "silent");
    });
    socket.once("close", () => {
      end("refused");
    });
  });
}
