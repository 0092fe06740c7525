import { createHash } from "node:crypto";
import type { NetworkStatus, Sight, Status } from "../status/status.ts";
import { html, type Html } from "./html.ts";
import { anchor, count, gap, logLine, networkSection } from "./network-section.ts";
import { type Filter, isFound, stateOf, totalsOf } from "./network-state.ts";

const OUTCOMES = 20;
/** So few networks are shown open at once, and so many at most of those that need attention. */
const ALL_OPEN = 3;
const ATTENTION_OPEN = 6;

/** The part of the page that changes, and a revision of it: the same one, the same networks. */
export interface LivePart {
  readonly body: Html;
  readonly revision: string;
}

export function livePart(status: Status, filter: Filter): LivePart {
  const { at, cluster, networks, unplaced } = status;
  const now = Date.parse(at);
  const revisions = new Map(networks.map((network) => [network, revisionOf(network)]));
  const found = networks.filter((network) => isFound(network, filter));
  const open = openFirst(found);
  const sections = [...Map.groupBy(found, ({ namespace }) => namespace ?? "")].map(([namespace, those]) =>
    namespaceSection(
      namespace,
      those.map((network) =>
        networkSection(network, {
          now,
          revision: revisions.get(network) ?? "",
          open: open.has(network),
        }),
      ),
    ),
  );
  const body = html`<div id="live" data-at="${at}">
    ${totals(status)}${sightNotice(cluster)}
    <div class="columns" data-key="columns">
      <main id="networks" tabindex="-1" aria-label="Networks">
        <p class="shown" id="shown">${shown(found.length, networks.length)}</p>
        ${sections}${networks.length === 0 && noNetworks}
        <p class="none" id="nothing" ${(found.length > 0 || networks.length === 0) && html` hidden`}>
          No network is like that.
        </p>
        ${
          unplaced.length > 0 &&
          html`<section class="namespace" data-key="unplaced" aria-labelledby="unplaced">
            <h2 id="unplaced">Pods without a network</h2>
            <ul class="gaps">
              ${unplaced.map(gap)}
            </ul>
          </section>`
        }
      </main>
      ${outcomes(status)}
    </div>
  </div>`;
  return { body, revision: revisionOf([[...revisions.values()], cluster, unplaced, filter]) };
}

const revisionOf = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("base64url").slice(0, 16);

function openFirst(found: readonly NetworkStatus[]): ReadonlySet<NetworkStatus> {
  if (found.length <= ALL_OPEN) return new Set(found);
  return new Set(found.filter((network) => stateOf(network).level === "help").slice(0, ATTENTION_OPEN));
}

function namespaceSection(namespace: string, networks: readonly Html[]): Html {
  const title = namespace === "" ? "All namespaces" : namespace;
  return html`<section class="namespace" data-key="namespace ${namespace}" aria-label="Namespace ${title}">
    <h2>${title}</h2>
    ${networks}
  </section>`;
}

function totals(status: Status): Html {
  const { networks, members, notIn, attention } = totalsOf(status);
  return html`<dl class="totals" data-key="totals">
<div><dt>Networks</dt><dd>${networks}</dd></div>
<div><dt>Peers in</dt><dd>${members}</dd></div>
<div><dt>Pods not in</dt><dd>${status.cluster.tag === "seen" ? notIn : "?"}</dd></div>
<div${attention > 0 && html` class="help"`}><dt>Need attention</dt><dd>${attention}</dd></div>
</dl>`;
}

function sightNotice(sight: Sight): Html {
  switch (sight.tag) {
    case "seen":
      return html``;
    case "failed":
      return html`<p data-key="banner" class="banner help" role="alert">
        <b>The API server could not be asked</b>, so pods that are not in are not known. ${sight.message}
      </p>`;
  }
}

const shown = (found: number, all: number): string =>
  found === all ? count(all, "network", "networks") : `${found} of ${count(all, "network", "networks")}`;

const noNetworks = html`<div class="empty" data-key="empty">
  <h2>No network yet</h2>
  <p>
    Give pods that run a lightpeer the label <code>klight.networkId</code>, with the id of the network that
    they should be in. The first one founds it, every other is joined through the newest.
  </p>
</div>`;

/** Times of logs are all written in one way, in UTC, so that their texts are in the order of time. */
const byTime = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

/** The newest outcomes of all networks. */
function outcomes({ at, networks }: Status): Html {
  const now = Date.parse(at);
  const entries = networks
    .flatMap(({ network, log }) => log.map((entry) => ({ network, entry })))
    .sort((a, b) => byTime(b.entry.at, a.entry.at))
    .slice(0, OUTCOMES);
  return html`<aside data-key="outcomes" aria-labelledby="outcomes">
    <h2 id="outcomes">Last outcomes</h2>
    ${
      entries.length === 0
        ? html`<p class="none">Nothing has been done in the last day.</p>`
        : html`<ol class="log">
            ${entries.map(({ network, entry }) =>
              logLine(entry, now, html` <a class="id" href="#${anchor(network)}">${network}</a>`),
            )}
          </ol>`
    }
  </aside>`;
}
