import { type ReasonFacts, reasons } from "../../lib/reasons.ts";
import { duration } from "./age.ts";
import { plainDocument } from "./document.ts";
import { html, type Html } from "./html.ts";

/** All reasons, each with its name as the target of a link. */
export const reasonsDocument = (): Html =>
  plainDocument(
    "Reasons",
    html`<h2>Reasons</h2>
      ${Object.values(reasons).flatMap((those) =>
        Object.entries<ReasonFacts>(those).map(([reason, facts]) => section(reason, facts)),
      )}`,
  );

const section = (reason: string, { says, cure, mendsItself, mayLastMs }: ReasonFacts): Html =>
  html`<section class="about" id="${reason}" aria-labelledby="about-${reason}">
    <h3 id="about-${reason}">${reason}</h3>
    <p>${says}</p>
    <p class="cure"><b>What helps</b> ${cure}</p>
    ${mayLastMs < Infinity && html`<p class="case">${mendsItself && "Passes by itself. "}${mayLastMs === 0 ? "Needs help." : `Needs help after ${duration(mayLastMs)}.`}</p>`}
  </section>`;
