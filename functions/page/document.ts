import { factsOf } from "../../lib/reasons.ts";
import { assetPath } from "./assets.ts";
import { html, type Html } from "./html.ts";
import type { Filter } from "./network-state.ts";

/** The whole page around the part that changes. */
export const pageDocument = (filter: Filter, revision: string, live: Html): Html =>
  layout("Networks", html`${top(filter)}${live}`, revision);

/** What is shown when the store cannot be read. */
export function failureDocument(filter: Filter, message: string): Html {
  const { says, cure } = factsOf("StoreUnavailable");
  const body = html`<main class="empty">
    <h2>The networks cannot be read now</h2>
    <p>${says}</p>
    <p class="case">${message}</p>
    <p class="cure"><b>What helps</b> ${cure}</p>
  </main>`;
  return layout(
    "Not readable",
    html`${top(filter)}
      <div id="live">${body}</div>`,
    "",
  );
}

const layout = (title: string, body: Html, revision: string): Html =>
  html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <title>${title} · klight</title>
        <link rel="icon" href="${assetPath("icon.svg")}" type="image/svg+xml" />
        <link rel="stylesheet" href="${assetPath("page.css")}" />
        <script src="${assetPath("live.js")}" type="module"></script>
      </head>
      <body data-revision="${revision}">
        <a class="skip" href="#networks">Skip to the networks</a>
        ${body}
        <p class="unseen" id="said" role="status" aria-live="polite"></p>
      </body>
    </html> `;

const top = ({ search, attention }: Filter): Html =>
  html`<header class="top">
    <h1>
      <a href="/">${mark}<span>klight</span></a>
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

const mark = html`<svg class="mark" viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
  <path d="M6 18V6M6 13c0-4 12-1 12-7" />
  <circle cx="6" cy="18" r="3" />
  <circle cx="6" cy="6" r="3" />
  <circle class="lit" cx="18" cy="6" r="3" />
</svg>`;
