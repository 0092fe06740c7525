import type { Member } from "../status/status.ts";
import { html, type Html } from "./html.ts";
import { layOut, type Node } from "./tree.ts";

/** Units of the picture: as high as a row of the table beside it, which is 3rem. */
const ROW = 48;
const LANE = 16;
const MIDDLE = 24;
const UNITS_PER_REM = 16;

const x = (lane: number): number => LANE / 2 + 4 + lane * LANE;
const y = (row: number): number => MIDDLE + row * ROW;

/** The picture of who joined through whom, beside the table that says the same in words. */
export function treePicture(members: readonly Member[], title: string): Html {
  const { lanes, nodes } = layOut(members);
  const width = lanes * LANE + 8;
  const height = members.length * ROW;
  return html`
<svg class="tree" role="img" aria-label="${title}" width="${width / UNITS_PER_REM}rem" height="${height / UNITS_PER_REM}rem" viewBox="0 0 ${width} ${height}">${linesOf(nodes)}${members.map((member, row) => dot(member, row, nodes[row]))}</svg>`;
}

function linesOf(nodes: readonly Node[]): Html {
  const own = nodes.map((node, row) => lineOf(node, row)).join("");
  const stubs = nodes.map(({ lane, orphan }, row) => (orphan ? `M${x(lane)} ${y(row)}v16` : "")).join("");
  return html`${own !== "" && html`<path d="${own}" />`}${stubs !== "" && html`<path class="stub" d="${stubs}" />`}`;
}

/** Straight down to the parent, or in a bow into the line of a sibling. */
function lineOf({ lane, parent, into }: Node, row: number): string {
  if (parent === undefined) return "";
  if (into === undefined) return `M${x(lane)} ${y(row)}V${y(parent)}`;
  const bend = y(row) + ROW / 2;
  return `M${x(lane)} ${y(row)}C${x(lane)} ${bend} ${x(into)} ${bend} ${x(into)} ${y(row + 1)}`;
}

function dot({ hungMs }: Member, row: number, node: Node | undefined): Html {
  const kind = hungMs === undefined ? (node?.parent === undefined ? "root" : "peer") : "hung";
  return html`<circle class="${kind}" cx="${x(node?.lane ?? 0)}" cy="${y(row)}" r="${kind === "peer" ? 5 : 6}"/>`;
}
