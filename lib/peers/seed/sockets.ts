import type { Socket } from "node:net";
import { callerAddress } from "./caller.ts";

/**
 * A lightpeer makes a connection for every call: one for its chain, one for each health check, and one for each entry
 * that its application stores meanwhile. One that is turned away could not tell a refused block from a dead member, and
 * would store; so connections over these limits wait for their turn, and only those that are too many even for that are
 * cut.
 */
const SERVED_OF_ONE_ADDRESS = 32;
const SERVED = 256;
const SOCKETS_WAITING = 1_024;

/** The connections at the seed's port, and their bounds. */
export class SeedSockets {
  readonly #serve: (socket: Socket) => void;
  readonly #served = new Map<string, Socket>();
  readonly #servedOf = new Map<string, number>();
  readonly #waiting = new Set<Socket>();

  /** `serve` is handed each connection when its turn has come. */
  constructor(serve: (socket: Socket) => void) {
    this.#serve = serve;
  }

  take(socket: Socket): void {
    if (this.#waiting.size >= SOCKETS_WAITING) {
      socket.destroy();
      return;
    }
    // A broken connection shows by its close.
    socket.on("error", () => {});
    socket.once("close", () => {
      this.#waiting.delete(socket);
    });
    this.#waiting.add(socket);
    this.#serveWaiting();
  }

  /** Cuts the connection of a call, by what the call says of its caller: `address:port`. */
  cut(caller: string): void {
    this.#served.get(caller)?.destroy();
  }

  /** Takes leave of all: those that are served get so long to end by themselves. */
  async end(graceMs: number): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    const served = [...this.#served.values()];
    const late = setTimeout(() => {
      for (const socket of served) socket.destroy();
    }, graceMs);
    await Promise.all(
      served.map(async (socket) => {
        if (!socket.closed) await new Promise((resolve) => socket.once("close", resolve));
      }),
    );
    clearTimeout(late);
  }

  #serveWaiting(): void {
    for (const socket of this.#waiting) {
      if (this.#served.size >= SERVED) return;
      const { remoteAddress: address = "", remotePort: port } = socket;
      const count = this.#servedOf.get(address) ?? 0;
      if (count < SERVED_OF_ONE_ADDRESS) {
        this.#waiting.delete(socket);
        this.#count(address, count + 1);
        this.#served.set(callerAddress(address, port), socket);
        socket.once("close", () => {
          this.#served.delete(callerAddress(address, port));
          this.#count(address, (this.#servedOf.get(address) ?? 1) - 1);
          this.#serveWaiting();
        });
        this.#serve(socket);
      }
    }
  }

  #count(address: string, count: number): void {
    if (count > 0) this.#servedOf.set(address, count);
    else this.#servedOf.delete(address);
  }
}
