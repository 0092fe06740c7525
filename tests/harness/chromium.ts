import { existsSync } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

const path = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** Why tests in a browser cannot run here; false: they can. In CI a missing browser is a failure, not a reason. */
export const noChromium: string | false =
  existsSync(path) || process.env["CI"] === "true"
    ? false
    : `there is no chromium at ${path}; install it or set CHROMIUM`;

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: path,
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
    ],
  });

/** A page that keeps what went wrong on it: errors, blocked resources, requests to elsewhere, dialogs. */
export interface WatchedPage {
  readonly page: Page;
  readonly wrong: readonly string[];
}

/** The page's pauses are a tenth as long as for people. */
const HURRY = "const { setTimeout: later } = window; window.setTimeout = (run, ms) => later(run, ms / 10);";

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  await page.addInitScript(HURRY);
  const wrong: string[] = [];
  const { origin } = new URL(url);
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") wrong.push(`console: ${message.text()}`);
  });
  page.on("pageerror", (error) => wrong.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (new URL(request.url()).origin !== origin) wrong.push(`request: ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    wrong.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.setDefaultTimeout(15_000);
  await page.goto(url);
  return { page, wrong };
}
