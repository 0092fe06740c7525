import { seededRandom } from "../harness/random.ts";

/** Random numbers that a seed repeats. Every user has a stream of its own, so that one more call here moves nobody there. */
export class Random {
  readonly #seed: number;
  readonly next: () => number;

  constructor(seed: number) {
    this.#seed = seed >>> 0;
    this.next = seededRandom(this.#seed);
  }

  /** A stream that depends on this one's seed and the name alone. */
  fork(name: string): Random {
    let hash = this.#seed ^ 0x811c9dc5;
    for (let index = 0; index < name.length; index += 1) {
      hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193);
    }
    return new Random(hash ^ (hash >>> 15));
  }

  between(min: number, max: number): number {
    return min + (max - min) * this.next();
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }
}
