import assert from "node:assert/strict";
import { Context } from "./lightpeer/context.ts";
import { grpcDialer } from "./lightpeer/grpc-dialer.ts";
import { entriesAt } from "./lightpeer/whole.ts";
import { systemTimers } from "./timers.ts";

const dialer = grpcDialer();

interface Addressed {
  readonly address: string;
}

/** An application stores this at a peer; what is not acknowledged fails the test. */
export async function stored({ address }: Addressed, entry: string | Uint8Array): Promise<void> {
  const ctx = Context.within(systemTimers, 10_000);
  const reply = await dialer.dial(address).persist(ctx, Buffer.from(entry));
  ctx.release();
  assert.deepEqual(reply, { tag: "ok" });
}

/** All that a peer holds, newest first. */
export async function storedAt({ address }: Addressed): Promise<readonly string[]> {
  const { reply, entries } = await entriesAt({ dialer, addresses: [address], timeoutMs: 10_000 }, address);
  assert.deepEqual(reply, { tag: "ok" });
  return entries;
}
