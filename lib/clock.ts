/** Time, as a port: so that a whole world can be simulated in virtual time. */
export interface Clock {
  /** Milliseconds since 1970-01-01T00:00Z. Never goes back while the process lives. */
  now(): number;
  sleep(ms: number): Promise<void>;
}

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  sleep: (ms) =>
    new Promise((resolve) => {
      setTimeout(resolve, ms);
    }),
};
