/** Histories of a network, merged into one. Entries are newest first everywhere, as a Query streams them. */

const keyOf = (entry: Uint8Array): string =>
  Buffer.from(entry.buffer, entry.byteOffset, entry.byteLength).toString("latin1");

/**
 * The longest history, then what only others hold: an entry that another one holds more often is added as often as
 * it is missing. Nothing that any of them holds is lost, and the same entry is kept in memory once.
 */
export function mergeHistories(histories: readonly (readonly Uint8Array[])[]): readonly Uint8Array[] {
  const [longest = [], ...others] = [...histories].sort((a, b) => b.length - a.length);
  const held = new Map<string, number>();
  for (const entry of longest) count(held, keyOf(entry));
  const added: Uint8Array[] = [];
  for (const history of others) {
    const extra = extraOf(history, held);
    for (const entry of extra) count(held, keyOf(entry));
    added.unshift(...extra);
  }
  return added.length === 0 ? longest : [...added, ...longest];
}

/** Entries of a history that are not among those held; the oldest occurrences count as held. */
function extraOf(history: readonly Uint8Array[], held: ReadonlyMap<string, number>): readonly Uint8Array[] {
  const left = new Map<string, number>();
  return history
    .toReversed()
    .filter((entry) => {
      const key = keyOf(entry);
      const remaining = left.get(key) ?? held.get(key) ?? 0;
      left.set(key, remaining - 1);
      return remaining <= 0;
    })
    .toReversed();
}

const count = (counts: Map<string, number>, key: string): void => {
  counts.set(key, (counts.get(key) ?? 0) + 1);
};
