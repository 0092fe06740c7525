import assert from "node:assert/strict";
import { test } from "node:test";
import { violationsOf } from "./invariants.ts";
import { run } from "./run.ts";
import type { Schedule } from "./schedule.ts";

/** More calls than three joins make. */
const CALLS = 40;

/** Three pods join one network, plainly or by re-forming; the one instance dies at its call number `calls`. */
const crashAt = (
  calls: number,
  when: "unsent" | "under-way" | "answered",
  joinMode: "auto" | "reform",
): Schedule => ({
  setting: {
    seed: 11,
    instances: 1,
    through: "broker",
    events: "resource",
    joinMode,
    pods: [3],
    gapMs: 50,
    storing: [],
  },
  commands: [{ kind: "fault", at: 0, instance: 0, calls, when, what: "crash", ms: 100 }],
});

for (const joinMode of ["auto", "reform"] as const) {
  for (const when of ["unsent", "under-way", "answered"] as const) {
    test(`a function killed at any call of a step, ${when}, with joins ${joinMode}, leaves what the next step puts right`, async () => {
      for (let calls = 0; calls < CALLS; calls += 1) {
        const violations = violationsOf(await run(crashAt(calls, when, joinMode)));
        assert.deepEqual(violations, [], `killed at call ${calls}`);
      }
    });
  }
}
