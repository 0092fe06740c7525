import { monitorEventLoopDelay } from "node:perf_hooks";
import type { StagePod } from "../harness/stage.ts";
import { addPods, joiningOf, startCalmStage } from "./fleet.ts";
import { posterTo, sideBySide, stateOf, timed } from "./posting.ts";
import { mib, ms, type Report, round } from "./report.ts";
import { residentMib } from "./resident.ts";

const networks = 100;
const size = 5;

/** Many networks at the same moment: every pod's event is posted before the first is answered. */
export async function measureNetworks(): Promise<Report> {
  const stage = await startCalmStage();
  const poster = posterTo(stage);
  try {
    const groups: StagePod[][] = [];
    for (let index = 0; index < networks; index += 1) {
      groups.push(await addPods(stage, `network-${index}`, size));
    }
    const events = groups.flat().map((pod) => stateOf(stage, pod));
    const pid = stage.functions[0]?.process.pid;
    const before = await residentMib(pid);
    // All peers live in this process: where they answer late, it is this and not the function that was measured.
    const delay = monitorEventLoopDelay();
    delay.enable();
    const { ms: tookMs, result } = await timed(() =>
      sideBySide(events, events.length, (event) => poster.deliver(event)),
    );
    const after = await residentMib(pid);
    delay.disable();
    const peersLate = delay.max / 1e6;
    const held = result.reduce((sum, each) => sum + each.held, 0);
    const refused = result.filter(({ status }) => status >= 300);
    const joinings = groups.map((pods, index) =>
      joiningOf(
        `network-${index}`,
        pods.map(({ peer }) => peer),
      ),
    );
    const reformed = joinings.filter(({ atSeed }) => atSeed > 0).length;
    const problems = [
      ...joinings.flatMap((each) => each.problems),
      ...refused.map(({ outcome }) => `an event ended with ${outcome}`),
    ];
    return {
      title: `${networks} networks of ${size} pods at once`,
      rows: [
        ["all joined after", ms(tookMs)],
        ["pods a second", String(round(events.length / (tookMs / 1000), 1))],
        ["answers that were 503 and came again", String(held)],
        ["function's memory before and after", `${mib(before)}, ${mib(after)}`],
        ["longest time in which no peer could answer", ms(peersLate)],
        ["networks that were re-formed on the way", String(reformed)],
        ["all joined once", problems.length === 0 ? "yes" : "no", "yes"],
      ],
      figures: {
        networks,
        pods: events.length,
        ms: round(tookMs),
        held,
        mibBefore: round(before, 1),
        mibAfter: round(after, 1),
        peersLateMs: round(peersLate),
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
