import PQueue from "p-queue";

/** Lets the steps of one network in this process go one after the other; networks side by side. */
export interface Turns {
  /**
   * Runs `work` when those before it are done. Undefined: its turn did not come before `tooLate` settled, which is
   * called only where there is somebody to wait for.
   */
  take<Result>(
    network: string,
    tooLate: () => Promise<void>,
    work: () => Promise<Result>,
  ): Promise<Result | undefined>;
}

export function createTurns(): Turns {
  const queues = new Map<string, PQueue>();
  return {
    async take(network, tooLate, work) {
      const queue = queues.get(network) ?? new PQueue({ concurrency: 1 });
      queues.set(network, queue);
      const waiting = new AbortController();
      const busy = queue.pending > 0;
      let started = false;
      const turn = queue.add(
        () => {
          started = true;
          return work();
        },
        { signal: waiting.signal },
      );
      if (busy) {
        void tooLate().then(() => {
          if (!started) waiting.abort();
        });
      }
      try {
        return await turn;
      } catch (error) {
        if (!started) return undefined;
        throw error;
      } finally {
        if (queue.size === 0 && queue.pending === 0) queues.delete(network);
      }
    },
  };
}
