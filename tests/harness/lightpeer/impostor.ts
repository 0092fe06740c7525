import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { credentials, type ServiceError, status } from "@grpc/grpc-js";
import { type Lightblock, LightpeerClient } from "../../../proto/generated/lightpeer.ts";

/** What somebody got who is no peer. */
export interface Haul {
  /** Payloads of the blocks that it was sent. */
  readonly blocks: readonly Buffer[];
  /** How its call ended; undefined: it was still open when it hung up. */
  readonly end: status | undefined;
}

/** Who calls at a seed, as whom, and from where. */
export interface Impostor {
  /** Address of the seed. */
  readonly seed: string;
  /** The peer that it says it is. */
  readonly name: string;
  /** Its own host: any of 127.0.0.0/8. */
  readonly from: string;
  /** It hangs up after so long, ms. */
  readonly patienceMs: number;
}

/** ConnectNewPeer by somebody who names a peer that it is not. */
export async function knock({ seed, name, from, patienceMs }: Impostor): Promise<Haul> {
  const way = await relay(seed, from);
  const client = new LightpeerClient(way.address, credentials.createInsecure(), {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
  });
  const blocks: Buffer[] = [];
  const call = client.connectNewPeer(
    { Peer: { Address: name, Name: "" } },
    { deadline: Date.now() + patienceMs },
  );
  const end = await new Promise<status | undefined>((resolve) => {
    call.on("data", ({ Payload }: Lightblock) => blocks.push(Payload));
    call.on("error", ({ code }: ServiceError) => {
      resolve(code === status.DEADLINE_EXCEEDED ? undefined : code);
    });
    call.on("end", () => {
      resolve(status.OK);
    });
  });
  client.close();
  way.close();
  return { blocks, end };
}

/** gRPC cannot say where a connection comes from, so it goes through here. */
async function relay(
  to: string,
  localAddress: string,
): Promise<{ readonly address: string; readonly close: () => void }> {
  const [host = "", port = ""] = to.split(":");
  const server = createServer((socket) => {
    const outside = connect({ host, port: Number(port), localAddress });
    for (const end of [socket, outside]) end.on("error", () => {});
    socket.pipe(outside).pipe(socket);
    socket.on("close", () => outside.destroy());
    outside.on("close", () => socket.destroy());
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => void server.close(),
  };
}
