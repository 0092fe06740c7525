import { Server, ServerCredentials } from "@grpc/grpc-js";
import { HealthService } from "../../../proto/generated/health.ts";
import { LightpeerService } from "../../../proto/generated/lightpeer.ts";
import { healthCalls, seedCalls, type SeedState } from "./calls.ts";

type Listening =
  { readonly tag: "listening"; readonly port: number } | { readonly tag: "failed"; readonly message: string };

/** So long calls may still run when nobody needs the seed any more, ms. */
const GRACE_MS = 1_000;

/** All addresses, of both families where the machine has IPv6. */
const HOSTS = ["[::]", "0.0.0.0"] as const;

/** One gRPC server for all seeds of a process: it listens while at least one of them needs it. */
export class Listener {
  readonly #port: number;
  readonly #state: SeedState;
  readonly #lingerMs: number;
  #users = 0;
  #server: { readonly server: Server; readonly port: number } | undefined;
  /** Opening and closing take turns; never rejects. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor({ port, lingerMs }: { readonly port: number; readonly lingerMs: number }, state: SeedState) {
    this.#port = port;
    this.#lingerMs = lingerMs;
    this.#state = state;
  }

  acquire(): Promise<Listening> {
    return this.#inTurn(async () => {
      const listening = this.#server
        ? { tag: "listening" as const, port: this.#server.port }
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
      const open = this.#server;
      if (this.#users > 0 || open === undefined) return;
      this.#server = undefined;
      await shutDown(open.server);
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
      const server = createServer(this.#state);
      const bound = await bind(server, `${host}:${this.#port}`);
      if (typeof bound === "number") {
        this.#server = { server, port: bound };
        return { tag: "listening", port: bound };
      }
      server.forceShutdown();
      problems.push(bound.message);
      // Without IPv6 the next one may work; a port that is taken is taken there too.
    }
    return {
      tag: "failed",
      message: `klight's seed cannot listen on port ${this.#port}: ${problems.join("; ")}`,
    };
  }
}

function createServer(state: SeedState): Server {
  const server = new Server({ "grpc.enable_channelz": 0, "grpc.max_send_message_length": -1 });
  // Every other call of a lightpeer is answered with UNIMPLEMENTED.
  server.addService(LightpeerService, seedCalls(state));
  server.addService(HealthService, healthCalls);
  return server;
}

const bind = (server: Server, address: string): Promise<number | Error> =>
  new Promise((resolve) => {
    server.bindAsync(address, ServerCredentials.createInsecure(), (error, port) => {
      resolve(error ?? port);
    });
  });

/** Calls that run may end, for a chain cut off in the middle would harm its peer; but not for ever. */
function shutDown(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      server.forceShutdown();
      resolve();
    }, GRACE_MS);
    server.tryShutdown(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}
