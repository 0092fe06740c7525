import { once } from "node:events";
import { createServer, type Server as TcpServer, type Socket } from "node:net";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthService } from "../../proto/generated/health.ts";
import { LightpeerService } from "../../proto/generated/lightpeer.ts";

export interface OddServer {
  readonly address: string;
  close(): Promise<void>;
}

const portOf = (server: TcpServer): number => {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
};

/** Takes connections and does with them what it is told to. */
export async function startTcp(meet: (socket: Socket) => void, port = 0): Promise<OddServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
    meet(socket);
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${portOf(server)}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}

/** A gRPC server with calls of one's own; those that are missing are UNIMPLEMENTED. */
export async function startGrpc(
  calls: {
    readonly lightpeer?: UntypedServiceImplementation;
    readonly health?: UntypedServiceImplementation;
  },
  host = "127.0.0.1",
): Promise<OddServer> {
  const server = new Server({ "grpc.max_send_message_length": -1 });
  if (calls.lightpeer) server.addService(LightpeerService, calls.lightpeer);
  if (calls.health) server.addService(HealthService, calls.health);
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`${host}:0`, ServerCredentials.createInsecure(), (error, bound) => {
      if (error) reject(error);
      else resolve(bound);
    });
  });
  return {
    address: `${host}:${port}`,
    close: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}
