import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";

/** What a firewall does to whoever connects. */
export type Wall = "refuse" | "reset";

/**
 * The address of a process as others see it: it can be stopped without losing connections, and die with all of them.
 * It passes bytes on to whoever listens at the port behind it.
 */
export class TcpFront {
  readonly host: string;
  #port: number;
  #behind = 0;
  #server: Server | undefined;
  #isStopped = false;
  #wall: Wall | undefined;
  #dying: Promise<void> | undefined;
  readonly #outside = new Set<Socket>();
  readonly #pairs = new Map<Socket, Socket>();

  constructor(host: string, port: number) {
    this.host = host;
    this.#port = port;
  }

  get address(): string {
    return this.host.includes(":") ? `[${this.host}]:${this.#port}` : `${this.host}:${this.#port}`;
  }

  /** From now on nobody gets through from outside, though the process goes on; undefined: the way is free again. */
  async setWall(wall: Wall | undefined): Promise<void> {
    const before = this.#wall;
    this.#wall = wall;
    for (const socket of this.#outside) socket.resetAndDestroy();
    if (wall === "refuse" && before !== "refuse") await this.#close();
    if (wall !== "refuse" && before === "refuse" && this.#dying === undefined) await this.#listen();
  }

  /** Takes the address; a port that was 0 stays the same from then on. */
  async reserve(): Promise<void> {
    this.#dying = undefined;
    if (this.#wall !== "refuse") await this.#listen();
  }

  async #listen(): Promise<void> {
    const server = createServer((socket) => {
      this.#take(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(this.#port, this.host, resolve);
    });
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async #close(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else
        server.close(() => {
          resolve();
        });
      for (const socket of this.#outside) socket.destroy();
    });
  }

  /** Connections that came before wait for this. */
  serve(port: number): void {
    this.#behind = port;
    if (!this.#isStopped) this.go();
  }

  /** Connections are taken, as the system does for a stopped process, and no byte moves. */
  stop(): void {
    this.#isStopped = true;
    for (const [socket, inside] of this.#pairs) {
      socket.pause();
      inside.pause();
    }
  }

  go(): void {
    this.#isStopped = false;
    for (const [socket, inside] of this.#pairs) {
      socket.resume();
      inside.resume();
    }
    for (const socket of this.#outside) if (!this.#pairs.has(socket)) this.#link(socket);
  }

  /** Cuts what is connected, as the system does for a dead process, and refuses what comes. */
  die(): Promise<void> {
    this.#dying ??= this.#die();
    return this.#dying;
  }

  async #die(): Promise<void> {
    this.#isStopped = false;
    this.#behind = 0;
    for (const inside of this.#pairs.values()) inside.destroy();
    await this.#close();
  }

  #take(socket: Socket): void {
    if (this.#wall !== undefined) {
      socket.resetAndDestroy();
      return;
    }
    socket.setNoDelay(true);
    socket.pause();
    this.#outside.add(socket);
    // A broken connection shows to both ends by its close.
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#outside.delete(socket);
      this.#pairs.get(socket)?.destroy();
      this.#pairs.delete(socket);
    });
    if (!this.#isStopped && this.#behind !== 0) this.#link(socket);
  }

  #link(socket: Socket): void {
    const inside = connect({ port: this.#behind, host: "127.0.0.1", noDelay: true });
    this.#pairs.set(socket, inside);
    inside.on("error", () => {});
    inside.on("close", () => {
      socket.destroy();
    });
    inside.on("data", (bytes) => socket.write(bytes));
    inside.on("end", () => socket.end());
    socket.on("data", (bytes) => inside.write(bytes));
    socket.on("end", () => inside.end());
    socket.resume();
  }
}
