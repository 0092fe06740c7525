import PQueue from "p-queue";

/** Lets the steps of one network in this process go one after the other; networks side by side. */
export interface Turns {
  /**
   * Runs `work` when those before it are done. Undefined: its turn did not come before `tooLate` settled, which is
   * called only where there is somebody to wait for, and stopped when its turn is over.
   */
  take<Result>(
    network: string,
    tooLate: (stop: AbortSignal) => Promise<void>,
    work: () => Promise<Result>,
  ): Promise<Result | undefined>;
  /** No step is under way or waiting. */
  idle(): boolean;
}

export function createTurns(): Turns {
  const queues = new Map<string, PQueue>();
  return {
    idle: () => queues.size === 0,
    async take(network, tooLate, work) {
      const queue = queues.get(network) ?? new PQueue({ concurrency: 1 });
      queues.set(network, queue);
      const waiting = new AbortController();
      const over = new AbortController();
      const busy = queue.pending > 0;
      let started = false as boolean;
      const turn = queue.add(
        () => {
          started = true;
          return work();
        },
        { signal: waiting.signal },
      );
      if (busy) {
        const giveUp = async (): Promise<void> => {
          await tooLate(over.signal);
          // An abort would reject a turn under way as well, and leave its work running unseen.
          if (!started) waiting.abort();
        };
        void giveUp();
      }
      try {
        return await turn;
      } catch (error) {
        if (!started) return undefined;
        throw error;
      } finally {
        over.abort();
        if (queue.size === 0 && queue.pending === 0) queues.delete(network);
      }
    },
  };
}
