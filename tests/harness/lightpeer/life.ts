/** One process, as the operating system sees it: it runs, is stopped, or is dead. */
export class Life {
  #status: "running" | "hung" | "dead" = "running";
  #waiting: (() => void)[] = [];
  readonly #mourners = new Set<() => void>();

  get status(): "running" | "hung" | "dead" {
    return this.#status;
  }

  kill(): void {
    if (this.#status === "dead") return;
    this.#status = "dead";
    this.#waiting = [];
    const mourners = [...this.#mourners];
    this.#mourners.clear();
    for (const mourn of mourners) mourn();
  }

  hang(): void {
    if (this.#status === "running") this.#status = "hung";
  }

  wake(): void {
    if (this.#status !== "hung") return;
    this.#status = "running";
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const go of waiting) this.whenRunning(go);
  }

  /** Runs `go` now, or when the process wakes up, in the order asked; never in a dead process. */
  whenRunning(go: () => void): void {
    if (this.#status === "running") go();
    else if (this.#status === "hung") this.#waiting.push(go);
  }

  /** Calls back when the process dies, at once if it is dead; the function returned takes that back. */
  onDeath(mourn: () => void): () => void {
    if (this.#status === "dead") {
      mourn();
      return () => {};
    }
    this.#mourners.add(mourn);
    return () => {
      this.#mourners.delete(mourn);
    };
  }

  /**
   * What a process must wrap around everything it waits for: a stopped process does not go on before it wakes up,
   * a dead one never.
   */
  async gate<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } finally {
      while (this.#status !== "running") {
        await new Promise<void>((resolve) => {
          this.whenRunning(resolve);
        });
      }
    }
  }
}
