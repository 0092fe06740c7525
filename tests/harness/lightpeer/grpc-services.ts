import type { Server, ServerUnaryCall, ServerWritableStream, sendUnaryData } from "@grpc/grpc-js";
import {
  HealthCheckResponse_ServingStatus,
  HealthService,
  type HealthServer,
} from "../../../proto/generated/health.ts";
import { LightpeerService, type LightpeerServer } from "../../../proto/generated/lightpeer.ts";
import type { Timers } from "../timers.ts";
import type { PeerCalls } from "./calls.ts";
import { Context } from "./context.ts";
import { deadlineMargin, fromWire, statusOf, toWire } from "./grpc-wire.ts";
import type { Life } from "./life.ts";
import type { Reply } from "./status.ts";

interface Process {
  readonly life: Life;
  readonly timers: Timers;
}

/** Puts a peer's calls behind the services of a gRPC server. */
export const addServices = (server: Server, peer: PeerCalls, process: Process): void => {
  const health: HealthServer = {
    check: (call, done) => {
      const serving = { status: HealthCheckResponse_ServingStatus.SERVING };
      void answer(process, { call, done, response: serving }, (ctx) => peer.check(ctx));
    },
  };
  server.addService(HealthService, health);
  server.addService(LightpeerService, lightpeer(peer, process));
};

const lightpeer = (peer: PeerCalls, process: Process): LightpeerServer => ({
  joinNetwork: (call, done) => {
    void answer(process, { call, done, response: { Result: "" } }, (ctx) =>
      peer.joinNetwork(ctx, call.request.Address),
    );
  },
  connectNewPeer: (call) => {
    const guest = call.request.Peer?.Address ?? "";
    void stream(process, call, (ctx) =>
      peer.connectNewPeer(ctx, guest, (block) => {
        call.write(toWire(block));
      }),
    );
  },
  persist: (call, done) => {
    void answer(process, { call, done, response: { Response: "" } }, (ctx) =>
      peer.persist(ctx, call.request.Payload),
    );
  },
  query: (call) => {
    void stream(process, call, (ctx) =>
      peer.query(ctx, (payload) => {
        call.write({ Payload: Buffer.from(payload) });
      }),
    );
  },
  notifyNewBlock: (call, done) => {
    void answer(process, { call, done, response: { Response: "" } }, (ctx) =>
      peer.notifyNewBlock(ctx, fromWire(call.request)),
    );
  },
});

type AnyCall = Pick<ServerUnaryCall<unknown, unknown>, "getDeadline" | "on">;

const contextOf = (call: AnyCall, timers: Timers): Context => {
  const deadline = Number(call.getDeadline());
  const leftMs = deadline - timers.now();
  const ctx = Number.isFinite(deadline)
    ? Context.within(timers, leftMs - Math.min(deadlineMargin, leftMs / 10))
    : new Context();
  call.on("cancelled", () => {
    ctx.end("CANCELLED");
  });
  return ctx;
};

/** Waits for the process to run, does the work, and waits again: a stopped process neither begins nor ends. */
const work = async (
  { life, timers }: Process,
  call: AnyCall,
  run: (ctx: Context) => Promise<Reply>,
): Promise<Reply> => {
  const ctx = contextOf(call, timers);
  await life.gate(Promise.resolve());
  const reply = await life.gate(run(ctx));
  ctx.release();
  return reply;
};

const answer = async <Response>(
  process: Process,
  { call, done, response }: { call: AnyCall; done: sendUnaryData<Response>; response: Response },
  run: (ctx: Context) => Promise<Reply>,
): Promise<void> => {
  const reply = await work(process, call, run);
  if (reply.tag === "ok") done(null, response);
  else done(statusOf(reply));
};

const stream = async <Request, Response>(
  process: Process,
  call: ServerWritableStream<Request, Response>,
  run: (ctx: Context) => Promise<Reply>,
): Promise<void> => {
  const reply = await work(process, call, run);
  if (reply.tag === "ok") call.end();
  else call.emit("error", statusOf(reply));
};
