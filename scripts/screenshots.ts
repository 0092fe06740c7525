import { mkdirSync } from "node:fs";
import { launchChromium } from "../tests/harness/chromium.ts";
import { exampleNetworks } from "../tests/harness/example-networks.ts";
import { servePage } from "../tests/harness/page-server.ts";
import { readOptions } from "./options.ts";

readOptions(
  `node scripts/screenshots.ts

Takes the pictures of the page in docs/screenshots, of networks that are made up and always the same.`,
  {},
);

const folder = new URL("../docs/screenshots/", import.meta.url);

const pictures = [
  { name: "page-light", width: 1280, height: 1100, colorScheme: "light", query: "" },
  { name: "page-dark", width: 1280, height: 1100, colorScheme: "dark", query: "" },
  { name: "page-narrow", width: 360, height: 900, colorScheme: "light", query: "?q=orders" },
  { name: "page-tree", width: 1280, height: 1100, colorScheme: "light", query: "?q=orders" },
] as const;

mkdirSync(folder, { recursive: true });
const server = await servePage(await exampleNetworks());
const browser = await launchChromium();
try {
  for (const { name, width, height, colorScheme, query } of pictures) {
    const context = await browser.newContext({
      viewport: { width, height },
      deviceScaleFactor: 1.5,
      colorScheme,
    });
    const page = await context.newPage();
    await page.goto(server.url + query);
    await page.getByText("live", { exact: true }).waitFor();
    await page.screenshot({ path: new URL(`${name}.png`, folder).pathname });
    await context.close();
  }
} finally {
  await browser.close();
  await server.close();
}
