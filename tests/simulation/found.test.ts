import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { violationsOf } from "./invariants.ts";
import { run } from "./run.ts";
import { describe, type Schedule } from "./schedule.ts";

/** Schedules that klight did not survive once. As they are, for a replay changes with what can be drawn. */
const found = JSON.parse(readFileSync(new URL("found.json", import.meta.url), "utf8")) as readonly {
  readonly name: string;
  readonly schedule: Schedule;
}[];

for (const { name, schedule } of found) {
  test(`networks stay whole where ${name}`, async () => {
    assert.deepEqual(violationsOf(await run(schedule)), [], describe(schedule));
  });
}
