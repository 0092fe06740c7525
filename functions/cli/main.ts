import { basename } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { nodeProblem } from "../node-version.ts";
import { EXIT } from "./answer.ts";
import { runCli } from "./run.ts";

// Whoever reads has seen enough, as in `klight networks | head`.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  process.exit();
});

const oldNode = nodeProblem(process.versions.node);
if (oldNode !== undefined) {
  process.stderr.write(`klight: ${oldNode}\n`);
  process.exit(EXIT.unknown);
}

const stop = new AbortController();
process.once("SIGINT", () => {
  stop.abort();
});

const calledAs = basename(process.argv[1] ?? "");
const args = process.argv.slice(2);
// kubectl asks a plugin's own program what may come next.
const isCompleting = calledAs.startsWith("kubectl_complete-");

process.exitCode = await runCli(
  isCompleting ? ["__complete", ...args] : args,
  {
    out: (text) => {
      process.stdout.write(text);
    },
    err: (text) => {
      process.stderr.write(text);
    },
  },
  {
    name: calledAs.startsWith("kubectl-") ? "kubectl klight" : "klight",
    version: packageJson.version,
    signal: stop.signal,
  },
);
