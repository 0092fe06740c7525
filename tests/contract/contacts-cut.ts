import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";

export interface FaultyRedis {
  readonly port: number;
  /** How many connections have come. */
  connections(): number;
  close(): Promise<void>;
}

const listen = async (take: (socket: Socket) => void): Promise<FaultyRedis> => {
  let connections = 0;
  const open = new Set<Socket>();
  const server: Server = createServer((socket) => {
    connections += 1;
    open.add(socket);
    socket.on("error", () => {}).once("close", () => open.delete(socket));
    take(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    port: address.port,
    connections: () => connections,
    close: async () => {
      for (const socket of open) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
};

/**
 * Before a Redis: hands everything on and waits until it has been executed. The connection is cut instead of the reply to
 * the first of its kind; only what is sent again is answered.
 */
export const startCutting = (target: number): Promise<FaultyRedis> => {
  const seen = new Set<string>();
  return listen((socket) => {
    const server = connect(target, "127.0.0.1");
    let asked = "";
    server.on("error", () => socket.destroy()).on("close", () => socket.destroy());
    socket.on("close", () => server.destroy());
    socket.on("data", (part: Buffer) => {
      asked += part.toString("latin1");
      server.write(part);
    });
    server.on("data", (reply: Buffer) => {
      const commands = asked.split(/(?=^\*\d+\r\n)/m);
      const isFirst = commands.some((command) => !seen.has(command));
      for (const command of commands) seen.add(command);
      asked = "";
      if (isFirst) socket.destroy();
      else socket.write(reply);
    });
  });
};

/** Says this to everything. */
export const startSaying = (reply: string): Promise<FaultyRedis> =>
  listen((socket) => socket.on("data", () => socket.write(reply)));

/** Takes everything and never answers. */
export const startMute = (): Promise<FaultyRedis> => listen((socket) => socket.resume());
