import { fileURLToPath } from "node:url";
import { asStarted, bareHttp, bundle, plainPackages, startCold } from "./cold.ts";
import { median, mib, ms, type Report, round, times } from "./report.ts";
import { residentMib } from "./memory.ts";

interface Started {
  readonly ms: number;
  readonly mib: number;
  /** How long the first event then took: what was left out of the start is loaded with it. */
  readonly eventMs: number;
}

const runs = 15;
const pathOf = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const candidates = {
  bundle: asStarted(bundle),
  traced: asStarted(bundle),
  http: bareHttp,
  faas: [fileURLToPath(import.meta.resolve("faas-js-runtime/bin/cli.js")), pathOf("hello-function.js")],
  packages: plainPackages,
} as const;

type Candidate = keyof typeof candidates;

/** Nobody listens there: what is loaded is the same. */
const collector = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:9" };

/**
 * Start to the first 200 on /health/readiness, and memory then: the bundle between what it could not be faster than
 * and what it replaces.
 */
export async function measureStart(): Promise<Report> {
  const found: Record<Candidate, Started[]> = { bundle: [], traced: [], http: [], faas: [], packages: [] };
  // By turns, so that a busy moment of the machine is no candidate's alone.
  for (let run = 0; run < runs; run += 1) {
    for (const [which, args] of Object.entries(candidates)) {
      found[which as Candidate].push(await startOnce(args, which === "traced" ? collector : {}));
    }
  }
  const plain = middle(found.bundle);
  const traced = middle(found.traced);
  const { eventMs: _http, ...http } = middle(found.http);
  const { eventMs: _faas, ...faas } = middle(found.faas);
  const { eventMs: _packages, ...packages } = middle(found.packages);
  const toHttp = round(plain.ms / http.ms, 2);
  const toFaas = round(plain.ms / faas.ms, 2);
  return {
    title: `Start to the first 200, and resident memory then (median of ${runs})`,
    rows: [
      ["the function", shown(plain), "75 MiB at most"],
      ["the function, with a collector for traces and metrics", shown(traced)],
      ["bare node:http", shown(http)],
      ["a hello on faas-js-runtime", shown(faas)],
      ["its packages, imported plainly", shown(packages)],
      ["function : node:http", times(toHttp), "2.0 at most"],
      ["function : faas-js-runtime", times(toFaas), "0.6 at most"],
      ["the first event after it", ms(plain.eventMs)],
      ["the first event, with a collector", ms(traced.eventMs)],
    ],
    figures: { runs, bundle: plain, traced, http, faas, packages, toHttp, toFaas },
    problems: [],
  };
}

const middle = (which: readonly Started[]): Started => ({
  ms: round(median(which.map((each) => each.ms)), 1),
  mib: round(median(which.map((each) => each.mib)), 1),
  eventMs: round(median(which.map((each) => each.eventMs)), 1),
});

const shown = (each: Pick<Started, "ms" | "mib">): string => `${ms(each.ms)}, ${mib(each.mib)}`;

async function startOnce(
  args: readonly string[],
  more: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const store = { UPSTASH_REDIS_REST_URL: "http://127.0.0.1:9", UPSTASH_REDIS_REST_TOKEN: "not-called" };
  const cold = await startCold(args, { ...store, ...more });
  try {
    const took = cold.age();
    const memory = await residentMib(cold.process.pid);
    const ready = cold.age();
    await firstEvent(cold.port);
    return { ms: took, mib: memory, eventMs: cold.age() - ready };
  } finally {
    await cold.end();
  }
}

/** An event that is not for klight: all is loaded for it, and nothing called. The others take it as any request. */
const firstEvent = async (port: number): Promise<void> => {
  const headers = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/bench",
    "ce-type": "dev.bench.other",
  };
  const answer = await fetch(`http://127.0.0.1:${port}/`, { method: "POST", headers });
  await answer.arrayBuffer();
};
