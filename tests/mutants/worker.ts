import { registerHooks } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { type KeptTest, takeTests } from "./node-test.ts";

/** What a thread is started with. URLs are those of files. */
export interface Work {
  /** Sources with all their mutants in them, by URL. */
  readonly instrumented: ReadonlyMap<string, string>;
  readonly tests: readonly string[];
  /** What is reloaded where a mutant is in what runs when a module is loaded: URLs that begin so. */
  readonly root: string;
}

/** `ready` once all tests have passed without a mutant; then one answer for each mutant that is asked for. */
export type Told =
  | { readonly tag: "ready" }
  | { readonly tag: "failing"; readonly tests: readonly string[] }
  | { readonly tag: "tried"; readonly mutant: string; readonly killedBy: string | undefined };

/** What instrumented sources look at: which mutant is on, and where they count what they run through. */
interface Switches {
  activeMutant?: string | undefined;
  currentTestId?: string | undefined;
  hitCount?: number;
  hitLimit?: number;
  readonly mutantCoverage: {
    readonly static: Record<string, number>;
    readonly perTest: Record<string, Record<string, number>>;
  };
}

/** A test that takes longer has failed, ms: they take some milliseconds. */
const TEST_MS = 2_000;
/** A mutant that is run through more often in one test has made a loop endless. */
const MOST_HITS = 20_000;

const { instrumented, tests: testFiles, root } = workerData as Work;
const coverage: Switches["mutantCoverage"] = { static: {}, perTest: {} };
const switches: Switches = { mutantCoverage: coverage };
Object.assign(globalThis, { __stryker__: switches });

const shim = new URL("./node-test.ts", import.meta.url).href;
const isOwn = (url: string): boolean => url.startsWith(root) && !url.includes("/node_modules/");

registerHooks({
  resolve(specifier, context, next) {
    if (specifier === "node:test") return { url: shim, shortCircuit: true };
    const found = next(specifier, context);
    // Whoever is loaded anew loads all of the project's modules anew.
    const { search } = new URL(context.parentURL ?? import.meta.url);
    return search !== "" && isOwn(found.url) ? { ...found, url: found.url + search } : found;
  },
  load(url, context, next) {
    const source = instrumented.get(url.replace(/\?.*$/u, ""));
    return source === undefined
      ? next(url, context)
      : { format: "module-typescript", source, shortCircuit: true };
  },
});

// A promise that nobody waits for is not what a test has seen.
process.on("unhandledRejection", () => {});

async function load(search = ""): Promise<readonly KeptTest[]> {
  for (const file of testFiles) await import(file + search);
  return takeTests();
}

async function passes({ body }: KeptTest): Promise<boolean> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("late")), TEST_MS);
  try {
    await Promise.race([body(), late.promise]);
    return true;
  } catch {
    return false;
  } finally {
    clearTimeout(timer);
  }
}

async function firstFailing(tests: readonly KeptTest[]): Promise<string | undefined> {
  for (const each of tests) {
    switches.hitCount = 0;
    if (!(await passes(each))) return each.name;
  }
  return undefined;
}

/** What the tests run through, and who of them fails with no mutant at all. */
async function dryRun(tests: readonly KeptTest[]): Promise<readonly string[]> {
  const failing: string[] = [];
  for (const [index, each] of tests.entries()) {
    switches.currentTestId = String(index + 1);
    if (!(await passes(each))) failing.push(each.name);
  }
  switches.currentTestId = undefined;
  return failing;
}

const tests = await load();
/** Mutants in what has run while modules were loaded. */
const atLoad = new Set(Object.keys(coverage.static));
const failing = await dryRun(tests);
const coveredBy = (mutant: string): readonly KeptTest[] =>
  tests.filter((_, index) => coverage.perTest[String(index + 1)]?.[mutant] !== undefined);

/** The test that fails with this mutant. Undefined: none does. */
async function killerOf(mutant: string): Promise<string | undefined> {
  switches.hitLimit = MOST_HITS;
  switches.activeMutant = mutant;
  try {
    const killer = await firstFailing(coveredBy(mutant));
    if (killer !== undefined || !atLoad.has(mutant)) return killer;
    return await firstFailing(await load(`?mutant=${mutant}`));
  } catch (error) {
    return `loading: ${String(error)}`;
  } finally {
    switches.activeMutant = undefined;
    // What was declared before a file could not be loaded.
    takeTests();
  }
}

const tell = (told: Told): void => parentPort?.postMessage(told);
parentPort?.on("message", (mutant: string) => {
  void killerOf(mutant).then((killedBy) => tell({ tag: "tried", mutant, killedBy }));
});
tell(failing.length > 0 ? { tag: "failing", tests: failing } : { tag: "ready" });
