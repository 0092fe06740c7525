import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { type ClientReadableStream, credentials, type ServiceError, status } from "@grpc/grpc-js";
import { createLightpeerClient } from "../../lib/peers/client/grpc-client.ts";
import { createSeeds } from "../../lib/peers/seed/seeds.ts";
import type { Block, Seed, Seeds, SeedUse } from "../../lib/peers/lightpeer.ts";
import { type Lightblock, Lightblock_BlockType, LightpeerClient } from "../../proto/generated/lightpeer.ts";

export const SOON_MS = 10_000;
/** Long enough for what should not happen to happen. */
export const A_WHILE_MS = 100;
export const PEER = "10.0.0.1:9081";
export const LIST = [PEER, "10.0.0.2:9081"];

/** What asks the seed for its health, and for what it does not have. */
export const client = createLightpeerClient();
const callers: LightpeerClient[] = [];

/** Closes all connections. */
export const hangUp = (): void => {
  client.release();
  for (const caller of callers) caller.close();
};

/** Seeds for peers that have no address here: they all call from this machine. */
export const seedsHere = (lingerMs = 0): Seeds =>
  createSeeds({ port: 0, address: "127.0.0.1", callers: "any", lingerMs });

export const opened = async (seeds: Seeds, use: SeedUse = "reform"): Promise<Seed> => {
  const open = await seeds.open(use);
  assert.ok(open.tag === "open", open.tag === "failed" ? open.message : "");
  return open.seed;
};

const callerOf = (address: string): LightpeerClient => {
  const options = { "grpc.use_local_subchannel_pool": 1 };
  const caller = new LightpeerClient(address, credentials.createInsecure(), options);
  callers.push(caller);
  return caller;
};

/** One ConnectNewPeer: what has streamed back by now, and how it ended; undefined: it is open. */
export interface Visit {
  readonly blocks: Lightblock[];
  readonly stream: ClientReadableStream<Lightblock>;
  end: "ended" | ServiceError | undefined;
}

/** Calls as a peer that names itself `peer` does. */
export const come = (seed: Seed, peer: string): Visit => {
  const stream = callerOf(seed.address).connectNewPeer({ Peer: { Address: peer, Name: "" } });
  const visit: Visit = { blocks: [], stream, end: undefined };
  stream.on("data", (block: Lightblock) => visit.blocks.push(block));
  stream.on("end", () => {
    visit.end ??= "ended";
  });
  stream.on("error", (error: ServiceError) => {
    visit.end = error;
  });
  return visit;
};

export const until = async (isSo: () => boolean | Promise<boolean>, what: string): Promise<void> => {
  const limit = Date.now() + SOON_MS;
  while (!(await isSo())) {
    assert.ok(Date.now() < limit, what);
    await sleep(5);
  }
};

export const idsOf = ({ blocks }: Visit): readonly string[] => blocks.map(({ ID }) => ID);

/** The code that it ended with, once it has. */
export const codeOf = async (visit: Visit): Promise<status> => {
  await until(() => visit.end !== undefined, "the stream ends");
  return visit.end === "ended" ? status.OK : (visit.end?.code ?? status.OK);
};

/** What the seed says to a peer that is about to store a block. */
export const tell = (seed: Seed, { id, prevId, payload }: Block): Promise<status> =>
  new Promise((resolve) => {
    const block: Lightblock = {
      ID: id,
      Payload: Buffer.from(payload),
      PrevID: prevId,
      Type: Lightblock_BlockType.NETWORK,
      last_updated: new Date(),
    };
    callerOf(seed.address).notifyNewBlock(block, (error) => {
      resolve(error?.code ?? status.OK);
    });
  });

export const blockOn = (prevId: string, id = `on ${prevId}`): Block => ({
  id,
  prevId,
  kind: "network",
  payload: new Uint8Array(),
});

export const entries = (count: number, bytes = 16 * 1_024): readonly Uint8Array[] => {
  const payload = Buffer.alloc(bytes, 1);
  return Array.from({ length: count }, () => payload);
};
