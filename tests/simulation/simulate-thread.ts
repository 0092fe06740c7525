import { parentPort, workerData } from "node:worker_threads";
import { explore, type Exploration } from "./explore.ts";

await explore({
  ...(workerData as Omit<Exploration, "onFinding">),
  onFinding: (finding) => {
    parentPort?.postMessage(finding);
  },
});
