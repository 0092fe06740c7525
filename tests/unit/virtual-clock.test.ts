import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { VirtualClock } from "../harness/virtual-clock.ts";

suite("a virtual clock", () => {
  test("runs what is due in the order of time, then of asking", async () => {
    const clock = new VirtualClock(0);
    const ran: string[] = [];
    for (const [ms, name] of [
      [5, "c"],
      [1, "a"],
      [5, "d"],
      [2, "b"],
      [9, "late"],
    ] as const) {
      clock.after(ms, () => ran.push(`${name}@${clock.now()}`));
    }
    await clock.advance(8);
    assert.deepEqual(ran, ["a@1", "b@2", "c@5", "d@5"]);
    assert.equal(clock.now(), 8);
  });

  test("lets every promise go on before time passes", async () => {
    const clock = new VirtualClock(0);
    const seen: number[] = [];
    const work = async (): Promise<void> => {
      await clock.sleep(10);
      for (let turn = 0; turn < 50; turn += 1) await Promise.resolve();
      seen.push(clock.now());
    };
    clock.after(10.5, () => seen.push(-1));
    await clock.run(work());
    assert.deepEqual(seen, [10]);
    await clock.advance(1);
    assert.deepEqual(seen, [10, -1]);
  });

  test("does not run what was taken back, nor jump to it", async () => {
    const clock = new VirtualClock(0);
    let ran = false;
    clock.after(3, () => (ran = true))();
    await clock.run(clock.sleep(7));
    assert.equal(ran, false);
    assert.equal(clock.now(), 7);
  });

  test("throws when the work is not done within its limit, or when an entry throws", async () => {
    const clock = new VirtualClock(0);
    await assert.rejects(clock.run(new Promise(() => {}), 50), /not done after 50 ms/);
    assert.equal(clock.now(), 50);
    clock.after(1, () => {
      throw new Error("broken entry");
    });
    await assert.rejects(clock.advance(5), /broken entry/);
    await assert.rejects(clock.run(Promise.reject(new Error("broken work"))), /broken work/);
  });
});
