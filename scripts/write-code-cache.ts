import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { type Chunk, createLoader, writeCache } from "../functions/load.ts";
import type { Main } from "../functions/main.ts";
import { readOptions } from "./options.ts";
import { startStandIns } from "./stand-ins.ts";

readOptions(
  "node scripts/write-code-cache.ts\n\nWrites beside the chunks in dist/late/ what V8 compiles of them when pods are joined.",
  {},
);

const folder = fileURLToPath(new URL("../dist/late/", import.meta.url));
const chunks: Chunk[] = [];

// V8 would forget what ran only once; and what it writes is good under the same flags only, so this is undone.
setFlagsFromString("--no-flush-bytecode");
const load = createLoader(folder, (chunk) => chunks.push(chunk));
const standIns = await startStandIns();
Object.assign(process.env, standIns.env);
const { main } = load("main.js") as Main;
await main();
await standIns.send("founded", "joined");
// What is loaded with other settings is compiled as far as loading it does.
for (const name of readdirSync(folder)) if (name.endsWith(".js")) load(name);
setFlagsFromString("--flush-bytecode");
for (const chunk of chunks) writeCache(chunk);
process.exit(0);
