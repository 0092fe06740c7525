import { LIMIT_MIB, limitMemory, residentMib, watchMemory } from "./memory.ts";
import { timed } from "./posting.ts";
import { mib, ms, type Report, round } from "./report.ts";
import { PER_NETWORK, startSettledStage } from "./settled-stage.ts";

/** Redis commands of a sweep that finds nothing. */
const commandsFor = (networks: number): number => 2 + Math.ceil(networks / 100);

interface Cost {
  readonly pods: number;
  readonly networks: number;
  readonly ms: number;
  readonly cpuMs: number;
  readonly commands: number;
  readonly calls: number;
  readonly mibPeak: number;
  /** The system would have ended the function over its limit. */
  readonly isLimited: boolean;
}

/** What a sweep costs that finds 5,000 pods in 500 networks settled. */
export const measureSweep = (): Promise<Report> => reportOf("A sweep that finds nothing to do", [5_000]);

/** How that grows. */
export const measureScale = (): Promise<Report> => reportOf("How a sweep grows", [100, 1_000, 5_000]);

async function reportOf(title: string, sizes: readonly number[]): Promise<Report> {
  const costs: Cost[] = [];
  const problems: string[] = [];
  for (const pods of sizes) costs.push(await sweepOf(pods, problems));
  return {
    title,
    rows: costs.flatMap(({ pods, networks, ...cost }) => [
      [`${pods} pods in ${networks} networks`, ms(cost.ms)],
      ["  CPU", ms(cost.cpuMs), pods === 5_000 ? "3000 ms" : ""],
      ["  Redis commands", String(cost.commands), String(commandsFor(networks))],
      ["  API calls", String(cost.calls)],
      [
        `  memory at most${cost.isLimited ? `, of ${LIMIT_MIB} MiB` : ""}`,
        mib(cost.mibPeak),
        pods === 5_000 ? "180 MiB" : "",
      ],
    ]),
    figures: { sweeps: costs },
    problems,
  };
}

async function sweepOf(pods: number, problems: string[]): Promise<Cost> {
  const networks = Math.ceil(pods / PER_NETWORK);
  const { stage, close } = await startSettledStage(networks);
  try {
    const [measured] = stage.functions;
    const { redis } = stage;
    if (measured === undefined || redis === undefined) throw new Error("there is no function");
    const { pid } = measured.process;
    const isLimited = await limitMemory(pid, LIMIT_MIB - (await residentMib(pid)));
    // The first one loads what the function loads late, and tells Redis the scripts.
    await stage.ping();
    const memory = watchMemory(measured);
    const before = await memory.inUse();
    const [commands, calls] = [await redis.commandsProcessed(), stage.api.calls.length];
    const { ms: tookMs, result } = await timed(() => stage.ping());
    const after = await memory.inUse();
    memory.stop();
    if (result.status !== 204 || !result.outcome.includes("nothing was to be done")) {
      problems.push(`a sweep of ${pods} settled pods ended with ${result.status} ${result.outcome}`);
    }
    const sent = (await redis.commandsProcessed()) - commands;
    if (sent !== commandsFor(networks))
      problems.push(`a sweep of ${networks} networks sent ${sent} commands, not ${commandsFor(networks)}`);
    return {
      pods,
      networks,
      ms: round(tookMs),
      cpuMs: round(after.cpuMs - before.cpuMs),
      commands: sent,
      calls: stage.api.calls.length - calls,
      mibPeak: round(memory.peak(), 1),
      isLimited,
    };
  } finally {
    await close();
  }
}
