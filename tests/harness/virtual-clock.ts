import type { Timers } from "./timers.ts";

interface Entry {
  readonly at: number;
  /** Entries of one moment run in the order in which they were asked for. */
  readonly turn: number;
  run: (() => void) | undefined;
}

const isBefore = (a: Entry, b: Entry): boolean => a.at < b.at || (a.at === b.at && a.turn < b.turn);

/** Real timers, such as a test's own timeout, get their turn once in so many entries. */
const entriesPerBreath = 2_000;

/**
 * Time that passes only when told to, and then in jumps from one thing that is due to the next. Before each jump every
 * promise that can go on has gone on, so what happens, and in which order, follows from the calls alone.
 */
export class VirtualClock implements Timers {
  #now: number;
  #turn = 0;
  readonly #heap: Entry[] = [];

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve);
    });
  }

  after(ms: number, run: () => void): () => void {
    const entry: Entry = { at: this.#now + Math.max(0, ms), turn: (this.#turn += 1), run };
    this.#push(entry);
    return () => {
      entry.run = undefined;
    };
  }

  /** Lets `ms` ms pass. */
  advance(ms: number): Promise<void> {
    return this.#pass(this.#now + ms, () => false);
  }

  /** Lets time pass until `work` is done, at most `limitMs` ms; after that, or with nothing left to wait for, it throws. */
  async run<T>(work: Promise<T>, limitMs = 600_000): Promise<T> {
    let settled = false;
    const settle = (): void => {
      settled = true;
    };
    work.then(settle, settle);
    await this.#pass(this.#now + limitMs, () => settled);
    if (!settled) throw new Error(`not done after ${limitMs} ms of virtual time`);
    return work;
  }

  #pass(until: number, isDone: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = entriesPerBreath;
      const step = (): void => {
        try {
          if (isDone()) {
            resolve();
            return;
          }
          const entry = this.#take(until);
          if (!entry) {
            this.#now = until;
            resolve();
            return;
          }
          this.#now = entry.at;
          entry.run?.();
        } catch (error) {
          reject(error);
          return;
        }
        left -= 1;
        // A tick asked for in a microtask comes after all microtasks, also those that microtasks queue; one asked for
        // in a tick would come before them.
        if (left > 0) {
          queueMicrotask(() => {
            process.nextTick(step);
          });
        } else {
          left = entriesPerBreath;
          setImmediate(step);
        }
      };
      setImmediate(step);
    });
  }

  #take(until: number): Entry | undefined {
    for (;;) {
      const [first] = this.#heap;
      if (!first || (first.run && first.at > until)) return undefined;
      this.#pop();
      if (first.run) return first;
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.push(entry) - 1;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = heap[above];
      if (!parent || !isBefore(entry, parent)) break;
      heap[index] = parent;
      index = above;
    }
    heap[index] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let below = 2 * index + 1;
      const [left, right] = [heap[below], heap[below + 1]];
      if (!left) break;
      let child = left;
      if (right && isBefore(right, left)) {
        child = right;
        below += 1;
      }
      if (!isBefore(child, last)) break;
      heap[index] = child;
      index = below;
    }
    heap[index] = last;
  }
}
