import { get } from "node:http";
import { setTimeout as sleep } from "node:timers/promises";
import { LIMIT_MIB, limitMemory, residentMib, watchMemory } from "./memory.ts";
import { timed } from "./posting.ts";
import { median, mib, ms, type Report, round } from "./report.ts";
import { PER_NETWORK, startSettledStage } from "./settled-stage.ts";

const PODS = 5_000;
const READERS = 20;
const RUNS = 5;
/** Readers who come sooner after each other share one reading. */
const APART_MS = 1_000;
const LARGE_PODS = 3_000;
const LARGE_BYTES = 100 * 1_024;

/** The page of very many pods, for one reader and for many, and a list of very large ones: time, and memory at most. */
export async function measureReads(): Promise<Report> {
  const problems: string[] = [];
  const page = await readPage(problems);
  const large = await listLarge(problems);
  return {
    title: `The page of ${PODS} pods, and a list of ${LARGE_PODS} pods of ${LARGE_BYTES / 1_024} KiB`,
    rows: [
      [`the page, for one reader (median of ${RUNS})`, ms(page.oneMs), "300 ms"],
      [`for ${READERS} at once, each with all of it`, ms(page.manyMs), "3000 ms"],
      ["memory at most", mib(page.mibPeak), "300 MiB"],
      ["its size, compressed", `${page.kib} KiB`],
      ["a list of large pods", ms(large.ms)],
      ["memory at most", mib(large.mibPeak), "200 MiB"],
    ],
    figures: { pods: PODS, readers: READERS, runs: RUNS, page, large: { pods: LARGE_PODS, ...large } },
    problems,
  };
}

async function readPage(
  problems: string[],
): Promise<Readonly<Record<"oneMs" | "manyMs" | "mibPeak" | "kib", number>>> {
  return withFunction(PODS, "", async (url, peak) => {
    const read = async (): Promise<number> => {
      const { status, bytes } = await readAt(`${url}/`);
      if (status !== 200) problems.push(`the page was answered with ${status}`);
      return bytes;
    };
    const bytes = await read();
    const ones: number[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      await sleep(APART_MS);
      ones.push((await timed(read)).ms);
    }
    await sleep(APART_MS);
    const many = await timed(() => Promise.all(Array.from({ length: READERS }, read)));
    return {
      oneMs: round(median(ones)),
      manyMs: round(many.ms),
      mibPeak: round(peak(), 1),
      kib: round(bytes / 1_024),
    };
  });
}

async function listLarge(problems: string[]): Promise<Readonly<Record<"ms" | "mibPeak", number>>> {
  return withFunction(LARGE_PODS, "x".repeat(LARGE_BYTES), async (url, peak) => {
    const { ms: tookMs, result } = await timed(() => readAt(`${url}/networks`));
    if (result.status !== 200) problems.push(`a list of large pods was answered with ${result.status}`);
    return { ms: round(tookMs), mibPeak: round(peak(), 1) };
  });
}

/** Measures at a function that has the memory of its container, where so many pods are settled. */
async function withFunction<Found>(
  pods: number,
  note: string,
  measure: (url: string, peak: () => number) => Promise<Found>,
): Promise<Found> {
  const { stage, close } = await startSettledStage(pods / PER_NETWORK, note);
  try {
    const [measured] = stage.functions;
    const [url] = stage.urls;
    if (measured === undefined || url === undefined) throw new Error("there is no function");
    const { pid } = measured.process;
    await limitMemory(pid, LIMIT_MIB - (await residentMib(pid)));
    const memory = watchMemory(measured);
    try {
      return await measure(url, () => memory.peak());
    } finally {
      memory.stop();
    }
  } finally {
    await close();
  }
}

/** As a browser asks. */
const readAt = (url: string): Promise<{ readonly status: number; readonly bytes: number }> =>
  new Promise((resolve, reject) => {
    get(url, { agent: false, headers: { "accept-encoding": "gzip" } }, (reply) => {
      let bytes = 0;
      reply.on("data", (part: Buffer) => (bytes += part.length));
      reply.once("end", () => {
        resolve({ status: reply.statusCode ?? 0, bytes });
      });
    }).once("error", reject);
  });
