import type { Intent, LogEntry } from "../../lib/store/contacts.ts";
import type { NotIn } from "../status/not-in.ts";
import type { Member, NetworkStatus } from "../status/status.ts";
import { isStop, type Trouble } from "../status/trouble.ts";
import { age } from "./age.ts";
import { html, type Html, type Part } from "./html.ts";
import { stateText } from "./network-state.ts";
import { cutName, podPage, reasonLink } from "./names.ts";
import { treePictures } from "./tree-picture.ts";

/** So many lines of its log are shown with a network; `GET /networks` has all. */
const LOG_LINES = 12;

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
  const inside = html`<div class="inside">${notices(network, now)}${networkLife(network, now)}${stackTable(network, now)}${gaps(notIn, now)}${lastOutcomes(log, now)}</div>`;
  return html`
<details class="network" id="${anchor(key)}" data-key="${key}" data-level="${level}" data-revision="${revision}"${open && html` open`}>
<summary><span class="state ${level}">${stateText(network)}</span><h3 class="name cut" data-find>${cutName(id)}</h3>${sectionFacts(network, now)}</summary>
${open ? inside : html`<noscript>${inside}</noscript>`}
</details>`;
}

export const anchor = (network: string): string => `network-${network}`;

export const counted = (number: number, one: string, many: string): string =>
  `${number} ${number === 1 ? one : many}`;

function sectionFacts({ members, notIn, generation }: NetworkStatus, now: number): Html {
  const [newest] = members;
  const rows = [
    counted(members.length, "peer", "peers"),
    notIn.length > 0 && `${notIn.length} not in`,
    `generation ${generation}`,
    newest && html`joined ${age(newest.joinedAt, now)} ago`,
  ];
  return html`${rows.map((row) => html`<span class="fact">${row}</span>`)}`;
}

function notices({ members, intent, leased, deaths, troubles }: NetworkStatus, now: number): Html {
  const lines = [
    ...troubles.map((trouble) => troubleText(trouble, now)),
    leased && intent && intentLine(intent, now),
    deaths &&
      members.length > 1 &&
      html`A peer has gone since the last change. The next sweep looks whether the others are whole.`,
  ].filter((line) => line !== undefined && line !== false);
  return html`${lines.map((line) => html`<div class="notice">${line}</div>`)}`;
}

const intentLine = ({ kind, pod, at }: Intent, now: number): Html =>
  html`A ${kind}${pod !== undefined && html` for <b class="id">${pod}</b>`} is under way since ${age(at, now)}.`;

/** A reason in words, with its case and what helps. */
const troubleText = ({ reason, since, says, message, cure }: Trouble, now: number): Html =>
  html`<p class="head"><span data-find>${reasonLink(reason)}</span>${since !== undefined && html`<span class="when">for ${age(since, now)}</span>`}</p>
<p>${says}</p><p class="case" data-find>${message}</p><p class="cure"><b>What helps</b> ${cure}</p>`;

/** Age, generation, re-forms. */
function networkLife({ members, generation, log }: NetworkStatus, now: number): Html {
  const oldest = members.at(-1);
  const reformed = log.find(({ outcome }) => outcome === "reformed");
  const times = generation === 0 ? "never" : counted(generation, "time", "times");
  const rows: readonly (readonly [string, Part])[] = [
    ["Oldest peer", oldest ? age(oldest.joinedAt, now) : "none"],
    ["Generation", generation],
    ["Re-formed", html`${times}${reformed && html`, last ${age(reformed.at, now)} ago`}`],
  ];
  return html`<dl class="life" data-key="life">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function stackTable({ id, members }: NetworkStatus, now: number): Html {
  if (members.length === 0) {
    return html`<p class="none" data-key="stack">No peer is in. The next one founds the network.</p>`;
  }
  const pictures = treePictures(members);
  return html`<table data-key="stack"><caption>Members of ${id}, newest on top</caption>
<thead><tr><td class="tree"></td><th scope="col">Peer</th><th scope="col">Through</th><th scope="col">In since</th></tr></thead>
<tbody>${members.map((member, row) => memberRow(member, { picture: pictures[row], isOldest: row === members.length - 1, now }))}</tbody></table>`;
}

interface Row {
  readonly picture: Html | undefined;
  readonly isOldest: boolean;
  readonly now: number;
}

function memberRow(member: Member, { picture, isOldest, now }: Row): Html {
  const { name, address, via, joinedAt, podIs, hungMs } = member;
  const odd = hungMs === undefined ? podIs && `pod ${podIs}` : "does not answer";
  return html`<tr><td class="tree" aria-hidden="true">${picture}</td><th scope="row"><span class="id cut" data-find>${cutName(name)}</span><span class="address" data-find>${address}</span>${odd !== undefined && html` <b class="odd">${odd}</b>`}</th>${through(via, isOldest)}<td>${age(joinedAt, now)}</td></tr>`;
}

/** Only the oldest can be a founder: any other without a contact came in by a re-form. */
function through(via: string | null, isOldest: boolean): Html {
  if (via !== null) return html`<td><span class="id cut">${cutName(via)}</span></td>`;
  return html`<td>${isOldest ? "first" : "re-form"}</td>`;
}

function gaps(notIn: readonly NotIn[], now: number): Html {
  if (notIn.length === 0) return html``;
  return html`<h4>Not in</h4>
    <ul class="gaps">
      ${notIn.map((each) => gap(each, now))}
    </ul>`;
}

/** A pod that is not in: the reason and what helps, in words. */
export function gap({ pod, namespace, name, ...trouble }: NotIn, now: number): Html {
  return html`<li class="gap${trouble.needsHelp && " help"}" data-key="${pod}">
<p class="title"><b class="id cut" data-find>${cutName(name)}</b><a href="${podPage(namespace, name)}" aria-label="Why is ${pod} not in?">Why?</a></p>
${troubleText(trouble, now)}</li>`;
}

function lastOutcomes(entries: readonly LogEntry[], now: number): Html {
  if (entries.length === 0) return html``;
  return html`<h4>Last outcomes</h4>
    <ol class="log">
      ${runsOf(entries)
        .slice(0, LOG_LINES)
        .map(({ entry, times }) => logLine(entry, times, now))}
    </ol>`;
}

interface Run {
  readonly entry: LogEntry;
  readonly times: number;
}

/** The same said again and again is one line, with the newest time. */
export function runsOf(entries: readonly LogEntry[]): readonly Run[] {
  const runs: { entry: LogEntry; times: number }[] = [];
  for (const entry of entries) {
    const last = runs.at(-1);
    const { outcome, reason, message, pod } = entry;
    const isSame =
      last?.entry.outcome === outcome &&
      last.entry.reason === reason &&
      last.entry.message === message &&
      last.entry.pod === pod;
    if (isSame) last.times += 1;
    else runs.push({ entry, times: 1 });
  }
  return runs;
}

/** One line of a log: when, how the step ended, and the sentence that it ended with. */
function logLine(entry: LogEntry, times: number, now: number): Html {
  return html`
<li>${outcomeOf(entry)}${times > 1 && html` <span class="when">${times} times, last</span>`} <span class="when">${age(entry.at, now)} ago</span>${isStop(entry) && html` ${reasonLink(entry.reason)}`}<p>${entry.message}</p></li>`;
}

export const outcomeOf = (entry: LogEntry): Html =>
  html`<span class="outcome ${isStop(entry) ? "stop" : "done"}">${entry.outcome}</span>`;
