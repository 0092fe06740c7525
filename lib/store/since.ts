/** For how many ms each name has been known. */
export const agesOf = (sinceMs: ReadonlyMap<string, number>, now: number): Record<string, number> =>
  Object.fromEntries([...sinceMs].map(([name, since]) => [name, Math.max(0, Math.floor(now - since))]));

/** These names and no others; those known before keep their time. */
export const remembered = (
  names: readonly string[],
  sinceMs: ReadonlyMap<string, number>,
  now: number,
): ReadonlyMap<string, number> => new Map(names.map((name) => [name, sinceMs.get(name) ?? now]));
