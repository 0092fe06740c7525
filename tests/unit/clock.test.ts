import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { systemClock, within } from "../../lib/clock.ts";
import { createTurns } from "../../lib/keyed-queue.ts";
import { createMemoryBudget } from "../../lib/memory-budget.ts";

const LONG_MS = 60_000;

const timers = (): number => process.getActiveResourcesInfo().filter((what) => what === "Timeout").length;

describe("time that is not waited for to its end", () => {
  test("ends at once when it is stopped, before it began or after, and leaves no timer", async () => {
    const before = timers();
    const stopping = new AbortController();
    const sleeping = systemClock.sleep(LONG_MS, stopping.signal);
    assert.equal(timers(), before + 1);
    stopping.abort();
    await Promise.all([sleeping, systemClock.sleep(LONG_MS, stopping.signal)]);
    assert.equal(timers(), before);
  });

  test("leaves none either when what was waited for came, or failed", async () => {
    const before = timers();
    assert.equal(await within(systemClock, LONG_MS, Promise.resolve("came")), "came");
    await assert.rejects(within(systemClock, LONG_MS, Promise.reject(new Error("failed"))), /failed/u);
    assert.equal(await within(systemClock, 1, new Promise(() => {})), "late");
    assert.equal(timers(), before);
  });

  test("leaves none of a step that waited for its turn, nor of memory that was waited for", async () => {
    const before = timers();
    const turns = createTurns();
    const tooLate = (stop: AbortSignal): Promise<void> => systemClock.sleep(LONG_MS, stop);
    const step = (): Promise<string | undefined> =>
      turns.take("net-a", tooLate, () => Promise.resolve("done"));
    assert.deepEqual(await Promise.all([step(), step(), step()]), ["done", "done", "done"]);
    const budget = createMemoryBudget(1, systemClock);
    const giveBack = await budget.take(1, LONG_MS);
    const next = budget.take(1, LONG_MS);
    giveBack?.();
    assert.ok(await next);
    assert.equal(timers(), before);
  });
});
