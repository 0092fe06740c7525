import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { addPods, joinByHand, startCalmPeer, startCalmStage, storeAt } from "./fleet.ts";
import { type Answer, posterTo, stateOf, timed } from "./posting.ts";
import { median, ms, type Report, round, times } from "./report.ts";

const size = 7;
const entries = 1_000;
const runs = 5;

/** Re-forming a network with a history, against as many joins by hand into one with the same history. */
export async function measureReform(): Promise<Report> {
  const byHand = await joinedByHand();
  const found = await reformed();
  const took = median(found.map((each) => each.ms));
  const refused = median(found.map((each) => refusedMs(each.result)));
  const problems = found
    .filter(({ result }) => !result.outcome.startsWith("reformed;") || Number.isNaN(refusedMs(result)))
    .map(({ result }) => `a re-form ended with ${result.status} ${result.outcome}`);
  return {
    title: `Re-forming ${size} peers with ${entries} entries (median of ${runs})`,
    rows: [
      ["the function", ms(took)],
      ["of that, writes were refused for", ms(refused)],
      [`${size} bare JoinNetwork calls in a row`, ms(byHand)],
      ["function : bare", times(took / byHand)],
    ],
    figures: {
      peers: size,
      entries,
      runs,
      ms: round(took),
      refusedMs: round(refused),
      bareMs: round(byHand),
      ratio: round(took / byHand, 2),
    },
    problems,
  };
}

/** As the outcome says it. */
const refusedMs = ({ outcome }: Answer): number => Number(/(\d+) ms/u.exec(outcome)?.[1] ?? Number.NaN);

async function joinedByHand(): Promise<number> {
  const peers: PeerHost[] = [];
  try {
    // One more: the first holds the history, and is joined by nobody.
    for (let index = 0; index <= size; index += 1) peers.push(await startCalmPeer());
    const [first] = peers;
    if (first) await storeAt(first, entries);
    return (await timed(() => joinByHand(peers))).ms;
  } finally {
    await Promise.all(peers.map((peer) => peer.kill()));
  }
}

async function reformed(): Promise<{ readonly ms: number; readonly result: Answer }[]> {
  const stage = await startCalmStage();
  const poster = posterTo(stage);
  try {
    const pods = await addPods(stage, "seven", size);
    for (const [index, pod] of pods.entries()) {
      await poster.deliver(stateOf(stage, pod));
      // A founder has nobody to pass its entries on to, so that they are quickly stored.
      if (index === 0) await storeAt(pod.peer, entries);
    }
    const found: { readonly ms: number; readonly result: Answer }[] = [];
    for (let run = 0; run < runs; run += 1) {
      found.push(await timed(() => poster.ask("/networks/default/seven/reform")));
    }
    return found;
  } finally {
    poster.close();
    await stage.close();
  }
}
