import type { Block, SeedUse } from "../lightpeer.ts";

/** Blocks on top of a visited one that are remembered: an application stores some while the visit lasts. */
const REMEMBERED = 10_000;

/**
 * Which new blocks pass at klight's seed. Peers that are being re-formed have the seed on top of their lists and must
 * not store, so what they tell of is refused. A network that is visited has the seed at the end of its list, and a
 * refusal there would fork it. One process may do both at once, and a block tells nothing but its parent: what stands
 * on the newest block of a visited network passes.
 */
export class BlockFilter {
  readonly #open = { reform: 0, visit: 0, question: 0 };
  /** Visits that do not know yet what they found. */
  #untold = 0;
  #waiting: (() => void)[] = [];
  /** Ids of blocks on whose top others pass. */
  readonly #passing = new Set<string>();

  /** A seed is opened for this use; the first function tells of a visited network, the second closes. */
  enter(use: SeedUse): { readonly allow: (head: Block) => void; readonly leave: () => void } {
    this.#open[use] += 1;
    let untold = use === "visit";
    if (untold) this.#untold += 1;
    const tell = (): void => {
      if (untold) this.#untold -= 1;
      untold = false;
      if (this.#untold > 0) return;
      for (const goOn of this.#waiting.splice(0)) goOn();
    };
    return {
      allow: ({ id }) => {
        this.#passing.add(id);
        tell();
      },
      leave: () => {
        this.#open[use] -= 1;
        if (this.#open.visit === 0) this.#passing.clear();
        tell();
      },
    };
  }

  /** Waits while a visit does not know yet what it found, which is bounded by its call. */
  async passes({ id, prevId }: Pick<Block, "id" | "prevId">): Promise<boolean> {
    for (;;) {
      if (this.#open.reform === 0) return true;
      if (this.#passing.has(prevId)) break;
      if (this.#untold === 0) return false;
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    if (this.#passing.size < REMEMBERED) this.#passing.add(id);
    return true;
  }
}
