import { status } from "@grpc/grpc-js";
import type { CallFailure } from "../../lib/peers/client/call.ts";
import { askFresh } from "../../lib/peers/client/fresh.ts";
import {
  isFailedNotification,
  JOINED_NOBODY,
  joinEndOf,
  nameTold,
} from "../../lib/peers/client/join-errors.ts";
import { type Block, costOf, type Lightpeer, type Probe, type Take } from "../../lib/peers/lightpeer.ts";
import type { Dialer } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";
import type { Failure, Reply } from "../harness/lightpeer/status.ts";
import { readList } from "../harness/lightpeer/network-list.ts";
import type { Timers } from "../harness/timers.ts";

interface Queried {
  readonly reply: Reply;
  readonly entries: number;
  readonly bytes: number;
  readonly digest: string;
  readonly next: ReturnType<Take>;
}

const textOf = ({ code, message }: Failure): string => `${code}: ${message}`;

const keyOf = (payload: Uint8Array): string => Buffer.from(payload).toString("latin1");

/** As gRPC's own client reports it. */
const failureOf = ({ code, message }: Failure): CallFailure => ({
  tag: "failed",
  code: status[code],
  details: message,
});

/** klight's calls to lightpeers over the simulated network; what their errors mean is klight's own code. */
export function createLightpeerClient(timers: Timers, dialer: Dialer): Lightpeer {
  const within = async <Answer>(ms: number, call: (ctx: Context) => Promise<Answer>): Promise<Answer> => {
    const ctx = Context.within(timers, ms);
    const answer = await call(ctx);
    ctx.release();
    return answer;
  };

  const query = async (address: string, timeoutMs: number, take: Take): Promise<Queried> => {
    let [entries, bytes, digest]: [number, number, string] = [0, 0, "empty"];
    let next: ReturnType<Take> = "more";
    const reply = await within(timeoutMs, (ctx) =>
      dialer.dial(address).query(ctx, (payload) => {
        if (next === "enough") return;
        if (entries === 0) digest = keyOf(payload);
        entries += 1;
        bytes += costOf(payload);
        next = take(payload);
        if (next === "enough") ctx.end("CANCELLED");
      }),
    );
    return { reply, entries, bytes, digest, next };
  };

  return {
    probe: async (address, timeoutMs): Promise<Probe> => {
      const reply = await within(timeoutMs, (ctx) => dialer.dial(address).check(ctx));
      if (reply.tag === "ok" || reply.code === "UNIMPLEMENTED") return "serving";
      return reply.code === "UNAVAILABLE" ? "refused" : "silent";
    },
    askFresh: (address, timeoutMs) =>
      within(timeoutMs, (ctx) =>
        askFresh(address, async (block) => {
          const reply = await dialer.dial(address).notifyNewBlock(ctx, block);
          return reply.tag === "ok" ? { tag: "answered", value: undefined } : failureOf(reply);
        }),
      ),
    newest: async (address, timeoutMs) => {
      const { reply, next, digest } = await query(address, timeoutMs, () => "enough");
      if (next === "more" && reply.tag === "failed") return { tag: "failed", message: textOf(reply) };
      return { tag: "newest", digest };
    },
    history: async (address, timeoutMs, take) => {
      const { reply, next, entries, bytes, digest } = await query(address, timeoutMs, take);
      if (next === "enough") return { tag: "too-large", bytes };
      if (reply.tag === "failed") return { tag: "failed", message: textOf(reply) };
      return { tag: "history", entries, bytes, digest };
    },
    join: async (address, contact, timeoutMs, giveUp) => {
      const reply = await within(timeoutMs, (ctx) => {
        giveUp?.addEventListener("abort", () => {
          ctx.end("CANCELLED");
        });
        return dialer.dial(address).joinNetwork(ctx, contact);
      });
      return reply.tag === "ok" ? { tag: "joined" } : joinEndOf(failureOf(reply));
    },
    askName: async (address, seed, timeoutMs) => {
      const reply = await within(timeoutMs, (ctx) => dialer.dial(address).joinNetwork(ctx, seed));
      return reply.tag === "ok" ? JOINED_NOBODY : nameTold(failureOf(reply));
    },
    visit: async (address, guest, timeoutMs) => {
      let head: Block | undefined;
      const reply = await within(timeoutMs, (ctx) =>
        dialer.dial(address).connectNewPeer(ctx, guest, (block) => {
          head ??= block;
          ctx.end("CANCELLED");
        }),
      );
      if (head) {
        const list = readList(head.payload);
        return { tag: "visited", head, list: list.tag === "list" ? list.network : [] };
      }
      if (reply.tag === "ok") return { tag: "failed", message: "a chain without a block" };
      return {
        tag: isFailedNotification(failureOf(reply)) ? "broken" : "failed",
        message: textOf(reply),
      };
    },
    notify: async (address, block, timeoutMs) => {
      const reply = await within(timeoutMs, (ctx) => dialer.dial(address).notifyNewBlock(ctx, block));
      return reply.tag === "ok" ? { tag: "accepted" } : { tag: "failed", message: textOf(reply) };
    },
    release: () => {},
  };
}
