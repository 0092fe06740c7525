import { type EventEmitter, once } from "node:events";
import { type ServerWritableStream, status, type UntypedServiceImplementation } from "@grpc/grpc-js";
import { HealthCheckResponse_ServingStatus, type HealthServer } from "../../proto/generated/health.ts";
import type { ConnectRequest, Lightblock } from "../../proto/generated/lightpeer.ts";
import type { Block } from "./lightpeer.ts";
import { toWire } from "./wire.ts";

/** A peer that the seed expects, and what it gets. */
export interface Guest {
  readonly chain: readonly Block[];
}

/**
 * ConnectNewPeer, and nothing else of a lightpeer. A peer that gets a stream without a block crashes, so whoever is
 * not expected gets an error.
 */
export const seedCalls = (guests: ReadonlyMap<string, Guest>): UntypedServiceImplementation => ({
  connectNewPeer(call: ServerWritableStream<ConnectRequest, Lightblock>): void {
    const peer = call.request.Peer?.Address ?? "";
    const chain = guests.get(peer)?.chain ?? [];
    if (chain.length > 0) {
      void stream(call, chain);
      return;
    }
    const details = `klight's seed serves only peers that it has sent for, not "${peer}"`;
    call.emit("error", { code: status.PERMISSION_DENIED, details });
  },
});

export const healthCalls: HealthServer = {
  check(_call, done) {
    done(null, { status: HealthCheckResponse_ServingStatus.SERVING });
  },
};

/**
 * A block is made ready when the ones before it have been sent on: a long history is not copied. Whoever hangs up
 * gets no more; klight sees by the peer's own answer how its join went.
 */
async function stream(
  call: ServerWritableStream<ConnectRequest, Lightblock>,
  chain: readonly Block[],
): Promise<void> {
  const cut = new AbortController();
  const events: EventEmitter = call;
  events.once("cancelled", () => {
    cut.abort();
  });
  for (const block of chain) {
    if (call.cancelled) return;
    if (!call.write(toWire(block))) await once(call, "drain", { signal: cut.signal }).catch(() => undefined);
  }
  if (!call.cancelled) call.end();
}
