import { type ClientHttp2Session, connect as connectHttp2 } from "node:http2";
import { connect } from "node:net";
import { status } from "@grpc/grpc-js";
import { formatAddress, type Endpoint } from "../address.ts";
import { type CallFailure, failure } from "./answer.ts";

/** `refused`: nobody listens there; the connection was cut before a word. All other failures prove no process dead. */
export type NotMet = CallFailure & { readonly refused?: true };

export interface Connection {
  /** Where it leads, `host:port`. */
  readonly address: string;
  readonly session: ClientHttp2Session;
  /** Undefined as soon as a server has answered; else why none will. It never rejects, and may take for ever. */
  readonly met: Promise<NotMet | undefined>;
}

const NOBODY = new Set<unknown>([undefined, "ECONNREFUSED", "ECONNRESET", "EPIPE"]);

/**
 * Opens a connection for calls. HTTP/2 lets a client send at once; here the server speaks first, for only by that does
 * klight know a process that hangs, or a wall, before it has sent anything that changes a peer.
 */
export function connectTo(endpoint: Endpoint): Connection {
  const socket = connect({ host: endpoint.host, port: endpoint.port, noDelay: true });
  const address = formatAddress(endpoint);
  // The name in the URL leads nowhere: the socket is there, and each call names its address.
  const session = connectHttp2("http://lightpeer", {
    createConnection: () => socket,
    settings: { enablePush: false },
    maxSessionMemory: Number.MAX_SAFE_INTEGER,
  });
  // Calls have timers, which keep the process for as long as one runs.
  session.unref();
  const met = new Promise<NotMet | undefined>((resolve) => {
    let why: NodeJS.ErrnoException | undefined;
    session.once("remoteSettings", () => {
      resolve(undefined);
    });
    session.on("error", (error: NodeJS.ErrnoException) => {
      why = error;
    });
    session.once("close", () => {
      resolve(notMet(address, why, socket.bytesRead > 0));
    });
  });
  return { address, session, met };
}

function notMet(address: string, why: NodeJS.ErrnoException | undefined, hasSpoken: boolean): NotMet {
  if (hasSpoken) return failure(status.UNAVAILABLE, `${address} does not speak HTTP/2: ${why?.message}`);
  if (NOBODY.has(why?.code))
    return { ...failure(status.UNAVAILABLE, `nobody listens at ${address}`), refused: true };
  return failure(status.DEADLINE_EXCEEDED, `${address} does not answer: ${why?.message}`);
}
