import type { PodObject } from "../harness/api-server/objects.ts";
import type { Stage, StagePod } from "../harness/stage.ts";
import { addPods, joiningOf, startCalmPeer, startCalmStage } from "./fleet.ts";
import { type Delivered, type Poster, posterTo, sideBySide, stateOf, timed } from "./posting.ts";
import { mib, type Report, round } from "./report.ts";
import { residentMib } from "./resident.ts";

const total = 10_000;
const atATime = 20;
/** One event in so many brings a pod that must be joined. */
const every = 100;
const size = 5;

/** A long stream of events, nearly all of which change nothing. */
export async function measureStream(): Promise<Report> {
  const stage = await startCalmStage();
  const poster = posterTo(stage);
  try {
    const groups: StagePod[][] = [];
    for (let index = 0; index < total / every / size; index += 1) {
      groups.push(await addPods(stage, `stream-${index}`, size));
    }
    const joining = groups.flat().map((pod) => stateOf(stage, pod));
    const idle = await idleEvents(stage, poster);
    const events = Array.from({ length: total }, (_, index) => eventAt(index, joining, idle));
    const pid = stage.functions[0]?.process.pid;
    const before = await residentMib(pid);
    const deliver = (half: readonly PodObject[]): Promise<{ ms: number; result: Delivered[] }> =>
      timed(() => sideBySide(half, atATime, (event) => poster.deliver(event)));
    const first = await deliver(events.slice(0, total / 2));
    const between = await residentMib(pid);
    const second = await deliver(events.slice(total / 2));
    const after = await residentMib(pid);
    const ms = first.ms + second.ms;
    const perSecond = total / (ms / 1000);
    const joinings = groups.map((pods, index) =>
      joiningOf(
        `stream-${index}`,
        pods.map(({ peer }) => peer),
      ),
    );
    const reformed = joinings.filter(({ atSeed }) => atSeed > 0).length;
    const problems = [
      ...joinings.flatMap((each) => each.problems),
      ...[...first.result, ...second.result]
        .filter(({ status }) => status >= 300)
        .map(({ outcome }) => `an event ended with ${outcome}`),
    ];
    return {
      title: `${total} events, of which 99 % change nothing, ${atATime} at a time`,
      rows: [
        ["events a second", String(round(perSecond))],
        ["function's memory at start, half and end", `${mib(before)}, ${mib(between)}, ${mib(after)}`],
        ["networks that were re-formed on the way", String(reformed)],
        ["all joined once", problems.length === 0 ? "yes" : "no", "yes"],
      ],
      figures: {
        events: total,
        joins: joining.length,
        ms: round(ms),
        perSecond: round(perSecond),
        mibStart: round(before, 1),
        mibHalf: round(between, 1),
        mibEnd: round(after, 1),
        reformed,
        joinedOnce: problems.length === 0,
      },
      problems,
    };
  } finally {
    poster.close();
    await stage.close();
  }
}

/** A pod that is in, by its own condition; one that does not run yet; one without the label. */
async function idleEvents(stage: Stage, poster: Poster): Promise<readonly PodObject[]> {
  const [member] = await addPods(stage, "member", 1);
  if (!member) throw new Error("a pod was asked for");
  await poster.deliver(stateOf(stage, member));
  const waiting = await stage.addPod({ name: "waits", network: "member", peer: await startCalmPeer() });
  const inside = stateOf(stage, member);
  const { labels: _labels, ...metadata } = inside.metadata;
  return [inside, stateOf(stage, waiting), { ...inside, metadata }];
}

function eventAt(index: number, joining: readonly PodObject[], idle: readonly PodObject[]): PodObject {
  const event = index % every === 0 ? joining[index / every] : idle[index % idle.length];
  if (event === undefined) throw new Error(`there is no event ${index}`);
  return event;
}
