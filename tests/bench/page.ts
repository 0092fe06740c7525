import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Browser } from "playwright-core";
import { launchChromium } from "../harness/chromium.ts";
import { median, ms, type Report, round } from "./report.ts";

const networks = 200;
const size = 20;
const runs = 9;

/** What the browser says of one load, ms since it was asked for. */
interface Load {
  readonly answered: number;
  readonly painted: number;
  readonly parsed: number;
  readonly loaded: number;
  readonly kib: number;
  readonly elements: number;
}

const load = `(() => {
  const [navigation] = performance.getEntriesByType("navigation");
  const paint = performance.getEntriesByName("first-contentful-paint")[0];
  return {
    answered: navigation.responseStart,
    painted: paint ? paint.startTime : NaN,
    parsed: navigation.domContentLoadedEventEnd,
    loaded: navigation.loadEventEnd,
    kib: navigation.encodedBodySize / 1024,
    elements: document.getElementsByTagName("*").length,
  };
})()`;

/** Until something is painted; runs in the browser. */
const painted = `new Promise((done) => {
  new PerformanceObserver((list) => {
    if (list.getEntriesByName("first-contentful-paint").length > 0) done();
  }).observe({ type: "paint", buffered: true });
})`;

/** The page with many networks in a browser that has never seen it. */
export async function measurePage(): Promise<Report> {
  const server = new Worker(new URL("page-worker.ts", import.meta.url), {
    workerData: { networks, size },
  });
  const [url] = (await once(server, "message")) as [string];
  const browser = await launchChromium();
  try {
    // The first one also warms the server.
    await loadOnce(browser, url);
    const found: Load[] = [];
    for (let run = 0; run < runs; run += 1) found.push(await loadOnce(browser, url));
    const of = (which: keyof Load): number => median(found.map((each) => each[which]));
    const figures = {
      answered: round(of("answered")),
      painted: round(of("painted")),
      parsed: round(of("parsed")),
      loaded: round(of("loaded")),
      kib: round(of("kib")),
      elements: of("elements"),
    };
    return {
      title: `The page with ${networks} networks of ${size} pods (median of ${runs} loads)`,
      rows: [
        ["first byte", ms(figures.answered)],
        ["first content painted", ms(figures.painted), "300 ms at most"],
        ["DOMContentLoaded", ms(figures.parsed), "300 ms at most"],
        ["loaded", ms(figures.loaded)],
        ["sent, and elements", `${figures.kib} KiB, ${figures.elements}`],
      ],
      figures: { networks, pods: networks * size, runs, ...figures },
      problems: [],
    };
  } finally {
    await browser.close();
    await server.terminate();
  }
}

async function loadOnce(browser: Browser, url: string): Promise<Load> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  try {
    const page = await context.newPage();
    await page.goto(url);
    await page.evaluate(painted);
    return await page.evaluate<Load>(load);
  } finally {
    await context.close();
  }
}
