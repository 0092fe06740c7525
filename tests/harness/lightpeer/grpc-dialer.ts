import {
  type Client,
  type ClientReadableStream,
  type ClientUnaryCall,
  connectivityState,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { HealthCheckResponse_ServingStatus, HealthClient } from "../../../proto/generated/health.ts";
import { LightpeerClient } from "../../../proto/generated/lightpeer.ts";
import type { Dialer, PeerCalls } from "./calls.ts";
import type { Context } from "./context.ts";
import { deadlineMargin, failureOf, fromWire, messageLimit, toWire } from "./grpc-wire.ts";
import { Life } from "./life.ts";
import { failed, ok, unsent, type Failure, type Reply } from "./status.ts";

/** A connection of its own for each client, and nothing sent a second time behind the caller's back. */
const options = {
  "grpc.use_local_subchannel_pool": 1,
  "grpc.enable_retries": 0,
  "grpc.enable_http_proxy": 0,
};

export interface GrpcDialerOptions {
  /** The process that calls; with its death its calls are cut. */
  readonly life?: Life;
  /** Which addresses can be connected to; default: all. */
  readonly reaches?: (address: string) => boolean;
  /** Where an address is connected to; default: there. */
  readonly wayTo?: (address: string) => string;
}

/**
 * Calls over real gRPC, each on a connection of its own. Only the health checks of a peer keep theirs from one round to
 * the next: a check changes nothing, and some hundred new connections a second would be most of what a test computes.
 */
export const grpcDialer = ({
  life,
  reaches = () => true,
  wayTo = (address) => address,
}: GrpcDialerOptions = {}): Dialer => {
  const caller = life ?? new Life();
  const kept = new Map<string, HealthClient>();
  life?.onDeath(() => {
    for (const client of kept.values()) client.close();
  });
  return {
    dial: (address) =>
      reaches(address) ? new GrpcCalls(caller, wayTo(address), life && kept) : unreachable(address),
  };
};

const refused = (address: string): Failure =>
  unsent(
    failed(
      "UNAVAILABLE",
      `connection error: desc = "transport: Error while dialing dial tcp ${address}: connect: connection refused"`,
    ),
  );

const unreachable = (address: string): PeerCalls => {
  const refuse = async (): Promise<Reply> => refused(address);
  return {
    joinNetwork: refuse,
    connectNewPeer: refuse,
    persist: refuse,
    query: refuse,
    notifyNewBlock: refuse,
    check: refuse,
  };
};

type Callback = (error: ServiceError | null) => void;
type CallOptions = { deadline?: number };

class GrpcCalls implements PeerCalls {
  readonly #life: Life;
  readonly #address: string;
  readonly #kept: Map<string, HealthClient> | undefined;

  constructor(life: Life, address: string, kept?: Map<string, HealthClient>) {
    this.#life = life;
    this.#address = address;
    this.#kept = kept;
  }

  joinNetwork(ctx: Context, contact: string): Promise<Reply> {
    return this.#unary(ctx, (client, given, done) =>
      client.joinNetwork({ Address: contact }, new Metadata(), given, done),
    );
  }

  connectNewPeer(
    ctx: Context,
    guest: string,
    take: Parameters<PeerCalls["connectNewPeer"]>[2],
  ): Promise<Reply> {
    const request = { Peer: { Address: guest, Name: "" } };
    return this.#stream(
      ctx,
      (client, given) => client.connectNewPeer(request, given),
      (block) => {
        take(fromWire(block));
      },
    );
  }

  persist(ctx: Context, payload: Uint8Array): Promise<Reply> {
    return this.#unary(ctx, (client, given, done) =>
      client.persist({ Payload: Buffer.from(payload) }, new Metadata(), given, done),
    );
  }

  query(ctx: Context, take: (payload: Uint8Array) => void): Promise<Reply> {
    return this.#stream(
      ctx,
      (client, given) => client.query({}, given),
      ({ Payload }) => {
        take(Payload);
      },
    );
  }

  notifyNewBlock(ctx: Context, block: Parameters<PeerCalls["notifyNewBlock"]>[1]): Promise<Reply> {
    return this.#unary(ctx, (client, given, done) =>
      client.notifyNewBlock(toWire(block), new Metadata(), given, done),
    );
  }

  async check(ctx: Context): Promise<Reply> {
    const kept = this.#kept;
    if (!kept) return this.#check(ctx, this.#healthClient(), "close");
    const client = kept.get(this.#address) ?? this.#healthClient();
    kept.set(this.#address, client);
    const reply = await this.#check(ctx, client, "keep");
    if (reply.tag === "failed") {
      client.close();
      kept.delete(this.#address);
    }
    return reply;
  }

  #healthClient(): HealthClient {
    return new HealthClient(this.#address, credentials.createInsecure(), options);
  }

  #check(ctx: Context, client: HealthClient, afterwards: "keep" | "close"): Promise<Reply> {
    return this.#call(ctx, { client, afterwards }, (given, end) =>
      client.check({ service: "" }, new Metadata(), given, (error, response) => {
        if (error) end(failureOf(error.code, error.details));
        else if (response.status === HealthCheckResponse_ServingStatus.SERVING) end(ok);
        else end(failed("UNAVAILABLE", "not serving"));
      }),
    );
  }

  #unary(
    ctx: Context,
    call: (client: LightpeerClient, given: CallOptions, done: Callback) => ClientUnaryCall,
  ): Promise<Reply> {
    const client = this.#client();
    return this.#call(ctx, { client, afterwards: "close" }, (given, end) =>
      call(client, given, (error) => {
        end(error ? failureOf(error.code, error.details) : ok);
      }),
    );
  }

  #stream<Item>(
    ctx: Context,
    call: (client: LightpeerClient, given: CallOptions) => ClientReadableStream<Item>,
    take: (item: Item) => void,
  ): Promise<Reply> {
    const client = this.#client();
    return this.#call(ctx, { client, afterwards: "close" }, (given, end) => {
      const stream = call(client, given);
      stream.on("data", take);
      stream.on("error", (error: ServiceError) => {
        end(failureOf(error.code, error.details));
      });
      stream.on("end", () => {
        end(ok);
      });
      return stream;
    });
  }

  /** A lightpeer takes what gRPC takes by itself; a test reads whatever there is. */
  #client(): LightpeerClient {
    const limit = { "grpc.max_receive_message_length": this.#kept ? messageLimit : -1 };
    return new LightpeerClient(this.#address, credentials.createInsecure(), { ...options, ...limit });
  }

  async #call(
    ctx: Context,
    { client, afterwards }: { readonly client: Client; readonly afterwards: "keep" | "close" },
    start: (given: CallOptions, end: (reply: Reply) => void) => { cancel(): void },
  ): Promise<Reply> {
    const stopAtDeath = this.#life.onDeath(() => {
      client.close();
    });
    try {
      const missed = await connected(client, ctx, this.#address);
      if (missed) return missed;
      // Between peers a deadline comes to the caller first.
      const lateMs = this.#kept ? deadlineMargin + 5 : 0;
      return await answered(ctx, { life: this.#life, lateMs }, start);
    } finally {
      stopAtDeath();
      if (afterwards === "close") client.close();
    }
  }
}

const answered = (
  ctx: Context,
  { life, lateMs }: { readonly life: Life; readonly lateMs: number },
  start: (given: CallOptions, end: (reply: Reply) => void) => { cancel(): void },
): Promise<Reply> =>
  new Promise((resolve) => {
    const stops: (() => void)[] = [];
    const end = (reply: Reply): void => {
      for (const stop of stops) stop();
      resolve(reply);
    };
    const call = start(ctx.deadline === undefined ? {} : { deadline: ctx.deadline + lateMs }, end);
    stops.push(
      life.onDeath(() => {
        call.cancel();
      }),
      ctx.onEnd((ended) => {
        call.cancel();
        end(ended);
      }),
    );
  });

/** Waits for the connection alone, so that a call that never left is known as such; undefined: it stands. */
const connected = (client: Client, ctx: Context, address: string): Promise<Failure | undefined> =>
  new Promise((resolve) => {
    const channel = client.getChannel();
    let isOver = false;
    const end = (missed: Failure | undefined): void => {
      isOver = true;
      resolve(missed);
    };
    const stop = ctx.onEnd((ended) => {
      end(unsent(ended));
    });
    const look = (): void => {
      if (isOver) return;
      const state = channel.getConnectivityState(true);
      if (state === connectivityState.READY || state === connectivityState.TRANSIENT_FAILURE) {
        stop();
        end(state === connectivityState.READY ? undefined : refused(address));
        return;
      }
      // The callback's error says only that the channel was closed: its owner died, and nobody waits any more.
      channel.watchConnectivityState(state, Infinity, (error) => {
        if (!error) look();
      });
    };
    look();
  });
