import { seededRandom } from "../harness/random.ts";
import { addPodsOf, joinByHand, joiningOf, startCalmStage } from "./fleet.ts";
import { startPeersElsewhere } from "./peers-elsewhere.ts";
import { type Delivered, posterTo, sideBySide, stateOf, timed } from "./posting.ts";
import { ms, type Report, round, times } from "./report.ts";

const size = 50;
const eventsEach = 3;
const atATime = 10;
const seed = 50;

/** Many pods of one network at once, with events in no order, against joining the same peers by hand. */
export async function measureCrowd(): Promise<Report> {
  const byHand = await joinedByHand();
  const { tookMs, delivered, atSeed, problems } = await joinedByKlight();
  const ratio = tookMs / byHand;
  const held = delivered.reduce((sum, each) => sum + each.held, 0);
  return {
    title: `${size} pods of one network, ${eventsEach} events each, in random order, ${atATime} at a time`,
    rows: [
      ["the function", ms(tookMs)],
      [`${size - 1} bare JoinNetwork calls in a row`, ms(byHand)],
      ["function : bare", times(ratio), "1.4 at most"],
      ["answers that were held and came again", String(held)],
      ["joins by re-forming", String(atSeed)],
      ["all joined once", problems.length === 0 ? "yes" : "no", "yes"],
    ],
    figures: {
      pods: size,
      events: delivered.length,
      ms: round(tookMs),
      bareMs: round(byHand),
      ratio: round(ratio, 2),
      held,
      atSeed,
      joinedOnce: problems.length === 0,
    },
    problems,
  };
}

async function joinedByHand(): Promise<number> {
  const elsewhere = await startPeersElsewhere(size, 1);
  try {
    return (await timed(() => joinByHand(elsewhere.peers))).ms;
  } finally {
    await elsewhere.close();
  }
}

async function joinedByKlight(): Promise<{
  readonly tookMs: number;
  readonly delivered: readonly Delivered[];
  readonly atSeed: number;
  readonly problems: readonly string[];
}> {
  const elsewhere = await startPeersElsewhere(size + 1, 1);
  const stage = await startCalmStage();
  const poster = posterTo(stage);
  try {
    await poster.deliver(
      stateOf(stage, (await addPodsOf(stage, "warm", elsewhere.peers.slice(size)))[0] ?? fail()),
    );
    const pods = await addPodsOf(stage, "crowd", elsewhere.peers.slice(0, size));
    const events = pods.flatMap((pod) =>
      Array.from({ length: eventsEach }, () => {
        stage.touch(pod);
        return stateOf(stage, pod);
      }),
    );
    const { ms: tookMs, result: delivered } = await timed(() =>
      sideBySide(shuffled(events), atATime, (event) => poster.deliver(event)),
    );
    const refused = delivered.filter(({ status }) => status >= 300);
    await elsewhere.look();
    const joining = joiningOf(
      "crowd",
      pods.map(({ peer }) => peer),
    );
    const problems = [...joining.problems, ...refused.map(({ outcome }) => `an event ended with ${outcome}`)];
    return { tookMs, delivered, atSeed: joining.atSeed, problems };
  } finally {
    poster.close();
    await elsewhere.close();
    await stage.close();
  }
}

const fail = (): never => {
  throw new Error("a pod was asked for");
};

const shuffled = <Item>(items: readonly Item[]): Item[] => {
  const random = seededRandom(seed);
  return items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item);
};
