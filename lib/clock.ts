/** Time, as a port: so that a whole world can be simulated in virtual time. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z. Never goes back while the process lives. */
  now(): number;
  /** Ends after `ms`, or as soon as `stop` is aborted. Whoever does not wait to the end aborts it: a timer keeps what it is for. */
  sleep(ms: number, stop?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: (ms, stop) =>
    new Promise((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        stop?.removeEventListener("abort", end);
        resolve();
      };
      const timer = setTimeout(end, ms);
      if (stop?.aborted) end();
      else stop?.addEventListener("abort", end);
    }),
};

/** What comes first: what is waited for, or the end of `ms`. Nothing of the time is left then. */
export async function within<Value>(
  clock: Pick<Clock, "sleep">,
  ms: number,
  waited: Promise<Value>,
): Promise<Value | "late"> {
  const over = new AbortController();
  try {
    return await Promise.race([waited, clock.sleep(ms, over.signal).then(() => "late" as const)]);
  } finally {
    over.abort();
  }
}
