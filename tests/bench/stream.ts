import type { PodObject } from "../harness/api-server/objects.ts";
import type { Stage, StagePod } from "../harness/stage.ts";
import { addPods, addPodsOf, joiningOf, startCalmPeer, startCalmStage } from "./fleet.ts";
import { asInContainer, residentMib, watchMemory } from "./memory.ts";
import { type PeersElsewhere, startPeersElsewhere } from "./peers-elsewhere.ts";
import { type Delivered, type Poster, posterTo, sideBySide, stateOf, timed } from "./posting.ts";
import { mib, type Report, round } from "./report.ts";

const total = 50_000;
const parts = 5;
const atATime = 20;
/** One event in so many brings a pod that must be joined. */
const every = 100;
const size = 5;

/** Memory of the function after one more part of the stream, MiB. */
interface Memory {
  readonly resident: number;
  readonly inUse: number;
}

interface Streamed {
  readonly ms: number;
  readonly memory: readonly Memory[];
  readonly refusals: readonly string[];
}

/** A long stream of events, nearly all of which change nothing. */
export async function measureStream(): Promise<Report> {
  const elsewhere = await startPeersElsewhere(total / every);
  const stage = await startCalmStage({ NODE_OPTIONS: asInContainer });
  try {
    const groups = await groupsOf(stage, elsewhere);
    const { ms, memory, refusals } = await stream(stage, groups.flat());
    await elsewhere.look();
    const joinings = groups.map((pods, index) =>
      joiningOf(
        `stream-${index}`,
        pods.map(({ peer }) => peer),
      ),
    );
    const reformed = joinings.filter(({ atSeed }) => atSeed > 0).length;
    const problems = [...joinings.flatMap((each) => each.problems), ...refusals];
    const all = (which: keyof Memory): string => memory.map((each) => mib(each[which])).join(", ");
    return {
      title: `${total} events, of which 99 % change nothing, ${atATime} at a time`,
      rows: [
        ["events a second", String(round(total / (ms / 1000)))],
        [`function's memory at start and after each ${total / parts}`, all("resident")],
        ["of that in use, after a collection", all("inUse")],
        ["networks that were re-formed on the way", String(reformed)],
        ["all joined once", problems.length === 0 ? "yes" : "no", "yes"],
      ],
      figures: {
        events: total,
        joins: groups.flat().length,
        ms: round(ms),
        perSecond: round(total / (ms / 1000)),
        mib: memory.map(({ resident }) => round(resident, 1)),
        mibInUse: memory.map(({ inUse }) => round(inUse, 1)),
        reformed,
        joinedOnce: problems.length === 0,
      },
      problems,
    };
  } finally {
    await elsewhere.close();
    await stage.close();
  }
}

async function groupsOf(stage: Stage, { peers }: PeersElsewhere): Promise<StagePod[][]> {
  const groups: StagePod[][] = [];
  for (let from = 0; from < peers.length; from += size) {
    groups.push(await addPodsOf(stage, `stream-${from / size}`, peers.slice(from, from + size)));
  }
  return groups;
}

async function stream(stage: Stage, pods: readonly StagePod[]): Promise<Streamed> {
  const [measured] = stage.functions;
  if (measured === undefined) throw new Error("there is no function");
  const poster = posterTo(stage);
  const watch = watchMemory(measured);
  try {
    const joining = pods.map((pod) => stateOf(stage, pod));
    const idle = await idleEvents(stage, poster);
    const look = async (): Promise<Memory> => ({
      resident: await residentMib(measured.process.pid),
      inUse: (await watch.inUse()).mib,
    });
    const memory = [await look()];
    const refusals: string[] = [];
    let ms = 0;
    for (let part = 0; part < parts; part += 1) {
      const from = (part * total) / parts;
      const events = Array.from({ length: total / parts }, (_, at) => eventAt(from + at, joining, idle));
      const done = await timed(() => sideBySide(events, atATime, (event) => poster.deliver(event)));
      ms += done.ms;
      refusals.push(...refusedOf(done.result));
      memory.push(await look());
    }
    return { ms, memory, refusals };
  } finally {
    watch.stop();
    poster.close();
  }
}

const refusedOf = (delivered: readonly Delivered[]): readonly string[] =>
  delivered.filter(({ status }) => status >= 300).map(({ outcome }) => `an event ended with ${outcome}`);

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
