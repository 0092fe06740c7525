import { createLoader } from "./load.ts";
import type { Main } from "./main.ts";

const load = createLoader(new URL("late/", import.meta.url).pathname);
const { main } = load("main.js") as Main;
await main();
