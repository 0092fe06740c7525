import { setTimeout as sleep } from "node:timers/promises";
import { end, type NetworkEnd, ping } from "./ending.ts";
import { Faults } from "./faults.ts";
import { Figures } from "./figures.ts";
import type { Lateness } from "./peers-calls.ts";
import { watchLateness } from "./lateness.ts";
import type { LogFile } from "./log-file.ts";
import { type PlannedFault, planFaults } from "./plan.ts";
import { resultOf, type Result } from "./result.ts";
import { openWorld, type Size, type World } from "./world.ts";

/** In a cluster a sweep runs every five minutes; ms. */
const SWEEP_EVERY_MS = 10_000;

export interface RunOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly size: Size & { readonly pods: number };
  readonly log: LogFile;
  /** Lines for people, while it runs. */
  readonly tell: (line: string) => void;
  readonly stop: AbortSignal;
}

/** One run from start to end. Undefined: it was stopped. */
export async function run(options: RunOptions): Promise<Result | undefined> {
  const { seconds, seed, size, log, stop } = options;
  const from = performance.now();
  const tell = (line: string): void => {
    const at = (performance.now() - from) / 1_000;
    log.write({ time: new Date().toISOString(), instance: "driver", msg: line });
    options.tell(`${at.toFixed(1).padStart(6)} s  ${line}`);
  };
  const lateness = watchLateness();
  const figures = new Figures();
  const problems: string[] = [];
  const world = await openWorld({
    ...size,
    seed,
    onLine: (instance, line) => {
      figures.take(line);
      log.write({ instance, ...line });
    },
    onCrash: (instance, stderr) => problems.push(`${instance} ended by itself: ${stderr.trim()}`),
  });
  const faults = new Faults(world, {
    tell,
    onError: (error) => problems.push(`the harness: ${textOf(error)}`),
  });
  try {
    const work = play(world, {
      plan: planFaults(seconds, seed),
      pods: size.pods,
      seconds,
      faults,
      tell,
      stop,
    });
    const ends = await unlessStopped(work, stop);
    if (ends === undefined) return undefined;
    for (const { network, proof } of ends)
      for (const entry of proof.excused)
        log.write({ instance: "driver", network, msg: `nobody could keep ${entry}` });
    const late = [lateness(), ...(await latenessOf(world))];
    const tookMs = Math.round(performance.now() - from);
    return resultOf({
      seed,
      seconds,
      tookMs,
      faults: faults.done,
      knocks: faults.knocks,
      steps: figures.of(world.api.events),
      ends,
      late,
      problems,
    });
  } finally {
    await world.close();
  }
}

interface Play {
  readonly plan: readonly PlannedFault[];
  readonly pods: number;
  readonly seconds: number;
  readonly faults: Faults;
  readonly tell: (line: string) => void;
  readonly stop: AbortSignal;
}

async function play(
  world: World,
  { plan, pods, seconds, faults, tell, stop }: Play,
): Promise<readonly NetworkEnd[]> {
  const { networks, kubelet, broker } = world;
  const starting = networks.flatMap((network) => Array.from({ length: pods }, () => kubelet.create(network)));
  const from = performance.now();
  const sweeping = setInterval(() => {
    // Taken by the Broker, which is always there.
    void ping(broker.url).then((answer) => answer.arrayBuffer());
  }, SWEEP_EVERY_MS);
  try {
    await Promise.all(starting);
    for (const fault of plan) {
      await sleep(Math.max(0, from + fault.at - performance.now()), undefined, { signal: stop });
      faults.begin(fault);
    }
    await sleep(Math.max(0, from + seconds * 1_000 - performance.now()), undefined, { signal: stop });
  } finally {
    clearInterval(sweeping);
  }
  tell("all faults end");
  await faults.heal();
  return end(world, tell);
}

/** Undefined: it was stopped, and what it was about to do fails now or never ends. */
const unlessStopped = async <Value>(work: Promise<Value>, stop: AbortSignal): Promise<Value | undefined> => {
  const stopped = new Promise<undefined>((resolve) => {
    stop.addEventListener("abort", () => {
      resolve(undefined);
    });
  });
  try {
    return await Promise.race([work, stopped]);
  } catch (error) {
    if (stop.aborted) return undefined;
    throw error;
  }
};

const latenessOf = ({ networks }: World): Promise<readonly Lateness[]> =>
  Promise.all(networks.map(({ peers }) => peers.ask("lateness")));

const textOf = (error: unknown): string =>
  error instanceof Error ? (error.stack ?? error.message) : String(error);
