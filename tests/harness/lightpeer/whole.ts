import { systemTimers, type Timers } from "../timers.ts";
import type { Dialer } from "./calls.ts";
import { Context } from "./context.ts";
import type { Reply } from "./status.ts";

/** `broken`: the reason names peer and cause, for a test's message. */
export type Wholeness =
  | { readonly tag: "whole"; readonly entries: readonly string[] }
  | { readonly tag: "broken"; readonly reason: string };

export interface Peers {
  readonly dialer: Dialer;
  readonly addresses: readonly string[];
  /** Defaults to real time. */
  readonly timers?: Timers;
  /** How long each call may take; default 3,000 ms. */
  readonly timeoutMs?: number;
}

const within = async (peers: Peers, call: (ctx: Context) => Promise<Reply>): Promise<Reply> => {
  const ctx = Context.within(peers.timers ?? systemTimers, peers.timeoutMs ?? 3_000);
  const reply = await call(ctx);
  ctx.release();
  return reply;
};

const broken = (reason: string): Wholeness => ({ tag: "broken", reason });

/** What the peer at an address has stored, newest first, as text. */
export const entriesAt = async (
  peers: Peers,
  address: string,
): Promise<{ readonly reply: Reply; readonly entries: readonly string[] }> => {
  const entries: string[] = [];
  const reply = await within(peers, (ctx) =>
    peers.dialer.dial(address).query(ctx, (payload) => {
      entries.push(Buffer.from(payload).toString());
    }),
  );
  return { reply, entries };
};

/** Do all answer the same history? Read-only; a broken network can pass this. */
export const sameHistory = async (peers: Peers): Promise<Wholeness> => {
  const [first, ...others] = peers.addresses;
  if (first === undefined) return { tag: "whole", entries: [] };
  const at = await entriesAt(peers, first);
  if (at.reply.tag === "failed") return broken(`Query at ${first}: ${at.reply.code} ${at.reply.message}`);
  for (const address of others) {
    const { reply, entries } = await entriesAt(peers, address);
    if (reply.tag === "failed") return broken(`Query at ${address}: ${reply.code} ${reply.message}`);
    if (entries.length !== at.entries.length) {
      return broken(`${first} has ${at.entries.length} entries, ${address} has ${entries.length}`);
    }
    const apart = entries.findIndex((entry, index) => entry !== at.entries[index]);
    if (apart >= 0) {
      return broken(
        `entry ${apart} from the newest is "${at.entries[apart]}" at ${first}, "${entries[apart]}" at ${address}`,
      );
    }
  }
  return { tag: "whole", entries: at.entries };
};

/**
 * Proof that peers are one network: each stores an entry, one after the other, and then all answer the same history
 * with every one of these entries in it. It leaves an entry a peer behind, and a network that is broken more broken.
 */
export const whole = async (peers: Peers): Promise<Wholeness> => {
  const mark = (peers.timers ?? systemTimers).now();
  const stored: string[] = [];
  for (const address of peers.addresses) {
    const entry = `whole-${mark}-${address}`;
    const reply = await within(peers, (ctx) => peers.dialer.dial(address).persist(ctx, Buffer.from(entry)));
    if (reply.tag === "failed") return broken(`Persist at ${address}: ${reply.code} ${reply.message}`);
    stored.push(entry);
  }
  const same = await sameHistory(peers);
  if (same.tag === "broken") return same;
  const missing = stored.find((entry) => !same.entries.includes(entry));
  return missing === undefined ? same : broken(`"${missing}" was stored and is nowhere`);
};
