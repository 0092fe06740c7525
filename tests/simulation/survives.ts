import assert from "node:assert/strict";
import { violationsOf } from "./invariants.ts";
import { run } from "./run.ts";
import type { Command, Setting } from "./schedule.ts";

/** Plays these commands in this world with each of the seeds; fails where an invariant does not hold. */
export type Survives = (commands: readonly Command[], changes?: Partial<Setting>) => Promise<void>;

export const survivesIn =
  (setting: Omit<Setting, "seed">, seeds: readonly number[]): Survives =>
  async (commands, changes = {}) => {
    for (const seed of seeds) {
      const violations = violationsOf(await run({ setting: { ...setting, ...changes, seed }, commands }));
      assert.deepEqual(violations, [], `seed ${seed}`);
    }
  };
