import type { Clock } from "../clock.ts";

/** How a list was worked through. */
export interface Worked<Item> {
  /** Those that took longer than their share. What they do goes on. */
  readonly slow: readonly Item[];
  /** Those that were not begun, in their order. */
  readonly left: readonly Item[];
}

export interface Lanes<Item> {
  readonly items: readonly Item[];
  /** How many are worked on at once. */
  readonly atOnce: number;
  /** How long one may take, in ms, before the next one takes its lane. */
  readonly shareMs: number;
  /** When nothing more is begun or waited for, in ms of the clock. */
  readonly until: number;
  /** Begins nothing more once `inTime` says no. */
  readonly work: (item: Item, inTime: () => boolean) => Promise<void>;
  /** What a slow one has rejected with when nobody waited any more. */
  readonly onLateError: (error: unknown) => void;
}

/** How often it is looked who has had its share, in ms. */
const LOOK_MS = 250;

/** Works through a list, some at a time, each with its share of time: a slow one costs itself and not those behind it. */
export async function sideBySide<Item>(clock: Clock, lanes: Lanes<Item>): Promise<Worked<Item>> {
  const { items, atOnce, shareMs, until, work, onLateError } = lanes;
  const slow: Item[] = [];
  const waitedFor = new Set<{ readonly end: number; readonly giveUp: () => void }>();
  let begun = 0;

  const lane = async (): Promise<void> => {
    for (let item = items[begun]; begun < items.length && clock.now() < until; item = items[begun]) {
      begun += 1;
      if (item !== undefined) await workOn(item);
    }
  };

  const workOn = async (item: Item): Promise<void> => {
    const end = Math.min(until, clock.now() + shareMs);
    const { promise: tooLong, resolve } = Promise.withResolvers<"slow">();
    const wait = { end, giveUp: () => resolve("slow") };
    waitedFor.add(wait);
    const working = work(item, () => clock.now() < end);
    const how = await Promise.race([working, tooLong]);
    waitedFor.delete(wait);
    if (how !== "slow") return;
    slow.push(item);
    working.catch(onLateError);
  };

  const over = new AbortController();
  const watch = async (): Promise<void> => {
    while (!over.signal.aborted) {
      await clock.sleep(LOOK_MS, over.signal);
      for (const { end, giveUp } of waitedFor) if (clock.now() >= end) giveUp();
    }
  };
  watch().catch(onLateError);
  try {
    await Promise.all(Array.from({ length: atOnce }, lane));
  } finally {
    over.abort();
  }
  return { slow, left: items.slice(begun) };
}
