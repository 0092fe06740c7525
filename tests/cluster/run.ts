import { spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { buildBinaries, missingParts } from "./binaries.ts";
import { startControlPlane } from "./control-plane.ts";

/**
 * Starts etcd and kube-apiserver, runs the tests of this folder against them, and stops them. Words after the command
 * go to `node --test`; files among them are run instead of all.
 */
if (process.argv.includes("--help")) {
  console.log(`npm run test:cluster -- [FILE...] [OPTION OF node --test...]

Runs the tests of this folder, or these files, against etcd and kube-apiserver.`);
  process.exit(0);
}

const missing = missingParts();
if (missing.length > 0) {
  console.log(`the tests on a real API server are not run, missing here: ${missing.join("; ")}`);
  // Where everything has to be there, nothing is left out unseen.
  process.exit(process.env["CI"] === undefined ? 0 : 1);
}

const binaries = buildBinaries();
const { stop, ...plane } = await startControlPlane(binaries);
const given = process.argv.slice(2);
const files = given.some((word) => word.endsWith(".ts")) ? [] : globSync(`${import.meta.dirname}/*.test.ts`);
const tests = spawn(
  process.execPath,
  ["--test", "--test-timeout=300000", "--test-concurrency=2", ...given, ...files],
  {
    env: { ...process.env, TEST_CLUSTER: JSON.stringify({ ...plane, binaries }) },
    stdio: "inherit",
  },
);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => tests.kill(signal));
const [code] = (await once(tests, "exit")) as [number | null];
await stop();
process.exit(code ?? 1);
