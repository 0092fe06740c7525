import {
  type sendUnaryData,
  type ServerUnaryCall,
  type ServerWritableStream,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthCheckResponse_ServingStatus, type HealthServer } from "../../../proto/generated/health.ts";
import type { ConnectRequest, Lightblock, NewBlockResponse } from "../../../proto/generated/lightpeer.ts";
import { denialOf } from "../denial.ts";
import type { BlockFilter } from "./block-filter.ts";
import type { ExpectedCall } from "./expected-call.ts";

/** What all seeds of a process share: their expected, by the names that peers give themselves, and their filter. */
export interface SeedState {
  readonly expected: ReadonlyMap<string, ExpectedCall>;
  readonly filter: BlockFilter;
}

/**
 * ConnectNewPeer and NotifyNewBlock, and nothing else of a lightpeer. A peer that gets a stream without a block crashes,
 * so whoever is not expected gets an error. A notification that is refused keeps a peer from storing only if the code
 * is UNKNOWN; every other code is passed over.
 */
export const seedCalls = ({ expected, filter }: SeedState): UntypedServiceImplementation => ({
  connectNewPeer(call: ServerWritableStream<ConnectRequest, Lightblock>): void {
    const peer = call.request.Peer?.Address ?? "";
    if (expected.get(peer)?.admit(call)) return;
    call.emit("error", { code: status.PERMISSION_DENIED, details: denialOf(peer) });
  },
  async notifyNewBlock(
    { request }: ServerUnaryCall<Lightblock, NewBlockResponse>,
    done: sendUnaryData<NewBlockResponse>,
  ): Promise<void> {
    const passes = await filter.passes({ id: request.ID, prevId: request.PrevID });
    if (passes) done({ code: status.UNIMPLEMENTED, details: "klight's seed keeps no chain" });
    else done({ code: status.UNKNOWN, details: "klight is re-forming the network: try again in a moment" });
  },
});

export const healthCalls: HealthServer = {
  check(_call, done) {
    done(null, { status: HealthCheckResponse_ServingStatus.SERVING });
  },
};
