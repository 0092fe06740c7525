import { readFileSync, writeFileSync } from "node:fs";
import { readOptions } from "./options.ts";
import { format, resolveConfig } from "prettier";
import { z } from "zod";
import { drawBars, type Panel } from "./draw-bars.ts";

/**
 * Makes docs/comparison.svg and the tables of the README from docs/comparison.json, which
 * `npm run bench -- --compare --json docs/comparison.json` writes. With `--check` it only says whether they are what it
 * would make, and ends with status 1 if not; `--from FILE` reads another file.
 */
const started = z.object({ ms: z.number(), mib: z.number() });
const cost = z.object({ redis: z.number(), api: z.array(z.string()) });
const comparison = z.object({
  at: z.iso.datetime(),
  node: z.string(),
  cores: z.number(),
  load: z.tuple([z.number(), z.number()]),
  note: z.string().optional(),
  problems: z.literal(0),
  start: z.object({ runs: z.number(), bundle: started, http: started, faas: started, packages: started }),
  steps: z.record(z.string(), cost),
});
type Comparison = z.infer<typeof comparison>;

const names = {
  http: "bare node:http",
  bundle: "klight",
  faas: "a hello on faas-js-runtime",
  packages: "klight's packages, not bundled",
} as const;
const order = ["http", "bundle", "faas", "packages"] as const;

const steps: Readonly<Record<string, string>> = {
  ignored: "of a pod that is not to join",
  "own condition": "of a member, its condition says so",
  "known member": "of a member, Redis says so",
  founder: "that founds a network",
  join: "that joins a peer",
};

const panels = ({ start }: Comparison): readonly Panel[] => {
  const panel = (title: string, unit: string, which: "ms" | "mib"): Panel => ({
    title,
    unit,
    bars: order.map((name) => ({
      name: names[name],
      value: Math.round(start[name][which]),
      lit: name === "bundle",
    })),
  });
  return [panel("Start to the first answer", "ms", "ms"), panel("Resident memory then", "MiB", "mib")];
};

const tables = ({ at, node, cores, load, note, start, steps: costs }: Comparison): string => `
| process start | to the first answer | resident memory |
| --- | --: | --: |
${order.map((name) => `| ${names[name]} | ${Math.round(start[name].ms)} ms | ${Math.round(start[name].mib)} MiB |`).join("\n")}

| an event | Redis commands | API calls |
| --- | --: | --- |
${Object.entries(costs)
  .map(([step, { redis, api }]) => `| ${steps[step] ?? step} | ${redis} | ${api.join(", ") || "none"} |`)
  .join("\n")}

A join that comes more than 100 ms after its list gets both pods once more. Medians of ${start.runs} starts by turns, ${at.slice(0, 10)}, Node ${node.slice(1)}, ${cores} cores, load ${load[0]} before and ${load[1]} after,
by \`npm run bench -- --compare\`${note === undefined ? "." : `; ${note}.`}

Bare node:http is what no function in Node can beat; the others are what klight could have been built on, and what it
is built of.
`;

const begin = "<!-- Made by scripts/draw-comparison.ts from docs/comparison.json. -->";
const end = "<!-- End of what it made. -->";

async function readmeWith(old: string, text: string): Promise<string> {
  const [before, rest = ""] = old.split(begin);
  const [, after] = rest.split(end);
  if (before === undefined || after === undefined) throw new Error(`README.md lacks "${begin}" or "${end}"`);
  const file = new URL("../README.md", import.meta.url).pathname;
  const made = `${before}${begin}\n${text}\n${end}${after}`;
  return format(made, { ...(await resolveConfig(file)), parser: "markdown" });
}

const about = `node scripts/draw-comparison.ts [--check] [--from FROM]

Draws docs/comparison.svg and writes README.md's figures from docs/comparison.json.`;

const values = readOptions(about, {
  check: { type: "boolean", default: false, says: "writes nothing, exits with 1 where a file is another" },
  from: { type: "string", says: "another file with figures of npm run bench -- --compare" },
});
const source = values.from ?? new URL("../docs/comparison.json", import.meta.url);
const figures = comparison.parse(JSON.parse(readFileSync(source, "utf8")));
const picture = new URL("../docs/comparison.svg", import.meta.url);
const readme = new URL("../README.md", import.meta.url);
const wanted = [
  { file: picture, text: drawBars(panels(figures)) },
  { file: readme, text: await readmeWith(readFileSync(readme, "utf8"), tables(figures)) },
];
for (const { file, text } of wanted) {
  if (!values.check) writeFileSync(file, text);
  else if (readFileSync(file, "utf8") !== text) {
    console.error(`${file.pathname} is not what the figures say: run scripts/draw-comparison.ts`);
    process.exitCode = 1;
  }
}
