/** The end of one question, however many calls it takes. */
export interface Deadline {
  /** Milliseconds that are left; never negative. */
  left(): number;
}

export function deadlineIn(ms: number): Deadline {
  const end = performance.now() + ms;
  return { left: () => Math.max(0, end - performance.now()) };
}
