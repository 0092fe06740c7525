/**
 * Calls that are long and the same for all who make them, one at a time for each key. Whoever calls while one is under way
 * gets the end of the next one, with all others who call until that begins: what comes of it is never older than the call.
 */
export function sharedCalls<Result>(
  work: (key: string) => Promise<Result>,
): (key: string) => Promise<Result> {
  const underWay = new Map<string, Promise<unknown>>();
  const waitedFor = new Map<string, Promise<Result>>();
  const begin = (key: string): Promise<Result> => {
    waitedFor.delete(key);
    const begun = work(key).finally(() => {
      underWay.delete(key);
    });
    underWay.set(key, begun);
    return begun;
  };
  return (key) => {
    const waiting = waitedFor.get(key);
    if (waiting !== undefined) return waiting;
    const before = underWay.get(key);
    if (before === undefined) return begin(key);
    const next = before.then(
      () => begin(key),
      () => begin(key),
    );
    waitedFor.set(key, next);
    return next;
  };
}
