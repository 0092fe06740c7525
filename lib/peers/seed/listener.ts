import { once } from "node:events";
import { createServer as createNetServer, type Server as NetServer } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { HealthService } from "../../../proto/generated/health.ts";
import { healthCalls, seedCalls, seedService, type SeedState } from "./calls.ts";
import { SeedSockets } from "./sockets.ts";

type Listening =
  { readonly tag: "listening"; readonly port: number } | { readonly tag: "failed"; readonly message: string };

/** So long calls may still run when nobody needs the seed any more, ms. */
const CLOSING_MS = 1_000;

/** All addresses, of both families where the machine has IPv6. */
const HOSTS = ["::", "0.0.0.0"] as const;

/**
 * A custom peer may make all its calls on one connection; the longest message is what a lightpeer takes, for a longer one
 * would be passed over and not refused. Connections that nobody uses are closed.
 */
const SERVER_OPTIONS = {
  "grpc.enable_channelz": 0,
  "grpc.max_send_message_length": -1,
  "grpc.max_concurrent_streams": 16,
  "grpc.max_connection_idle_ms": 60_000,
};

interface Open {
  readonly port: number;
  readonly close: () => Promise<void>;
}

/** One gRPC server for all seeds of a process: it listens while at least one of them needs it. */
export class Listener {
  readonly #port: number;
  readonly #state: SeedState;
  readonly #lingerMs: number;
  #users = 0;
  #open: Open | undefined;
  /** Opening and closing take turns; never rejects. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ port, lingerMs }: { readonly port: number; readonly lingerMs: number }, state: SeedState) {
    this.#port = port;
    this.#lingerMs = lingerMs;
    this.#state = state;
  }

  acquire(): Promise<Listening> {
    return this.#inTurn(async () => {
      const listening = this.#open
        ? { tag: "listening" as const, port: this.#open.port }
        : await this.#listen();
      if (listening.tag === "listening") this.#users += 1;
      return listening;
    });
  }

  /** Nobody waits for the time that it lingers. */
  release(): void {
    setTimeout(() => void this.#release(), this.#lingerMs).unref();
  }

  #release(): Promise<void> {
    return this.#inTurn(async () => {
      this.#users -= 1;
      const open = this.#open;
      if (this.#users > 0 || open === undefined) return;
      this.#open = undefined;
      await open.close();
    });
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done;
    return done;
  }

  async #listen(): Promise<Listening> {
    const problems: string[] = [];
    for (const host of HOSTS) {
      const listener = createNetServer({ noDelay: true, pauseOnConnect: true });
      const port = await bind(listener, host, this.#port);
      if (typeof port === "number") {
        this.#open = { port, close: serve(listener, this.#state) };
        return { tag: "listening", port };
      }
      problems.push(port.message);
      // Without IPv6 the next one may work; a port that is taken is taken there too.
    }
    return {
      tag: "failed",
      message: `klight's seed cannot listen on port ${this.#port}: ${problems.join("; ")}`,
    };
  }
}

/** Answers what comes in; what is returned ends it. */
function serve(listener: NetServer, state: SeedState): () => Promise<void> {
  const server = new Server(SERVER_OPTIONS);
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const sockets = new SeedSockets((socket) => {
    injector.injectConnection(socket);
    // Nothing was read of it while it waited, not even its end.
    socket.resume();
  });
  // Every other call of a lightpeer is answered with UNIMPLEMENTED.
  server.addService(
    seedService,
    seedCalls(state, (caller) => {
      sockets.cut(caller);
    }),
  );
  server.addService(HealthService, healthCalls);
  listener.on("connection", (socket) => {
    sockets.take(socket);
  });
  return async () => {
    listener.close();
    // Calls that run may end, for a chain cut off in the middle would harm its peer; but not for ever.
    server.tryShutdown(() => {});
    await sockets.end(CLOSING_MS);
  };
}

async function bind(listener: NetServer, host: string, port: number): Promise<number | Error> {
  try {
    listener.listen({ host, port });
    await once(listener, "listening");
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
  const address = listener.address();
  return typeof address === "object" && address !== null ? address.port : new Error("it has no port");
}
