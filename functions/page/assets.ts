import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";

/** The text of a file of the page. The build replaces each call of this function by that text. */
const asset = (file: string): string => readFileSync(new URL(`./${file}`, import.meta.url), "utf8");

export interface Asset {
  readonly type: string;
  readonly body: string;
  /** Changes with the body, so that a browser may keep what it has. */
  readonly version: string;
}

const made = (type: string, body: string): Asset => ({
  type,
  body,
  version: createHash("sha256").update(body).digest("base64url").slice(0, 12),
});

/** All that the page loads besides itself; nothing comes from anywhere else. */
export const assets = {
  "page.css": made("text/css; charset=utf-8", asset("page.css")),
  "live.js": made("text/javascript; charset=utf-8", asset("live.js")),
  "copy.js": made("text/javascript; charset=utf-8", asset("copy.js")),
  "icon.svg": made("image/svg+xml", asset("icon.svg")),
} as const;

export type AssetName = keyof typeof assets;

export const isAsset = (name: string): name is AssetName => Object.hasOwn(assets, name);

export const assetPath = (name: AssetName): string => `/page/${name}?v=${assets[name].version}`;
