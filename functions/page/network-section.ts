import type { Intent, LogEntry } from "../../lib/store/contacts.ts";
import type { NotIn } from "../status/not-in.ts";
import type { Member, NetworkStatus } from "../status/status.ts";
import { age, duration } from "./age.ts";
import { html, type Html, type Part } from "./html.ts";
import { stateText } from "./network-state.ts";
import { treePicture } from "./tree-picture.ts";

/** So many lines of its log are shown with a network; `GET /networks` has all. */
const LOG_LINES = 6;

/** How one network is shown. */
export interface Showing {
  /** When it was read, ms since 1970. */
  readonly now: number;
  /** The same text: nothing in it has changed. */
  readonly revision: string;
  readonly open: boolean;
}

/**
 * One network: a line that tells how it stands, and behind it members, tree, who is not in, and its log.
 *
 * What is behind a closed one is in `noscript`: without JavaScript it is there like all else; with it the browser
 * keeps it as a text, of which the script makes elements when the network is opened. With many networks nearly all of
 * the page is closed, and making its elements would be most of the time until it can be read.
 */
export function networkSection(network: NetworkStatus, { now, revision, open }: Showing): Html {
  const { network: key, id, level, notIn, log } = network;
  const inside = html`<div class="inside">${notices(network, now)}${lifeOf(network, now)}${stack(network, now)}${gaps(notIn)}${lastOutcomes(log, now)}</div>`;
  return html`
<details class="network" id="${anchor(key)}" data-key="${key}" data-level="${level}" data-revision="${revision}"${open && html` open`}>
<summary><span class="state ${level}">${stateText(network)}</span><h3 class="name" data-find>${id}</h3>${facts(network, now)}</summary>
${open ? inside : html`<noscript>${inside}</noscript>`}
</details>`;
}

export const anchor = (network: string): string => `network-${network}`;

export const count = (number: number, one: string, many: string): string =>
  `${number} ${number === 1 ? one : many}`;

function facts({ members, notIn, generation }: NetworkStatus, now: number): Html {
  const [newest] = members;
  const rows = [
    count(members.length, "peer", "peers"),
    notIn.length > 0 && `${notIn.length} not in`,
    `generation ${generation}`,
    newest && html`joined ${age(newest.joinedAt, now)} ago`,
  ];
  return html`${rows.map((row) => html`<span class="fact">${row}</span>`)}`;
}

function notices({ members, intent, leased, deaths }: NetworkStatus, now: number): Html {
  const hung = members.filter(({ hungMs }) => hungMs !== undefined);
  const lines = [
    ...hung.map(
      ({ name, hungMs = 0 }) =>
        html`<b class="id">${name}</b> has not answered for ${duration(hungMs)}. Nobody is joined meanwhile,
          for that would break the network; after 30 s it goes on without that peer.`,
    ),
    intent && intentNotice(intent, leased, now),
    deaths &&
      members.length > 1 &&
      html`A peer has gone since the last change. The next sweep looks whether the others are whole.`,
  ].filter((line) => line !== undefined && line !== false);
  return html`${lines.map((line) => html`<p class="notice">${line}</p>`)}`;
}

const intentNotice = ({ kind, pod, at }: Intent, leased: boolean, now: number): Html =>
  html`A ${kind}${pod !== undefined && html` for <b class="id">${pod}</b>`}
  ${leased ? "is under way since" : "was left half-done"}
  ${age(at, now)}${!leased && " ago. The next step or sweep settles it by re-forming the network."}`;

/** Age, generation, re-forms. */
function lifeOf({ members, generation, log }: NetworkStatus, now: number): Html {
  const oldest = members.at(-1);
  const reformed = log.find(({ outcome }) => outcome === "reformed");
  const times = generation === 0 ? "never" : count(generation, "time", "times");
  const rows: readonly (readonly [string, Part])[] = [
    ["Oldest peer", oldest ? age(oldest.joinedAt, now) : "none"],
    ["Generation", generation],
    ["Re-formed", html`${times}${reformed && html`, last ${age(reformed.at, now)} ago`}`],
  ];
  return html`<dl class="life" data-key="life">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function stack({ id, members }: NetworkStatus, now: number): Html {
  if (members.length === 0) {
    return html`<p class="none" data-key="stack">No peer is in. The next one founds the network.</p>`;
  }
  const title = `Who joined through whom in ${id}; the table says the same`;
  return html`<div class="stack" data-key="stack">${treePicture(members, title)}<table><caption>Members of ${id}, newest on top</caption>
<thead><tr><th scope="col">Peer</th><th scope="col">Through</th><th scope="col">In since</th></tr></thead>
<tbody>${members.map((member, row) => memberRow(member, row === members.length - 1, now))}</tbody></table></div>`;
}

function memberRow(member: Member, isOldest: boolean, now: number): Html {
  const { name, address, via, joinedAt, podIs, hungMs } = member;
  const odd = hungMs === undefined ? podIs && `pod ${podIs}` : "does not answer";
  return html`<tr><th scope="row"><span class="id" data-find>${name}</span><span class="address" data-find>${address}</span>${odd !== undefined && html` <b class="odd">${odd}</b>`}</th>${through(via, isOldest)}<td>${age(joinedAt, now)}</td></tr>`;
}

/** Only the oldest can be a founder: any other without a contact came in by a re-form. */
function through(via: string | null, isOldest: boolean): Html {
  if (via !== null) return html`<td class="id">${via}</td>`;
  return html`<td>${isOldest ? "first" : "re-form"}</td>`;
}

function gaps(notIn: readonly NotIn[]): Html {
  if (notIn.length === 0) return html``;
  return html`<h4>Not in</h4>
    <ul class="gaps">
      ${notIn.map(gap)}
    </ul>`;
}

/** A pod that is not in: the reason and what helps, in words. */
export function gap({ pod, namespace, name, reason, says, message, cure, needsHelp }: NotIn): Html {
  const why = `/why/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}`;
  return html`<li class="gap${needsHelp && " help"}" data-key="${pod}">
<p class="head"><b class="id" data-find>${name}</b><span class="reason" data-find>${reason}</span><a href="${why}" aria-label="Why is ${pod} not in?">Why?</a></p>
<p>${says}</p><p class="case" data-find>${message}</p><p class="cure"><b>What helps</b> ${cure}</p></li>`;
}

function lastOutcomes(entries: readonly LogEntry[], now: number): Html {
  if (entries.length === 0) return html``;
  return html`<h4>Last outcomes</h4>
    <ol class="log">
      ${entries.slice(0, LOG_LINES).map((entry) => logLine(entry, now))}
    </ol>`;
}

/** One line of a log: when, how the step ended, and the sentence that it ended with. */
export function logLine({ at, outcome, reason, message }: LogEntry, now: number, where?: Html): Html {
  const isStop = outcome === "held" || outcome === "refused";
  return html`
<li><span class="outcome ${isStop ? "stop" : "done"}">${outcome}</span> <span class="when">${age(at, now)} ago</span>${where}${isStop && html` <span class="reason">${reason}</span>`}<p>${message}</p></li>`;
}
