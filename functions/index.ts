import { fileURLToPath } from "node:url";
import { createLoader } from "./load.ts";
import type { Main } from "./main.ts";

const load = createLoader(fileURLToPath(new URL("late/", import.meta.url)));
const { main } = load("main.js") as Main;
await main();
