import { globSync, readFileSync } from "node:fs";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { Instrumenter } from "@stryker-mutator/instrumenter";
import { readOptions } from "../../scripts/options.ts";
import { tryAll } from "./threads.ts";

const about = `npm run mutants -- [--only FILE]

Changes the rules in lib/reconcile, lib/reconcile/reform and lib/pod in one small way after the other, a comparison, a
condition, a text, and runs the tables in tests/unit/reconcile and tests/unit/pod with each change. A change that no test
notices is told. Exits with 1 if such a one is not in tests/mutants/accepted.json with the reason why nobody can notice it,
or if fewer are noticed in a file than its goal says.`;

const values = readOptions(about, {
  only: { type: "string", says: "files that have this in their path; else all" },
  threads: { type: "string", default: "2", says: "side by side" },
});

/** How many of a file's mutants are to be noticed, in percent: the two that decide, and the rest. */
const goalOf = (file: string): number => (/\/(?:plan|health)\.ts$/u.test(file) ? 95 : 85);

/** One small change of a source. */
interface Mutant {
  readonly id: string;
  readonly file: string;
  readonly line: number;
  /** What stands there and what instead, with single spaces. */
  readonly text: string;
  readonly to: string;
}

/** Changes that may go unnoticed, and why. One that occurs twice in a file stands here twice. */
interface Accepted {
  readonly reason: string;
  readonly mutants: readonly Pick<Mutant, "file" | "text" | "to">[];
}

const root = resolve(import.meta.dirname, "../..");
const read = (file: string): string => readFileSync(resolve(root, file), "utf8");
const urlOf = (file: string): string => pathToFileURL(resolve(root, file)).href;
const found = (pattern: string): readonly string[] => globSync(pattern, { cwd: root }).toSorted();
const oneLine = (text: string): string => text.replace(/\s+/gu, " ");

const none = (): void => {};
const never = (): boolean => false;
/** Nothing that the instrumenter says is of use here. */
const silent = {
  isTraceEnabled: never,
  isDebugEnabled: never,
  isInfoEnabled: never,
  isWarnEnabled: never,
  isErrorEnabled: never,
  isFatalEnabled: never,
  trace: none,
  debug: none,
  info: none,
  warn: none,
  error: none,
  fatal: none,
};

const files = found("lib/{reconcile,reconcile/reform,pod}/*.ts").filter((file) =>
  file.includes(values.only ?? ""),
);
const sources = files.map((name) => ({ name, content: read(name), mutate: true }));
const { files: instrumented, mutants: all } = await new Instrumenter(silent).instrument(sources, {
  plugins: [],
  ignorers: [],
  excludedMutations: [],
});

interface Place {
  readonly line: number;
  readonly column: number;
}

/** The text between two places of a source. */
function between(source: string, start: Place, end: Place): string {
  const lines = source.split("\n").slice(start.line, end.line + 1);
  const last = lines.length - 1;
  return lines
    .map((line, index) => line.slice(index === 0 ? start.column : 0, index === last ? end.column : undefined))
    .join("\n");
}

const mutants = all.map(({ id, fileName: file, location: { start, end }, replacement }): Mutant => ({
  id,
  file,
  line: start.line + 1,
  text: oneLine(between(read(file), start, end)),
  to: oneLine(replacement ?? ""),
}));

const started = performance.now();
const killers = await tryAll(
  {
    instrumented: new Map(instrumented.map(({ name, content }) => [urlOf(name), content])),
    tests: found("tests/unit/{reconcile,pod}/**/*.test.ts").map(urlOf),
    root: urlOf("."),
  },
  mutants.map(({ id }) => id),
  Number(values.threads),
);

const keyOf = ({ file, text, to }: Pick<Mutant, "file" | "text" | "to">): string =>
  `${file}: ${text} -> ${to}`;
const accepted = (JSON.parse(read("tests/mutants/accepted.json")) as readonly Accepted[])
  .flatMap((each) => each.mutants)
  .filter(({ file }) => files.includes(file))
  .map(keyOf);
const survivors = mutants.filter(({ id }) => killers.get(id) === undefined);
const unlisted = survivors.filter((each) => {
  const at = accepted.indexOf(keyOf(each));
  if (at >= 0) accepted.splice(at, 1);
  return at === -1;
});

const rows = files.map((file) => {
  const its = mutants.filter((each) => each.file === file).length;
  const survived = survivors.filter((each) => each.file === file).length;
  return { file, its, survived, percent: its === 0 ? 100 : (100 * (its - survived)) / its };
});
const below = rows.filter(({ file, percent }) => percent < goalOf(file));

console.log(`${"file".padEnd(36)} noticed survived percent`);
for (const { file, its, survived, percent } of rows) {
  const figures = [
    String(its - survived).padStart(7),
    String(survived).padStart(8),
    percent.toFixed(0).padStart(7),
  ];
  console.log(`${file.padEnd(36)} ${figures.join(" ")}`);
}
for (const { file, line, text, to } of unlisted) console.log(`survived: ${file}:${line}: ${text} -> ${to}`);
for (const key of accepted) console.log(`noticed, or not there any more, but in accepted.json: ${key}`);
for (const { file, percent } of below)
  console.log(`below its goal of ${goalOf(file)} %: ${file}, ${percent.toFixed(1)} %`);
const ms = Math.round(performance.now() - started);
console.log(
  JSON.stringify({ mutants: mutants.length, survivors: survivors.length, unlisted: unlisted.length, ms }),
);
process.exitCode = unlisted.length + accepted.length + below.length > 0 ? 1 : 0;
