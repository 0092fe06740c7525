/** Loaded into the measured function: on SIGUSR2 it collects its garbage and logs what is still in use. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

process.on("SIGUSR2", () => {
  collect();
  // What only ends in a later turn of the event loop keeps its memory until then.
  setTimeout(() => {
    collect();
    const { user, system } = process.cpuUsage();
    const bytes = process.memoryUsage().heapUsed;
    console.log(JSON.stringify({ msg: "heap in use", bytes, cpuMs: (user + system) / 1_000 }));
  }, 100);
});
