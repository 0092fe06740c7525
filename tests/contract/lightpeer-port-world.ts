import assert from "node:assert/strict";
import type { Block, Lightpeer, Seed, Seeds, SeedUse } from "../../lib/peers/lightpeer.ts";
import { writePeerList } from "../../lib/peers/peer-list.ts";
import type { Lacks, PeerHost } from "../harness/lightpeer/calls.ts";

/** One implementation of the port, and the peers that it talks to. */
export interface World {
  readonly lightpeer: Lightpeer;
  readonly seeds: Seeds;
  /** A new lightpeer at an address of its own. */
  readonly start: (lacks?: Lacks) => Promise<PeerHost>;
  /** Persist at a peer. */
  readonly store: (peer: PeerHost, entry: string) => Promise<void>;
  /** An address where nobody listens. */
  readonly nobody: string;
  readonly close: () => Promise<void>;
}

export type Use = () => World;

/** Long enough for every answer that comes. */
export const SOON_MS = 10_000;
/** For answers that never come. */
export const SHORT_MS = 150;

export const joined = async ({ lightpeer }: World, peer: PeerHost, contact: PeerHost): Promise<void> => {
  assert.deepEqual(await lightpeer.join(peer.address, contact.address, SOON_MS), { tag: "joined" });
};

/** Two peers in one network, oldest first. */
export const pair = async (world: World): Promise<[PeerHost, PeerHost]> => {
  const [a, b] = [await world.start(), await world.start()];
  await joined(world, b, a);
  return [a, b];
};

/** A network whose member has moved on alone, so that it refuses what others tell it. */
export const brokenPair = async (world: World): Promise<[PeerHost, PeerHost]> => {
  const [a, b] = await pair(world);
  const block = onTopOf(b, [a.address, b.address], "apart");
  assert.deepEqual(await world.lightpeer.notify(b.address, block, SOON_MS), { tag: "accepted" });
  return [a, b];
};

export const onTopOf = (peer: PeerHost, list: readonly string[], id: string): Block => ({
  id,
  prevId: peer.state.head.id,
  kind: "network",
  payload: writePeerList(list),
});

export const opened = async ({ seeds }: World, use: SeedUse = "reform"): Promise<Seed> => {
  const open = await seeds.open(use);
  assert.ok(open.tag === "open", "the seed opens");
  return open.seed;
};

/** What a peer has in memory, to be compared: bytes as text. */
export const stateOf = ({ state: { network, head } }: PeerHost): object => ({
  network,
  head: { ...head, payload: Buffer.from(head.payload).toString() },
});

export const until = async (isSo: () => boolean): Promise<void> => {
  const limit = performance.now() + SOON_MS;
  while (!isSo()) {
    assert.ok(performance.now() < limit, "it takes too long");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};
