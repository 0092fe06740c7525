import {
  type sendUnaryData,
  type ServerUnaryCall,
  status,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { HealthCheckResponse_ServingStatus, type HealthServer } from "../../../proto/generated/health.ts";
import {
  type Lightblock,
  LightpeerService,
  type NewBlockResponse,
} from "../../../proto/generated/lightpeer.ts";
import { denialOf } from "../denial.ts";
import type { BlockFilter } from "./block-filter.ts";
import { hostOfCaller, isFrom } from "./caller.ts";
import type { ConnectCall, ExpectedCall } from "./expected-call.ts";

/** A lightpeer's, but blocks are handed to it as they go over the wire. */
export const seedService = {
  ...LightpeerService,
  connectNewPeer: { ...LightpeerService.connectNewPeer, responseSerialize: (block: Buffer): Buffer => block },
};

/** What all seeds of a process share. */
export interface SeedState {
  /** By the names that peers give themselves, which are the addresses that klight has sent for them at. */
  readonly expected: ReadonlyMap<string, ExpectedCall>;
  readonly filter: BlockFilter;
  /** `address`: a peer must call from the address that klight has sent for it at. */
  readonly callers: "address" | "any";
}

/**
 * ConnectNewPeer and NotifyNewBlock, and nothing else of a lightpeer. A peer that gets a stream without a block crashes,
 * so whoever is not expected gets an error. A notification that is refused keeps a peer from storing only if the code
 * is UNKNOWN; every other code is passed over. `cut` ends the connection of a caller.
 */
export const seedCalls = (
  { expected, filter, callers }: SeedState,
  cut: (caller: string) => void,
): UntypedServiceImplementation => ({
  connectNewPeer(call: ConnectCall): void {
    const peer = call.request.Peer?.Address ?? "";
    const caller = call.getPeer();
    const sentFor = expected.get(peer);
    const isElsewhere = sentFor !== undefined && callers === "address" && !isFrom(caller, peer);
    if (!isElsewhere && sentFor?.admit(call, () => cut(caller))) return;
    const details = isElsewhere ? elsewhere(peer, caller) : denialOf(peer);
    call.emit("error", { code: status.PERMISSION_DENIED, details });
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

const elsewhere = (peer: string, caller: string): string =>
  `klight's seed has sent for "${peer}", and this call came from ${hostOfCaller(caller)}: where addresses are translated between pods, KLIGHT_SEED_CALLERS must be any`;

export const healthCalls: HealthServer = {
  check(_call, done) {
    done(null, { status: HealthCheckResponse_ServingStatus.SERVING });
  },
};
