import type { Why } from "../status/why.ts";
import { age } from "./age.ts";
import { plainDocument } from "./document.ts";
import { html, type Html, type Part } from "./html.ts";
import { command, reasonLink } from "./names.ts";
import { outcomeOf } from "./network-section.ts";

/** All that is known of one pod, in words. */
export function whyDocument(why: Why): Html {
  const { pod, at, verdict, reason, since, says, message, cure, needsHelp, waitsFor } = why;
  const now = Date.parse(at);
  const [namespace = "", name = ""] = pod.split("/");
  const head = verdict === "unknown" ? "cannot be told now" : `is ${verdict}`;
  return plainDocument(
    pod,
    html`<h2><span class="id">${pod}</span> ${head}</h2>
      <div class="gap${needsHelp && " help"}">
        <p class="head">
          ${reasonLink(reason)}${since !== undefined && html`<span class="when">for ${age(since, now)}</span>`}
        </p>
        <p>${says}</p>
        <p class="case">${message}</p>
        ${waitsFor.map((what) => html`<p>Waits for ${what}.</p>`)}
        <p class="cure"><b>What helps</b> ${cure}</p>
      </div>
      <h3>Look further</h3>
      ${command(`kubectl klight why ${pod}`)}${command(`kubectl -n ${namespace} describe pod ${name}`)}
      ${why.network !== null && command(`kubectl klight reform ${why.network.network}`)}
      ${whyFacts(why, now)}${lastDecision(why, now)}
      <p><a href="/why/${encodeURIComponent(namespace)}/${encodeURIComponent(name)}">The same as JSON</a></p>`,
  );
}

export const noPodDocument = (message: string): Html =>
  plainDocument(
    "No such pod",
    html`<h2>No such pod</h2>
      <p class="case">${message}</p>`,
  );

type Fact = readonly [name: string, value: Part];

function whyFacts({ seen, network, member }: Why, now: number): Html {
  const rows: readonly Fact[] = [
    ...(network ? networkFacts(network) : []),
    ...(member ? [["In since", age(member.joinedAt, now)] as const] : []),
    ...(seen ? podFacts(seen) : []),
  ];
  return html`<h3>What klight sees</h3>
    <dl class="facts">${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd class="id">${value}</dd></div>`)}</dl>`;
}

const networkFacts = ({ network, members, generation }: NonNullable<Why["network"]>): readonly Fact[] => [
  ["Network", network],
  ["Members", `${members}, generation ${generation}`],
];

const podFacts = ({ label, address, container, ready }: NonNullable<Why["seen"]>): readonly Fact[] => [
  ["Label", label ?? "none"],
  ["Address", address ?? "none"],
  ["Container", container ?? "not known"],
  ["Ready", ready ? "yes" : "no"],
];

function lastDecision({ condition, log }: Why, now: number): Html {
  if (condition === null && log.length === 0) return html``;
  return html`<h3>Decided so far</h3>
    <ol class="log">
      ${
        condition !== null &&
        html`<li>
          <span class="outcome">condition ${condition.status}</span> ${reasonLink(condition.reason)}
          <p>${condition.message}</p>
        </li>`
      }
      ${log.map(
        (entry) =>
          html`<li>
            ${outcomeOf(entry)} <span class="when">${age(entry.at, now)} ago</span>
            <p>${entry.message}</p>
          </li>`,
      )}
    </ol>`;
}
