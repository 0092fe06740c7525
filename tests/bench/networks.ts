import { monitorEventLoopDelay } from "node:perf_hooks";
import type { Stage, StagePod } from "../harness/stage.ts";
import { addPodsOf, joiningOf, startCalmStage } from "./fleet.ts";
import { asInContainer, residentMib, watchMemory } from "./memory.ts";
import { startPeersElsewhere } from "./peers-elsewhere.ts";
import { posterTo, sideBySide, stateOf, timed } from "./posting.ts";
import { mib, ms, type Report, round } from "./report.ts";

const networks = 100;
const size = 5;
/** `limits.concurrency` of func.yaml: what is over it waits in front of the function, not in it. */
const concurrency = 50;

/** Many networks at the same moment: as the queue proxy lets them through, and all let through at once. */
export async function measureNetworks(): Promise<Report> {
  const asDeployed = await joinAll(concurrency);
  const atOnce = await joinAll(networks * size);
  return {
    title: `${networks} networks of ${size} pods at once`,
    rows: [...rowsOf(`${concurrency} let through at a time`, asDeployed), ...rowsOf("all at once", atOnce)],
    figures: { networks, pods: networks * size, asDeployed: asDeployed.figures, atOnce: atOnce.figures },
    problems: [...asDeployed.problems, ...atOnce.problems],
  };
}

interface Run {
  readonly figures: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

async function joinAll(atATime: number): Promise<Run> {
  const elsewhere = await startPeersElsewhere(networks * size);
  const stage = await startCalmStage({ NODE_OPTIONS: asInContainer });
  try {
    const groups: StagePod[][] = [];
    for (let index = 0; index < networks; index += 1) {
      const peers = elsewhere.peers.slice(index * size, (index + 1) * size);
      groups.push(await addPodsOf(stage, `network-${index}`, peers));
    }
    const { figures, problems } = await deliverAll(stage, groups.flat(), atATime);
    await elsewhere.look();
    const joinings = groups.map((pods, index) =>
      joiningOf(
        `network-${index}`,
        pods.map(({ peer }) => peer),
      ),
    );
    const reformed = joinings.filter(({ atSeed }) => atSeed > 0).length;
    return {
      figures: { ...figures, reformed },
      problems: [...problems, ...joinings.flatMap((each) => each.problems)],
    };
  } finally {
    await elsewhere.close();
    await stage.close();
  }
}

async function deliverAll(stage: Stage, pods: readonly StagePod[], atATime: number): Promise<Run> {
  const [measured] = stage.functions;
  if (measured === undefined) throw new Error("there is no function");
  const poster = posterTo(stage);
  const events = pods.map((pod) => stateOf(stage, pod));
  const before = await residentMib(measured.process.pid);
  const memory = watchMemory(measured);
  // API double and poster live in this process: where they are late, it is this that was measured.
  const delay = monitorEventLoopDelay();
  delay.enable();
  const { ms: tookMs, result } = await timed(() =>
    sideBySide(events, atATime, (event) => poster.deliver(event)),
  );
  delay.disable();
  memory.stop();
  poster.close();
  const after = await memory.inUse();
  return {
    figures: {
      ms: round(tookMs),
      held: result.reduce((sum, each) => sum + each.held, 0),
      mibBefore: round(before, 1),
      mibPeak: round(memory.peak(), 1),
      mibInUse: round(after.mib, 1),
      cpuMs: round(after.cpuMs),
      lateMs: round(delay.max / 1e6),
    },
    problems: result
      .filter(({ status }) => status >= 300)
      .map(({ outcome }) => `an event ended with ${outcome}`),
  };
}

const rowsOf = (which: string, { figures, problems }: Run): Report["rows"] => {
  const { ms: tookMs = 0, held, mibBefore = 0, mibPeak = 0, mibInUse = 0, lateMs = 0, reformed } = figures;
  return [
    [`${which}: all joined after`, ms(tookMs)],
    ["  pods a second", String(round((networks * size) / (tookMs / 1000), 1))],
    ["  answers that were held and came again", String(held)],
    ["  function's memory before, and at most", `${mib(mibBefore)}, ${mib(mibPeak)}`],
    ["  in use at the end, after a collection", mib(mibInUse)],
    ["  longest time in which the API double could not answer", ms(lateMs)],
    ["  networks that were re-formed on the way", String(reformed)],
    ["  all joined once", problems.length === 0 ? "yes" : "no", "yes"],
  ];
};
