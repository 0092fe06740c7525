/**
 * One gRPC server that answers as a settled lightpeer with nothing stored, at every address of the loopback network: as many
 * peers as there are addresses, in a process of its own. It tells its port to its parent, and ends with it.
 */
import { Server, ServerCredentials } from "@grpc/grpc-js";
import {
  HealthCheckResponse_ServingStatus,
  type HealthServer,
  HealthService,
} from "../../proto/generated/health.ts";
import { type LightpeerServer, LightpeerService } from "../../proto/generated/lightpeer.ts";

const health: Pick<HealthServer, "check"> = {
  check: (_call, reply) => reply(null, { status: HealthCheckResponse_ServingStatus.SERVING }),
};
const lightpeer: Pick<LightpeerServer, "query"> = { query: (call) => call.end() };

const server = new Server();
server.addService({ check: HealthService.check }, health);
server.addService({ query: LightpeerService.query }, lightpeer);
server.bindAsync("0.0.0.0:0", ServerCredentials.createInsecure(), (error, port) => {
  if (error) throw error;
  process.send?.({ port });
});
process.once("disconnect", () => process.exit(0));
