import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sideBySide, type Worked } from "../../../lib/reconcile/side-by-side.ts";
import { VirtualClock } from "../../harness/virtual-clock.ts";

const SECOND = 1_000;

interface Ran extends Worked<string> {
  readonly ms: number;
  readonly begun: readonly string[];
  readonly ended: readonly string[];
}

/** Works through these, two at once, each with 10 s of 60 s; `takes`: how long each takes, ms. */
async function run(items: readonly string[], takes: (item: string) => number): Promise<Ran> {
  const clock = new VirtualClock();
  const from = clock.now();
  const [begun, ended]: string[][] = [[], []];
  const worked = await clock.run(
    sideBySide(clock, {
      items,
      atOnce: 2,
      shareMs: 10 * SECOND,
      until: from + 60 * SECOND,
      work: async (item) => {
        begun?.push(item);
        await clock.sleep(takes(item));
        ended?.push(item);
      },
      onLateError: (error) => assert.fail(String(error)),
    }),
  );
  return { ...worked, ms: clock.now() - from, begun: begun ?? [], ended: ended ?? [] };
}

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `${index}`);

describe("work side by side", () => {
  test("comes to everything, in order, where nothing is slow", async () => {
    const { slow, left, begun, ended } = await run(numbered(7), () => SECOND);
    assert.deepEqual([slow, left, begun, ended], [[], [], numbered(7), numbered(7)]);
  });

  test("leaves who takes longer than its share to itself, and goes on with the next", async () => {
    const { slow, ended, ms } = await run(numbered(4), (item) => (item < "2" ? 1_000 * SECOND : SECOND));
    assert.deepEqual(
      [slow, ended],
      [
        ["0", "1"],
        ["2", "3"],
      ],
    );
    assert.ok(ms <= 12 * SECOND, `${ms} ms`);
  });

  test("ends in its time, and says what it did not come to", async () => {
    const { slow, left, ms } = await run(numbered(20), () => 1_000 * SECOND);
    assert.ok(ms <= 60 * SECOND + 250, `${ms} ms`);
    assert.equal(slow.length, 12);
    assert.deepEqual(left, numbered(20).slice(12));
  });

  test("begins nothing for one that has had its share", async () => {
    const clock = new VirtualClock();
    const asked: boolean[] = [];
    await clock.run(
      sideBySide(clock, {
        items: ["a"],
        atOnce: 8,
        shareMs: SECOND,
        until: clock.now() + 60 * SECOND,
        work: async (_item, inTime) => {
          asked.push(inTime());
          await clock.sleep(2 * SECOND);
          asked.push(inTime());
        },
        onLateError: () => {},
      }),
    );
    await clock.advance(5 * SECOND);
    assert.deepEqual(asked, [true, false]);
  });

  test("tells what a slow one ends with when nobody waits any more, and what another one does at once", async () => {
    const clock = new VirtualClock();
    const late: unknown[] = [];
    const work = async (ms: number): Promise<void> => {
      await clock.sleep(ms);
      throw new Error(`after ${ms}`);
    };
    const lanes = { atOnce: 1, shareMs: SECOND, until: clock.now() + 60 * SECOND, work };
    const onLateError = (error: unknown): void => void late.push(String(error));
    await clock.run(sideBySide(clock, { ...lanes, items: [5 * SECOND], onLateError }));
    await clock.advance(10 * SECOND);
    assert.deepEqual(late, ["Error: after 5000"]);
    await assert.rejects(clock.run(sideBySide(clock, { ...lanes, items: [10], onLateError })), /after 10/);
  });
});

test("nobody looks who is slow once all is done, and a share is over at its last moment", async () => {
  const clock = new VirtualClock();
  const from = clock.now();
  const begun: number[] = [];
  let looks = 0;
  const counting = {
    now: () => clock.now(),
    sleep: (ms: number) => {
      looks += 1;
      return clock.sleep(ms);
    },
  };
  const work = (): Promise<void> => {
    begun.push(clock.now() - from);
    return begun.length === 1 ? new Promise(() => {}) : Promise.resolve();
  };
  const lanes = { items: ["slow", "next"], atOnce: 1, shareMs: SECOND, until: from + 60 * SECOND };
  await clock.run(sideBySide(counting, { ...lanes, work, onLateError: () => {} }));
  assert.deepEqual(begun, [0, SECOND]);
  const before = looks;
  await clock.advance(5 * SECOND);
  assert.ok(looks <= before + 1, `${looks - before} looks`);
});
