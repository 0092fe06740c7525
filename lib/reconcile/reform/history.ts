import { hash } from "node:crypto";
import { costOf } from "../../peers/lightpeer.ts";

/** Stored payloads, newest first, as a Query streams them. Equal ones are the same object: {@link Entries.keep}. */
export type History = readonly Uint8Array[];

/** The entries of a network while it is re-formed: each is in memory once, however many peers hold it. */
export class Entries {
  readonly #known = new Map<string, Uint8Array>();
  #bytes = 0;

  /** What it costs to hold all of them. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The entry with these bytes. */
  keep(payload: Uint8Array): Uint8Array {
    const digest = hash("sha256", payload, "binary");
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    this.#known.set(digest, payload);
    this.#bytes += costOf(payload);
    return payload;
  }
}

/**
 * The longest history, then what only others hold: an entry that another one holds more often is added as often as
 * it is missing. Nothing that any of them holds is lost.
 */
export function mergeHistories(histories: readonly History[]): History {
  const [longest = [], ...others] = [...histories].sort((a, b) => b.length - a.length);
  const held = new Map<Uint8Array, number>();
  for (const entry of longest) countEntry(held, entry);
  const added: Uint8Array[] = [];
  for (const history of others) {
    const extra = extraOf(history, held);
    for (const entry of extra) countEntry(held, entry);
    added.unshift(...extra);
  }
  return added.length === 0 ? longest : [...added, ...longest];
}

/** Entries of a history that are not among those held; the oldest occurrences count as held. */
function extraOf(history: History, held: ReadonlyMap<Uint8Array, number>): History {
  const left = new Map<Uint8Array, number>();
  return history
    .toReversed()
    .filter((entry) => {
      const remaining = left.get(entry) ?? held.get(entry) ?? 0;
      left.set(entry, remaining - 1);
      return remaining <= 0;
    })
    .toReversed();
}

const countEntry = (counts: Map<Uint8Array, number>, entry: Uint8Array): void => {
  counts.set(entry, (counts.get(entry) ?? 0) + 1);
};
