import { setTimeout as sleep } from "node:timers/promises";

/** Reads again until it is so; what it is in the end where the time is over. */
export async function eventually<Value>(
  read: () => Promise<Value>,
  isIt: (value: Value) => boolean,
  ms = 60_000,
): Promise<Value> {
  const deadline = performance.now() + ms;
  for (;;) {
    const value = await read();
    if (isIt(value) || performance.now() > deadline) return value;
    await sleep(50);
  }
}
