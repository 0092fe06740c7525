import { status } from "@grpc/grpc-js";
import { parseAddress } from "../address.ts";
import { type Answer, failure, late } from "./answer.ts";
import { connectTo, type Connection, type NotMet } from "./connect.ts";
import type { Deadline } from "./deadline.ts";

/** Runs on this connection. */
export type CallOn<T> = (connection: Connection) => Promise<Answer<T>>;

/** `refused`: there was no call, for nobody listens at the address. */
export type ConnectedAnswer<T> = Answer<T> | NotMet;

/** Codes after which the next call finds out anew who answers: of what is gone without a word nothing comes back. */
const IN_DOUBT = new Set([status.UNAVAILABLE, status.DEADLINE_EXCEEDED]);

/** How long a connection may be kept for the next step after a release, ms. */
const LINGER_MS = 2_000;

interface PeerConnection extends Connection {
  /** Calls that run on it, or wait for it. */
  calls: number;
}

/**
 * Connections to peers, one for each address, kept until they break or are released, and so many at most besides
 * those with calls: an instance that always has a step under way, now in this network, now in that, never releases. A
 * broken one is dropped, not repaired, so that a process which comes back is reached at once.
 */
export class Connections {
  /** That which was used last is the last. */
  readonly #open = new Map<string, PeerConnection>();
  readonly #kept: number;
  #closing: NodeJS.Timeout | undefined;

  constructor(kept: number) {
    this.#kept = kept;
  }

  /** Runs one call. Whether it has reached the peer when it fails with UNAVAILABLE is not known. */
  async once<T>(address: string, deadline: Deadline, call: CallOn<T>): Promise<ConnectedAnswer<T>> {
    const endpoint = parseAddress(address);
    if (endpoint === undefined) {
      return failure(status.INVALID_ARGUMENT, `"${address}" is not an address like 10.0.0.1:9081`);
    }
    const connection = this.#usable(address) ?? { ...connectTo(endpoint), calls: 0 };
    connection.calls += 1;
    this.#open.delete(address);
    this.#open.set(address, connection);
    const answer = (await inTime(connection.met, deadline)) ?? (await call(connection));
    const isInDoubt = answer.tag === "failed" && IN_DOUBT.has(answer.code);
    if (isInDoubt && this.#open.get(address) === connection) this.#open.delete(address);
    connection.calls -= 1;
    if (connection.calls === 0 && this.#open.get(address) !== connection) connection.session.destroy();
    this.#dropUnused();
    return answer;
  }

  /** Runs a call that may be repeated: a connection that breaks under it may belong to a process that is gone. */
  async repeatable<T>(address: string, deadline: Deadline, call: CallOn<T>): Promise<ConnectedAnswer<T>> {
    const first = await this.once(address, deadline, call);
    const broke = first.tag === "failed" && first.code === status.UNAVAILABLE && !("refused" in first);
    return broke ? this.once(address, deadline, call) : first;
  }

  release(): void {
    if (this.#closing !== undefined) return;
    this.#closing = setTimeout(() => {
      this.#closing = undefined;
      for (const [address, connection] of this.#open) {
        if (connection.calls === 0) this.#drop(address, connection);
      }
    }, LINGER_MS).unref();
  }

  /** Those first that nobody has used for longest. */
  #dropUnused(): void {
    for (const [address, connection] of this.#open) {
      if (this.#open.size <= this.#kept) return;
      if (connection.calls === 0) this.#drop(address, connection);
    }
  }

  /** A connection that is up or just being made, for all that is known. */
  #usable(address: string): PeerConnection | undefined {
    const connection = this.#open.get(address);
    return connection?.session.closed || connection?.session.destroyed ? undefined : connection;
  }

  #drop(address: string, { session }: PeerConnection): void {
    this.#open.delete(address);
    session.destroy();
  }
}

/** What comes of it, or that it has not come by the deadline. */
async function inTime<T>(work: Promise<T>, deadline: Deadline): Promise<T | NotMet> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<NotMet>((resolve) => {
    timer = setTimeout(() => {
      resolve(late());
    }, deadline.left());
  });
  try {
    return await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}
