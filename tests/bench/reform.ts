import type { PeerHost } from "../harness/lightpeer/calls.ts";
import type { Stage } from "../harness/stage.ts";
import { addPodsOf, forgetReforms, joinByHand, startCalmStage, storeAt } from "./fleet.ts";
import { startPeersElsewhere } from "./peers-elsewhere.ts";
import { type Answer, type Poster, posterTo, stateOf, timed } from "./posting.ts";
import { median, ms, type Report, round, times } from "./report.ts";

interface Case {
  readonly peers: number;
  readonly entries: number;
}

/**
 * The one that has a name, and how it grows with the history and with the peers. 50 peers, which all come for their chain
 * at once, keep two cores busy for longer than a re-form waits for them; networks of some ten are a lightpeer's size.
 */
const cases: readonly Case[] = [
  { peers: 7, entries: 1 },
  { peers: 7, entries: 10 },
  { peers: 7, entries: 100 },
  { peers: 7, entries: 1_000 },
  { peers: 7, entries: 10_000 },
  { peers: 20, entries: 1 },
  { peers: 20, entries: 1_000 },
];
const runs = 5;

interface Found extends Case {
  /** Of the request for a re-form, with all that the step does besides. */
  readonly ms: number;
  readonly refusedMs: number;
  /** As many JoinNetwork calls by hand as there are peers, in a row, on the same peers. */
  readonly bareMs: number;
  readonly ratio: number;
}

/** Re-forming a network with a history, against as many joins by hand of the same peers into one with the same. */
export async function measureReform(): Promise<Report> {
  const found: Found[] = [];
  const problems: string[] = [];
  for (const each of cases) {
    const one = await measureCase(each);
    found.push(one.found);
    problems.push(...one.problems);
  }
  return {
    title: `Re-forming a network (medians of ${runs}), against as many bare JoinNetwork calls in a row on the same peers`,
    rows: found.map(({ peers, entries, ms: took, refusedMs, bareMs, ratio }) => [
      `${peers} peers, ${entries} ${entries === 1 ? "entry" : "entries"}`,
      `${ms(took)}, writes refused for ${ms(refusedMs)}; bare ${ms(bareMs)}; ${times(ratio)}`,
    ]),
    figures: { runs, cases: found },
    problems,
  };
}

async function measureCase(
  one: Case,
): Promise<{ readonly found: Found; readonly problems: readonly string[] }> {
  // One more than the network: it holds the same history for the joins by hand, and is joined by nobody.
  const elsewhere = await startPeersElsewhere(one.peers + 1);
  const stage = await startCalmStage();
  const poster = posterTo(stage);
  try {
    const [holder, ...peers] = elsewhere.peers;
    if (holder === undefined) throw new Error("a peer was asked for");
    await Promise.all([
      storeAt(holder, one.entries),
      joinAll({ stage, poster, peers, entries: one.entries }),
    ]);
    const reforms: { readonly ms: number; readonly result: Answer }[] = [];
    for (let run = 0; run < runs; run += 1) {
      await forgetReforms(stage, "default/measured");
      reforms.push(await timed(() => poster.ask("/networks/default/measured/reform")));
    }
    await elsewhere.look();
    const problems = apart(one, peers, peers.length);
    const { ms: bareMs } = await timed(() => joinByHand([holder, ...peers]));
    await elsewhere.look();
    problems.push(...apart(one, elsewhere.peers, elsewhere.peers.length));
    const took = median(reforms.map((each) => each.ms));
    const refused = median(reforms.map((each) => refusedMs(each.result)));
    const figures = { ms: round(took), refusedMs: round(refused), bareMs: round(bareMs) };
    const failed = reforms.filter(
      ({ result }) => !result.outcome.startsWith("reformed;") || Number.isNaN(refusedMs(result)),
    );
    problems.push(...failed.map(({ result }) => `a re-form ended with ${result.status} ${result.outcome}`));
    return { found: { ...one, ...figures, ratio: round(took / bareMs, 2) }, problems };
  } finally {
    poster.close();
    await elsewhere.close();
    await stage.close();
  }
}

/** A figure says something only where the network that came of it is whole. */
const apart = ({ peers, entries }: Case, those: readonly PeerHost[], size: number): string[] => {
  const few = those.filter(({ state }) => state.network.length !== size).length;
  const heads = new Set(those.map(({ state }) => state.head.id)).size;
  if (few === 0 && heads === 1) return [];
  return [`${peers} peers, ${entries} entries: ${few} do not list all ${size}, and there are ${heads} heads`];
};

/** As the outcome says it. */
const refusedMs = ({ outcome }: Answer): number => Number(/(\d+) ms/u.exec(outcome)?.[1] ?? Number.NaN);

interface ToJoin {
  readonly stage: Stage;
  readonly poster: Poster;
  readonly peers: readonly PeerHost[];
  readonly entries: number;
}

async function joinAll({ stage, poster, peers, entries }: ToJoin): Promise<void> {
  const pods = await addPodsOf(stage, "measured", peers);
  for (const [index, pod] of pods.entries()) {
    await poster.deliver(stateOf(stage, pod));
    // A founder has nobody to pass its entries on to, so that they are quickly stored.
    if (index === 0) await storeAt(pod.peer, entries);
  }
}
