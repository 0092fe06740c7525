import type { Timers } from "../timers.ts";
import { failed, type Failure } from "./status.ts";

const ends = {
  CANCELLED: failed("CANCELLED", "context canceled"),
  DEADLINE_EXCEEDED: failed("DEADLINE_EXCEEDED", "context deadline exceeded"),
} as const;

/**
 * What a call runs under, as in Go: a deadline or none, and an end that may come early.
 * It stops nobody by itself; who makes an outgoing call under an ended context gets its failure.
 */
export class Context {
  /** Ms since 1970; undefined: none. */
  readonly deadline: number | undefined;
  #ended: Failure | undefined;
  #listeners: Set<(end: Failure) => void> | undefined;
  #stopTimer: (() => void) | undefined;

  constructor(deadline?: number) {
    this.deadline = deadline;
  }

  /** Ends by itself `ms` ms from now. */
  static within(timers: Timers, ms: number): Context {
    const ctx = new Context(timers.now() + ms);
    ctx.#stopTimer = timers.after(ms, () => {
      ctx.end("DEADLINE_EXCEEDED");
    });
    return ctx;
  }

  get ended(): Failure | undefined {
    return this.#ended;
  }

  end(how: keyof typeof ends): void {
    if (this.#ended) return;
    this.#ended = ends[how];
    this.release();
    const listeners = this.#listeners;
    this.#listeners = undefined;
    for (const listener of listeners ?? []) listener(this.#ended);
  }

  /** Calls back at the end, at once if that has been; the function returned takes it back. */
  onEnd(listener: (end: Failure) => void): () => void {
    if (this.#ended) {
      listener(this.#ended);
      return () => {};
    }
    const listeners = (this.#listeners ??= new Set());
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
    };
  }

  /** Lets go of the deadline's timer; for a call that is over. */
  release(): void {
    this.#stopTimer?.();
    this.#stopTimer = undefined;
  }
}
