import { type Clock, within } from "./clock.ts";

/** Memory that a process has for something large, shared in turn. */
export interface MemoryBudget {
  /**
   * Waits for its turn until `bytes` are free, or all of it where it is more than there is. What is returned gives them
   * back; undefined: they were not free within `waitMs`.
   */
  take(bytes: number, waitMs: number): Promise<(() => void) | undefined>;
}

interface Waiting {
  readonly bytes: number;
  readonly turn: PromiseWithResolvers<void>;
}

/** Whoever waits longest is next, also where one behind it would fit: large ones come in, too. */
export function createMemoryBudget(size: number, clock: Pick<Clock, "sleep">): MemoryBudget {
  let free = size;
  const waiting: Waiting[] = [];
  const serve = (): void => {
    for (let [next] = waiting; next !== undefined && next.bytes <= free; [next] = waiting) {
      waiting.shift();
      free -= next.bytes;
      next.turn.resolve();
    }
  };
  return {
    async take(wanted, waitMs) {
      const bytes = Math.min(wanted, size);
      const mine: Waiting = { bytes, turn: Promise.withResolvers<void>() };
      waiting.push(mine);
      serve();
      if (waiting.includes(mine)) await within(clock, waitMs, mine.turn.promise);
      const at = waiting.indexOf(mine);
      if (at >= 0) {
        waiting.splice(at, 1);
        serve();
        return undefined;
      }
      let given = false;
      return () => {
        if (given) return;
        given = true;
        free += bytes;
        serve();
      };
    },
  };
}
