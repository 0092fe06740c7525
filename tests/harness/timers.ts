import { systemClock, type Clock } from "../../lib/clock.ts";

/** A clock that can also call back, and be told not to. */
export interface Timers extends Clock {
  /** Runs `run` in `ms` ms; the function returned takes that back. */
  after(ms: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  now: () => systemClock.now(),
  sleep: (ms) => systemClock.sleep(ms),
  after: (ms, run) => {
    const timer = setTimeout(run, Math.max(0, ms));
    return () => {
      clearTimeout(timer);
    };
  },
};
