import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Locator, Page } from "playwright-core";

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core"), "utf8");

/** What axe finds wrong on the page, its best practices too: the rule, and the first element. */
export async function findings(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe);
  return page.evaluate<string[]>(
    "axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html.slice(0, 200)}`))",
  );
}

/** The attribute of each of the elements. */
export const attributes = async (elements: Locator, name: string): Promise<(string | null)[]> =>
  Promise.all((await elements.all()).map((each) => each.getAttribute(name)));

export const keysShown = (page: Page): Promise<(string | null)[]> =>
  attributes(page.locator("details.network:visible"), "data-key");

export const network = (page: Page, key: string): Locator => page.locator(`details[data-key="${key}"]`);

/** Where the middle of each element is, from the top of the window. */
export async function boxMiddles(elements: Locator): Promise<number[]> {
  const boxes = await Promise.all((await elements.all()).map((each) => each.boundingBox()));
  return boxes.map((box) => (box ? box.y + box.height / 2 : NaN));
}

export const isOpen = async (page: Page, key: string): Promise<boolean> =>
  (await network(page, key).getAttribute("open")) !== null;

/** The network whose line has the focus. */
export const focused = async (page: Page): Promise<string | null> => {
  const line = page.locator("details:has(> summary:focus)");
  return (await line.count()) === 0 ? null : line.getAttribute("data-key");
};

/** Names of the members of a network, as they stand from top to bottom. */
export const members = (page: Page, key: string): Promise<string[]> =>
  network(page, key).locator("tbody .id[data-find]").allTextContents();

/** Texts whose contrast with what is behind them is below 4.5, WCAG AA; runs in the browser. */
export const weakTexts = `(() => {
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgb = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data];
  };
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const ground = (element) => {
    for (let each = element; each; each = each.parentElement) {
      const color = rgb(getComputedStyle(each).backgroundColor);
      if (color[3] === 255) return color;
    }
    return [255, 255, 255, 255];
  };
  const weak = new Set();
  for (const element of document.body.querySelectorAll("*")) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
    if (!own || element.closest("svg") || !element.checkVisibility()) continue;
    const [a, b] = [rgb(getComputedStyle(element).color), ground(element)].map(luminance).sort((x, y) => y - x);
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) weak.add(element.localName + "." + element.className + " " + contrast.toFixed(2));
  }
  return [...weak];
})()`;
