import type { Member } from "../status/status.ts";
import { html, type Html } from "./html.ts";
import { layOut, type Node, type Tree } from "./tree.ts";

/** Units of a picture; its lines are stretched to the height of its row. */
const ROW = 48;
const LANE = 16;
const MIDDLE = ROW / 2;

const x = (lane: number): number => LANE / 2 + 4 + lane * LANE;

/**
 * Who joined through whom, a picture for each row of the table, which says the same in words. The lines of a row end
 * where those of the next one begin, however high a row is.
 */
export function treePictures(members: readonly Member[]): readonly Html[] {
  const tree = layOut(members);
  const width = tree.lanes * LANE + 8;
  const lines = linesByRow(tree);
  return members.map(({ hungMs }, row) =>
    picture(tree.nodes[row], { path: lines[row], isHung: hungMs !== undefined, width }),
  );
}

interface Piece {
  readonly path: string | undefined;
  readonly isHung: boolean;
  readonly width: number;
}

function picture(node: Node | undefined, { path, isHung, width }: Piece): Html {
  const at = x(node?.lane ?? 0);
  const isRoot = node?.parent === undefined;
  const kind = isHung ? "hung" : isRoot ? "root" : "peer";
  const stub = node?.orphan && html`<path class="stub" d="M${at} ${MIDDLE}v16"/>`;
  return html`<svg class="lines" width="${width}" viewBox="0 0 ${width} ${ROW}" preserveAspectRatio="none">${path && html`<path d="${path}"/>`}${stub}</svg><svg class="dot" width="${width}" viewBox="0 0 ${width} ${ROW}"><circle class="${kind}" cx="${at}" cy="${MIDDLE}" r="${kind === "peer" ? 5 : 6}"/></svg>`;
}

/** The pieces of all lines that lie in each row. */
function linesByRow({ nodes }: Tree): readonly string[] {
  const paths = nodes.map(() => "");
  const draw = (row: number, piece: string): void => {
    if (row < paths.length) paths[row] += piece;
  };
  for (const [row, { lane, parent, into }] of nodes.entries()) {
    if (parent === undefined) continue;
    const at = x(lane);
    if (into === undefined) {
      draw(row, `M${at} ${MIDDLE}V${ROW}`);
      for (let between = row + 1; between < parent; between += 1) draw(between, `M${at} 0V${ROW}`);
      draw(parent, `M${at} 0V${MIDDLE}`);
    } else {
      const [upper, lower] = bow(at, x(into));
      draw(row, upper);
      draw(row + 1, lower);
    }
  }
  return paths;
}

/** From the middle of a row to the middle of the next one in another lane: one curve, cut in two where the rows meet. */
function bow(from: number, to: number): readonly [upper: string, lower: string] {
  const [near, half, far] = [0.25, 0.5, 0.75].map((part) => from + (to - from) * part);
  return [
    `M${from} ${MIDDLE}C${from} 36 ${near} 42 ${half} ${ROW}`,
    `M${half} 0C${far} 6 ${to} 12 ${to} ${MIDDLE}`,
  ];
}
