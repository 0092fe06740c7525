import { createHash } from "node:crypto";
import type { LogEntry } from "../../lib/store/contacts.ts";
import type { NetworkStatus, Status, StatusReading } from "../status/status.ts";
import { age } from "./age.ts";
import { html, type Html } from "./html.ts";
import { cutName } from "./names.ts";
import { anchor, counted, gap, networkSection, outcomeOf } from "./network-section.ts";
import { type Filter, isFound, totalsOf } from "./network-state.ts";

const OUTCOMES = 12;
/** So few networks are shown open at once, and so many at most of those that need attention. */
const ALL_OPEN = 3;
const ATTENTION_OPEN = 6;

/** The part of the page that changes, and a revision of it: the same one, the same networks. */
export interface LivePart {
  readonly body: Html;
  readonly revision: string;
}

type Lost = Pick<Extract<StatusReading, { tag: "failed" }>, "at" | "message">;

/** `lost`: why and when the store could not be read; the status is the last one that was. */
export function livePart(status: Status, filter: Filter, lost?: Lost): LivePart {
  const { cluster, networks, unplaced } = status;
  const { at } = lost ?? status;
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
  const entries = newestEntries(networks);
  const body = html`<div
    id="live"
    data-at="${at}"
    data-title="${titleOf(status)}"
    data-newest="${entries[0]?.entry.message ?? ""}"
  >
    <main aria-label="Networks">
      ${totals(status)}${blindNotice(status, lost)}
      <div id="networks" tabindex="-1" data-key="networks">
        <p class="shown" id="shown">${shownCount(found.length, networks.length)}</p>
        ${sections}${networks.length === 0 && noNetworks}
        <p class="none" id="nothing" ${(found.length > 0 || networks.length === 0) && html` hidden`}>
          No network is like that.
        </p>
        ${unplacedPods(unplaced, now)}
      </div>
    </main>
    ${outcomes(entries, now)}
  </div>`;
  return { body, revision: revisionOf([[...revisions.values()], cluster, unplaced, filter, lost]) };
}

const revisionOf = (value: unknown): string =>
  createHash("sha256").update(JSON.stringify(value)).digest("base64url").slice(0, 16);

function openFirst(found: readonly NetworkStatus[]): ReadonlySet<NetworkStatus> {
  if (found.length <= ALL_OPEN) return new Set(found);
  return new Set(found.filter((network) => network.level === "help").slice(0, ATTENTION_OPEN));
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
  const isSeen = status.podsSeenAt !== null;
  const isBlind = networks > 0 && status.networks.some(({ level }) => level === "unknown");
  return html`<dl class="totals" data-key="totals">
<div><dt>Networks</dt><dd>${networks}</dd></div>
<div><dt>Peers in</dt><dd>${members}</dd></div>
<div><dt>Pods not in</dt><dd>${isSeen ? notIn : "?"}</dd></div>
<div${attention > 0 && html` class="help"`}><dt>Need attention</dt><dd>${isBlind && attention === 0 ? "?" : attention}</dd></div>
</dl>`;
}

/** What cannot be read now, and of when what is shown is. */
function blindNotice({ at, cluster, podsSeenAt }: Status, lost: Lost | undefined): Html {
  if (lost !== undefined) {
    return banner(
      html`<b>The store could not be read.</b> All of this is as it was ${age(at, Date.parse(lost.at))} ago.
        <bdi>${lost.message}</bdi>`,
    );
  }
  if (cluster.tag === "seen") return html``;
  const known =
    podsSeenAt === null
      ? "Which pods are not in is not known."
      : html`Pods are shown as they were ${age(podsSeenAt, Date.parse(at))} ago.`;
  return banner(html`<b>The API server could not be asked.</b> ${known} <bdi>${cluster.message}</bdi>`);
}

const banner = (text: Html): Html => html`<p data-key="banner" class="banner help" role="alert">${text}</p>`;

/** What the tab says: trouble shows there, too. */
export function titleOf(status: Status): string {
  const { attention } = totalsOf(status);
  return `${attention > 0 ? `(${attention}) ` : ""}Networks · klight`;
}

const shownCount = (found: number, all: number): string =>
  found === all ? counted(all, "network", "networks") : `${found} of ${counted(all, "network", "networks")}`;

const noNetworks = html`<div class="empty" data-key="empty">
  <h2>No network yet</h2>
  <p>
    Give pods that run a lightpeer the label <code>klight.networkId</code>, with the id of the network that
    they should be in. The first one founds it, every other is joined through the newest.
  </p>
</div>`;

/** Times of logs are all written in one way, in UTC, so that their texts are in the order of time. */
const byTime = (a: string, b: string): number => (a === b ? 0 : a < b ? -1 : 1);

function unplacedPods(unplaced: Status["unplaced"], now: number): Html {
  if (unplaced.length === 0) return html``;
  return html`<section class="namespace" data-key="unplaced" aria-labelledby="unplaced">
    <h2 id="unplaced">Pods without a network</h2>
    <ul class="gaps">
      ${unplaced.map((each) => gap(each, now))}
    </ul>
  </section>`;
}

interface PageFacts {
  readonly network: string;
  readonly entry: LogEntry;
}

/** The newest outcomes of all networks. */
const newestEntries = (networks: readonly NetworkStatus[]): readonly PageFacts[] =>
  networks
    .flatMap(({ network, log }) => log.map((entry) => ({ network, entry })))
    .sort((a, b) => byTime(b.entry.at, a.entry.at))
    .slice(0, OUTCOMES);

/** What has been done where; the network itself tells it in a sentence. */
function outcomes(entries: readonly PageFacts[], now: number): Html {
  return html`<aside data-key="outcomes" aria-labelledby="outcomes">
    <h2 id="outcomes">Last outcomes</h2>
    ${
      entries.length === 0
        ? html`<p class="none">Nothing has been done in the last day.</p>`
        : html`<ol class="log">
            ${entries.map(
              ({ network, entry }) =>
                html`<li>
                  ${outcomeOf(entry)} <span class="when">${age(entry.at, now)} ago</span>
                  ${entry.pod !== undefined && html`<span class="id cut">${cutName(entry.pod.slice(entry.pod.indexOf("/") + 1))}</span>`}
                  <a class="id" href="#${anchor(network)}">${network}</a>
                </li>`,
            )}
          </ol>`
    }
  </aside>`;
}
