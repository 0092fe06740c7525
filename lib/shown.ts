const SHOWN_CHARACTERS = 80;

/** A value as a message shows that it was received: short, whatever it is. */
export function shown(value: unknown): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  const written = JSON.stringify(typeof value === "string" ? value.slice(0, SHOWN_CHARACTERS + 1) : value);
  return written.length > SHOWN_CHARACTERS ? `${written.slice(0, SHOWN_CHARACTERS)}…` : written;
}

/** Of many things that are wrong these are told; who has mended them may ask again. */
const FIRST = 20;

/** The first of many in words, and how many there are more. */
export function firstOf<Item>(all: readonly Item[], inWords: (item: Item) => string): readonly string[] {
  const first = all.slice(0, FIRST).map(inWords);
  return all.length > FIRST ? [...first, `and ${all.length - FIRST} more`] : first;
}
