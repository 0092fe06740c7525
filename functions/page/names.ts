import { html, type Html } from "./html.ts";

/** Names up to so long are left as they are. */
const SHORT = 14;
/** The end that tells pods of one owner apart is never longer, with its hyphen. */
const END = 12;

/**
 * A name that is shortened in its middle where there is no room for it: `orders-7d9f8b6c5d-x2x9z` keeps its beginning and
 * what tells it from its siblings. Its text stays whole, to be read, searched and copied.
 */
export function cutName(name: string): Html {
  if (name.length <= SHORT) return html`${name}`;
  const hyphen = name.lastIndexOf("-");
  const at = name.length - hyphen <= END ? hyphen : name.length - 8;
  return html`<span class="start">${name.slice(0, at)}</span><span class="end">${name.slice(at)}</span>`;
}

export const podPage = (namespace: string, name: string): string =>
  `/page/why/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;

/** Where the page says what a reason means. */
export const reasonLink = (reason: string): Html =>
  html`<a class="reason" href="/page/reasons#${reason}">${reason}</a>`;

/** A command to copy; the button is there where the browser can do it. */
export const command = (text: string): Html =>
  html`<p class="command">
    <code>${text}</code><button type="button" data-copy="${text}" hidden>Copy</button>
  </p>`;
