import { test } from "node:test";
import assert from "node:assert/strict";
import { violationsOf } from "./invariants.ts";
import { run } from "./run.ts";
import type { Command, Setting } from "./schedule.ts";

/** A peer that goes from one network to another is touched by both, and a lease guards one network. */
const setting: Setting = {
  seed: 1,
  instances: 2,
  through: "broker",
  events: "resource",
  joinMode: "auto",
  pods: [1, 3],
  gapMs: 50,
  storing: [
    { network: 0, everyMs: 50 },
    { network: 1, everyMs: 50 },
  ],
};

const survives = async (commands: readonly Command[], changes: Partial<Setting> = {}): Promise<void> => {
  for (let seed = 1; seed <= 4; seed += 1) {
    const violations = violationsOf(await run({ setting: { ...setting, ...changes, seed }, commands }));
    assert.deepEqual(violations, [], `seed ${seed}`);
  }
};

/** The only member of the first network, and one of the second, as they came to be numbered. */
const swap: readonly Command[] = [
  { kind: "relabel", at: 3_000, pod: 1, network: 0 },
  { kind: "relabel", at: 3_008, pod: 0, network: 1 },
];

test("a network's last member goes where a peer comes from: that peer is moved by one step at a time", () =>
  survives(swap));

test("the last members of two networks change places: each comes in, and nothing is lost", () =>
  survives(swap, { pods: [1, 1] }));
