import fc from "fast-check";
import type { Tamper } from "./function-service.ts";
import { type Violation, violationsOf } from "./invariants.ts";
import { run } from "./run.ts";
import { type Schedule, schedules } from "./schedule.ts";

/** A schedule that ended with a violation, as small as it could be made. */
export interface Finding {
  /** `SEED:PATH`, which finds the schedule again. */
  readonly replay: string;
  readonly schedule: Schedule;
  readonly violations: readonly Violation[];
}

/** Schedules that are drawn from one seed of fast-check's. */
const CHUNK = 100;

/** How long one finding may be made smaller, in ms of real time. */
const SHRINK_MS = 20_000;

const chunkSeed = (seed: number, chunk: number): number =>
  (Math.imul(seed, 0x9e3779b1) + chunk) & 0x7fff_ffff;

export interface Exploration {
  readonly seed: number;
  readonly runs: number;
  /** Every `of`-th chunk, from the `part`-th on: for several threads. */
  readonly part?: number;
  readonly of?: number;
  readonly tamper?: Tamper;
  /** Ends with the first finding. */
  readonly untilFound?: boolean;
  /** Findings that are made smaller; the others are told as they were drawn. */
  readonly shrinks?: number;
  readonly onFinding: (finding: Finding) => void;
}

/** Runs schedules drawn from a seed; tells how many. */
export async function explore(exploration: Exploration): Promise<number> {
  const { seed, runs, part = 0, of = 1, tamper, untilFound = false, shrinks = 0, onFinding } = exploration;
  let done = 0;
  let found = 0;
  for (let chunk = part; chunk * CHUNK < runs; chunk += of) {
    const from = chunkSeed(seed, chunk);
    const numRuns = Math.min(CHUNK, runs - chunk * CHUNK);
    for (const [index, schedule] of fc.sample(schedules, { seed: from, numRuns }).entries()) {
      const violations = violationsOf(await run(schedule, tamper));
      done += 1;
      if (violations.length === 0) continue;
      found += 1;
      const finding = { replay: `${from}:${index}`, schedule, violations };
      onFinding(found <= shrinks ? await smaller(finding, tamper) : finding);
      if (untilFound) return done;
    }
  }
  return done;
}

/** The schedule behind `SEED:PATH`. */
export async function replayed(replay: string): Promise<Schedule> {
  const [seed, ...path] = replay.split(":");
  let schedule: Schedule | undefined;
  const property = fc.asyncProperty(schedules, async (drawn) => {
    schedule ??= drawn;
    return false;
  });
  await fc.check(property, { seed: Number(seed), path: path.join(":"), numRuns: 1, endOnFailure: true });
  if (schedule === undefined) throw new Error(`${replay} is no replay`);
  return schedule;
}

/** The same violation with as few commands as possible. */
async function smaller(finding: Finding, tamper?: Tamper): Promise<Finding> {
  const { replay, violations } = finding;
  const [seed, path = ""] = replay.split(":");
  const invariant = violations[0]?.invariant;
  const property = fc.asyncProperty(schedules, async (schedule) => {
    const seen = violationsOf(await run(schedule, tamper));
    return seen.every((violation) => violation.invariant !== invariant);
  });
  const end = await fc.check(property, {
    seed: Number(seed),
    path,
    numRuns: 1,
    interruptAfterTimeLimit: SHRINK_MS,
  });
  if (!end.failed || end.counterexample === null) return finding;
  const [schedule] = end.counterexample;
  return {
    replay: `${seed}:${end.counterexamplePath}`,
    schedule,
    violations: violationsOf(await run(schedule, tamper)),
  };
}
