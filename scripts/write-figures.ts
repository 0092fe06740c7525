import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import { z } from "zod";
import { drawBars, type Panel } from "./draw-bars.ts";
import { readOptions } from "./options.ts";

/**
 * Writes the figures of the documents and draws docs/from-zero.svg, all from docs/figures.json, which
 * `npm run bench -- --json docs/figures.json` writes. What a run has not measured is not told. With `--check` it only says whether they are what it would make, and
 * ends with status 1 if not; `--from FILE` reads another file.
 */
const started = z.object({ ms: z.number(), mib: z.number() });
const woken = z.object({ ready: z.number(), founded: z.number(), cpu: z.number(), next: z.number() });
const answered = z.object({ ready: z.number(), cpu: z.number() });
const stepCost = z.object({ redis: z.number(), api: z.array(z.string()) });
const sweepCost = z.object({
  pods: z.number(),
  networks: z.number(),
  ms: z.number(),
  cpuMs: z.number(),
  commands: z.number(),
  calls: z.number(),
  mibPeak: z.number(),
});
const burst = z.object({ ms: z.number(), cpuMs: z.number(), held: z.number(), mibPeak: z.number() });
const benchFigures = z.object({
  at: z.iso.datetime(),
  node: z.string(),
  cores: z.number(),
  load: z.tuple([z.number(), z.number()]),
  note: z.string().optional(),
  problems: z.literal(0),
  "from-zero": z
    .object({ runs: z.number(), klight: woken, uncached: woken, packages: answered, http: answered })
    .optional(),
  start: z.object({ runs: z.number(), bundle: started, http: started, faas: started, packages: started }),
  steps: z.object({
    ignored: stepCost,
    "own condition": stepCost,
    "known member": stepCost,
    founder: stepCost,
    join: stepCost,
    deletion: stepCost.optional(),
  }),
  scale: z.object({ sweeps: z.array(sweepCost) }).optional(),
  networks: z.object({ networks: z.number(), pods: z.number(), asDeployed: burst, atOnce: burst }).optional(),
  stream: z.object({ events: z.number(), ms: z.number(), mib: z.array(z.number()) }).optional(),
});
type BenchFigures = z.infer<typeof benchFigures>;

const table = (...rows: readonly (readonly (string | number)[])[]): string => {
  const [head = [], ...rest] = rows;
  const line = (cells: readonly (string | number)[]): string => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, at) => (at === 0 ? "---" : "--:"));
  return [line(head), line(rule), ...rest.map(line)].join("\n");
};

const inMs = (value: number): string => `${Math.round(value)} ms`;
const inMib = (value: number): string => `${Math.round(value)} MiB`;
const inS = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;
const count = (value: number): string => value.toLocaleString("en");

const starts = {
  http: "bare node:http",
  bundle: "klight",
  faas: "a hello on faas-js-runtime",
  packages: "klight's packages, not bundled",
} as const;
const startOrder = ["http", "bundle", "faas", "packages"] as const;

const eventKinds = {
  ignored: "of a pod that starts, is not ready, or is going",
  "own condition": "of a member, its condition says so",
  "known member": "of a member, Redis says so",
  founder: "that founds a network",
  join: "that joins a peer",
  deletion: "of a member that is gone",
} as const satisfies Record<keyof BenchFigures["steps"], string>;
const kindOrder = Object.keys(eventKinds) as (keyof typeof eventKinds)[];

function panels({ start, "from-zero": zero }: BenchFigures): readonly Panel[] {
  const bar = (name: string, value: number, lit = false): Panel["bars"][number] => ({
    name,
    value: Math.round(value),
    lit,
  });
  const ofStart = (title: string, unit: string, which: "ms" | "mib"): Panel => ({
    title,
    unit,
    bars: startOrder.map((name) => bar(starts[name], start[name][which], name === "bundle")),
  });
  const ofZero = zero && {
    title: "From zero to the first peer in its network",
    unit: "ms",
    bars: [
      bar("bare node:http, first answer", zero.http.ready),
      bar("klight, peer in its network", zero.klight.founded, true),
      bar("the same without its code cache", zero.uncached.founded),
      bar("klight's packages, first answer", zero.packages.ready),
    ],
  };
  return [
    ...(ofZero ? [ofZero] : []),
    ofStart("Process start to the first answer", "ms", "ms"),
    ofStart("Resident memory then", "MiB", "mib"),
  ];
}

const measuredBy = ({ at, node, cores, load, note }: BenchFigures): string =>
  `Measured ${at.slice(0, 10)}, Node ${node.slice(1)}, ${cores} cores, load ${load[0]} before and ${load[1]} after, by
\`npm run bench\`${note === undefined ? "." : `; ${note}.`}`;

const costRows = (steps: BenchFigures["steps"]): readonly (readonly (string | number)[])[] =>
  kindOrder.flatMap((kind) => {
    const cost = steps[kind];
    return cost ? [[eventKinds[kind], cost.redis, cost.api.join(", ") || "none"]] : [];
  });

const wokenTable = ({ klight, uncached, http }: NonNullable<BenchFigures["from-zero"]>): string => `
${table(
  [
    "from zero by an event, which is sent with the first answer",
    "first peer in its network",
    "CPU until then",
  ],
  ["klight", inMs(klight.founded), inMs(klight.cpu)],
  ["klight without its code cache", inMs(uncached.founded), inMs(uncached.cpu)],
  ["for comparison: bare node:http, its first answer", inMs(http.ready), inMs(http.cpu)],
)}
`;

function fromZero(figures: BenchFigures): string {
  const { start, steps, "from-zero": zero } = figures;
  return `
${table(
  ["process start", "first answer", "resident memory"],
  ...startOrder.map((name) => [starts[name], inMs(start[name].ms), inMib(start[name].mib)]),
)}
${zero ? wokenTable(zero) : ""}
${table(["an event", "Redis commands", "API calls"], ...costRows(steps))}

A join that comes more than 100 ms after its list gets both pods once more. ${measuredBy(figures)} Medians of ${start.runs}
starts by turns. Bare node:http is what no function in Node can beat; the others are what klight could have been
built on, and what it is built of.
`;
}

/** At Upstash, US dollars for 100,000 commands. */
const PRICE = 0.2;
const DAYS = 30;
const SWEEPS = (DAYS * 24 * 60) / 5;
const PODS = 1_000;

const burstRows = ({
  networks,
  pods,
  asDeployed,
  atOnce,
}: NonNullable<BenchFigures["networks"]>): readonly (readonly string[])[] => {
  const row = (what: string, { ms, cpuMs, mibPeak }: typeof asDeployed): readonly string[] => [
    what,
    inS(ms),
    inS(cpuMs),
    inMib(mibPeak),
  ];
  return [
    row(`${networks} networks of ${pods / networks} new pods, 50 events at a time`, asDeployed),
    row("the same, all events at once", atOnce),
  ];
};

const streamRow = ({ events, ms, mib }: NonNullable<BenchFigures["stream"]>): readonly string[] => [
  `${count(events)} events, 20 at a time, of which 99 % change nothing`,
  inS(ms),
  "",
  inMib(Math.max(...mib)),
];

function sizing(figures: BenchFigures): string {
  const { steps, scale, stream, networks: bursts } = figures;
  const perPod = steps.join.redis + (steps.deletion?.redis ?? 0);
  const sweeps = (scale?.sweeps ?? []).map(({ pods, networks, ms, cpuMs, mibPeak }) => [
    `a sweep of ${count(pods)} pods in ${networks} networks, all well`,
    inS(ms),
    inS(cpuMs),
    inMib(mibPeak),
  ]);
  const many = [...sweeps, ...(bursts ? burstRows(bursts) : []), ...(stream ? [streamRow(stream)] : [])];
  // As the bench holds for the sweeps that it measures.
  const perSweep = (networks: number): number => 2 + Math.ceil(networks / 100);
  const monthly = (networks: number): readonly string[] => {
    const [ofPods, ofSweeps] = [PODS * perPod * DAYS, SWEEPS * perSweep(networks)];
    const dollars = ((ofPods + ofSweeps) / 100_000) * PRICE;
    return [
      `${networks} of ${PODS / networks} pods`,
      count(ofPods),
      count(ofSweeps),
      count(ofPods + ofSweeps),
      `$${dollars.toFixed(2)}`,
    ];
  };
  return `
${table(["an event", "Redis commands", "calls to the API server"], ...costRows(steps), [
  "a sweep of N networks that are well",
  "2, and 1 for every 100",
  "1 list for every page of pods",
])}

So a pod costs ${perPod} commands in its life. At Upstash's $${PRICE.toFixed(2)} for 100,000 commands (November 2026; the first 500,000 a
month are free on the free plan), for ${count(PODS)} pods, each replaced once a day, ${DAYS} days:

${table(
  ["networks", "joins and deletions", "sweep every 5 minutes", "commands a month", "a month"],
  ...[10, 50, 200].map(monthly),
)}

${many.length > 0 ? table(["at once", "takes", "CPU of the function", "its memory at most"], ...many) : ""}

${measuredBy(figures)}
`;
}

const begin = "<!-- Made by scripts/write-figures.ts from docs/figures.json. -->";
const end = "<!-- End of what it made. -->";

async function documentWith(
  name: string,
  text: string,
): Promise<{ readonly file: URL; readonly text: string }> {
  const file = new URL(`../${name}`, import.meta.url);
  const [before, rest = ""] = readFileSync(file, "utf8").split(begin);
  const [, after] = rest.split(end);
  if (before === undefined || after === undefined) throw new Error(`${name} lacks "${begin}" or "${end}"`);
  const made = `${before}${begin}\n${text}\n${end}${after}`;
  const formatted = await format(made, { ...(await resolveConfig(file.pathname)), parser: "markdown" });
  return { file, text: formatted };
}

const about = `node scripts/write-figures.ts [--check] [--from FROM]

Writes the figures in README.md and docs/sizing.md, and draws docs/from-zero.svg, from docs/figures.json.`;

const values = readOptions(about, {
  check: { type: "boolean", default: false, says: "writes nothing, exits with 1 where a file is another" },
  from: { type: "string", says: "another file with figures of npm run bench" },
});
const source = values.from ?? new URL("../docs/figures.json", import.meta.url);
const figures = benchFigures.parse(JSON.parse(readFileSync(source, "utf8")));
const wanted = [
  { file: new URL("../docs/from-zero.svg", import.meta.url), text: drawBars(panels(figures)) },
  await documentWith("README.md", fromZero(figures)),
  await documentWith("docs/sizing.md", sizing(figures)),
];
for (const { file, text } of wanted) {
  if (!values.check) writeFileSync(file, text);
  else if (readFileSync(file, "utf8") !== text) {
    console.error(`${file.pathname} is not what the figures say: run scripts/write-figures.ts`);
    process.exitCode = 1;
  }
}
