import { type Block, costOf } from "../../peers/lightpeer.ts";
import { bodyOf } from "./chain.ts";
import type { Freezing, Frozen } from "./freeze.ts";
import type { Gathered } from "./gather.ts";
import { partMs, type Reforming, type StayedOut } from "./reforming.ts";

/** Sends each its chain. Who has not taken it in in time comes back. */
export async function sendAll(
  { deps }: Reforming,
  { token, bytes }: Freezing,
  { able, gathered }: { readonly able: readonly Frozen[]; readonly gathered: Gathered },
): Promise<readonly StayedOut[]> {
  const withinMs = partMs(deps, bytes);
  // A timer that is left would keep the whole history for as long.
  const over = new AbortController();
  const lateness = (): Promise<"late"> => deps.clock.sleep(withinMs, over.signal).then(() => "late" as const);
  const leaving = able.filter((peer) => peer.token !== token);
  try {
    const ends = await Promise.all([
      sendChain(
        able.filter((peer) => peer.token === token),
        bodyOf(token, gathered.entries),
        lateness,
      ),
      ...leaving.map((peer) =>
        sendChain([peer], bodyOf(peer.token, gathered.held.get(peer.participant)?.entries ?? []), lateness),
      ),
    ]);
    return ends.flat().map(({ participant }) => ({
      participant,
      why: `${participant.address} did not take in its chain within ${withinMs} ms`,
    }));
  } finally {
    over.abort();
  }
}

/** So much is sent to all before more of it is: a block that many get is made ready once. */
const PART_BYTES = 1_024 * 1_024;

/**
 * Sends these a chain, part by part. Who is late comes back; the others have all of it. They have waited for who was late,
 * so their time begins anew.
 */
async function sendChain(
  peers: readonly Frozen[],
  chain: Iterable<Block>,
  lateness: () => Promise<"late">,
): Promise<readonly Frozen[]> {
  const slow = new Set<Frozen>();
  let late = lateness();
  for (const part of partsOf(chain)) {
    const those = peers.filter((peer) => !slow.has(peer));
    const ends = await Promise.all(those.map(({ call }) => Promise.race([call.send(part), late])));
    for (const [index, peer] of those.entries()) if (ends[index] === "late") slow.add(peer);
    if (ends.includes("late")) late = lateness();
  }
  return [...slow];
}

function* partsOf(chain: Iterable<Block>): Generator<readonly Block[]> {
  let part: Block[] = [];
  let bytes = 0;
  for (const block of chain) {
    part.push(block);
    bytes += costOf(block.payload);
    if (bytes < PART_BYTES) continue;
    yield part;
    [part, bytes] = [[], 0];
  }
  yield part;
}
