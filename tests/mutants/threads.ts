import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Told, Work } from "./worker.ts";

/** A thread that is silent for so long is in an endless loop that nothing in it can end, ms. */
const SILENT_MS = 30_000;

/** A thread that has loaded the tests and seen them pass. Fails with the names of those that do not. */
async function start(work: Work): Promise<Worker> {
  const worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: work });
  const [told] = (await once(worker, "message")) as [Told];
  if (told.tag === "ready") return worker;
  await worker.terminate();
  throw new Error(
    `without any mutant these fail: ${told.tag === "failing" ? told.tests.join("; ") : told.tag}`,
  );
}

/** The test that fails with this mutant; undefined: none; `silent`: the thread cannot be used any more. */
async function ask(worker: Worker, mutant: string): Promise<string | undefined> {
  const signal = AbortSignal.timeout(SILENT_MS);
  worker.postMessage(mutant);
  const [told] = (await once(worker, "message", { signal })) as [Told];
  return told.tag === "tried" ? told.killedBy : undefined;
}

/** Tries each mutant, and says of each which test has failed, or `undefined` where none has. */
export async function tryAll(
  work: Work,
  mutants: readonly string[],
  threads: number,
): Promise<ReadonlyMap<string, string | undefined>> {
  const killers = new Map<string, string | undefined>();
  const left = [...mutants];
  const thread = async (): Promise<void> => {
    let worker = await start(work);
    for (let mutant = left.shift(); mutant !== undefined; mutant = left.shift()) {
      try {
        killers.set(mutant, await ask(worker, mutant));
      } catch {
        killers.set(mutant, "an endless loop");
        await worker.terminate();
        worker = await start(work);
      }
    }
    await worker.terminate();
  };
  await Promise.all(Array.from({ length: threads }, thread));
  return killers;
}
