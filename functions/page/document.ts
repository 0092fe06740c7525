import { factsOf } from "../../lib/reasons.ts";
import { type AssetName, assetPath } from "./assets.ts";
import { html, type Html } from "./html.ts";
import type { Filter } from "./network-state.ts";
import type { LivePart } from "./page.ts";

/** The whole page around the part that changes. */
export const pageDocument = (filter: Filter, title: string, live: LivePart): Html =>
  layout(title, html`${top(filter)}${live.body}`, live.revision);

/** What is shown when the store cannot be read, and nothing was before. */
export function failureDocument(filter: Filter, message: string): Html {
  const { says, cure } = factsOf("StoreUnavailable");
  const body = html`<main class="empty" id="networks" tabindex="-1">
    <h2>The networks cannot be read now</h2>
    <p>${says}</p>
    <p class="case">${message}</p>
    <p class="cure"><b>What helps</b> ${cure}</p>
  </main>`;
  return layout(
    "Not readable · klight",
    html`${top(filter)}
      <div id="live">${body}</div>`,
    "",
  );
}

/** A page of its own, which does not change. */
export const plainDocument = (title: string, body: Html): Html =>
  layout(
    `${title} · klight`,
    html`<header class="top"><h1><a href="/">${logo}<span>klight</span></a></h1></header>
      <main class="plain" id="networks" tabindex="-1">${body}</main>`,
    "",
    "copy.js",
  );

const layout = (title: string, body: Html, revision: string, script: AssetName = "live.js"): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title}</title>
        <link rel="icon" href="${assetPath("icon.svg")}" type="image/svg+xml" />
        <link rel="stylesheet" href="${assetPath("page.css")}" />
        <script src="${assetPath(script)}" type="module"></script>
      </head>
      <body data-revision="${revision}">
        <a class="skip" href="#networks">Skip to the content</a>
        ${body}
        <p class="unseen" id="said" role="status" aria-live="polite"></p>
      </body>
    </html> `;

const top = ({ search, attention }: Filter): Html =>
  html`<header class="top">
    <h1>
      <a href="/">${logo}<span>klight</span></a>
    </h1>
    <form role="search" action="/" method="get" id="search">
      <label class="unseen" for="q">Search networks, peers, addresses, reasons</label>
      <input
        type="search"
        id="q"
        name="q"
        value="${search}"
        placeholder="Search networks, peers, reasons"
        autocomplete="off"
        spellcheck="false"
        maxlength="200"
      />
      <label class="check"
        ><input type="checkbox" name="show" value="attention" ${attention && html` checked`} /> Needs
        attention</label
      >
      <button type="submit">Search</button>
    </form>
    <p class="pulse">
      <span id="pulse">as it was when the page was loaded</span
      ><button type="button" id="pause" hidden>Pause</button>
    </p>
  </header> `;

const logo = html`<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
  <path d="M6 18V6M6 13c0-4 12-1 12-7" />
  <circle cx="6" cy="18" r="3" />
  <circle cx="6" cy="6" r="3" />
  <circle class="lit" cx="18" cy="6" r="3" />
</svg>`;
