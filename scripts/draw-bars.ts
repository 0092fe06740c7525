/** Bars of one quantity. */
export interface Panel {
  readonly title: string;
  readonly unit: string;
  /** `lit`: the one that the picture is about. */
  readonly bars: readonly { readonly name: string; readonly value: number; readonly lit: boolean }[];
}

const WIDTH = 760;
const NAMES = 290;
const ROW = 30;
const TITLE = 34;
const GAP = 18;
/** Room right of the longest bar, for its value. */
const VALUE = 76;

/** Panels of bars under each other, as SVG; readable on light and on dark ground, and by who hears it. */
export function drawBars(panels: readonly Panel[]): string {
  const heights = panels.map(({ bars }) => TITLE + bars.length * ROW + GAP);
  const height = heights.reduce((sum, each) => sum + each, 0);
  const drawn = panels.map((panel, at) =>
    drawPanel(
      panel,
      heights.slice(0, at).reduce((sum, each) => sum + each, 0),
    ),
  );
  const words = panels.map(
    ({ title, unit, bars }) =>
      `${title}: ${bars.map(({ name, value }) => `${name} ${value} ${unit}`).join(", ")}.`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-labelledby="said">
<title id="said">${escaped(words.join(" "))}</title>
<style>
text { font: 14px ui-sans-serif, system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; fill: #1d1f23 }
.title { font-weight: 600 }
.value { font-variant-numeric: tabular-nums }
rect { fill: #a3a9b3 }
.lit { fill: #d98e04 }
text.lit { fill: #1d1f23; font-weight: 600 }
@media (prefers-color-scheme: dark) {
text, text.lit { fill: #e8e9ec }
rect { fill: #6f7784 }
.lit { fill: #f0b23c }
}
</style>
${drawn.join("\n")}
</svg>
`;
}

function drawPanel({ title, unit, bars }: Panel, top: number): string {
  const most = Math.max(...bars.map(({ value }) => value));
  const lines = bars.map(({ name, value, lit }, at) => {
    const y = top + TITLE + at * ROW;
    const width = Math.max(2, Math.round((value / most) * (WIDTH - NAMES - VALUE)));
    const kind = lit ? ` class="lit"` : "";
    return `<text${kind} x="${NAMES - 12}" y="${y + 15}" text-anchor="end">${escaped(name)}</text>
<rect${kind} x="${NAMES}" y="${y}" width="${width}" height="20" rx="3"/>
<text class="value${lit ? " lit" : ""}" x="${NAMES + width + 8}" y="${y + 15}">${value} ${escaped(unit)}</text>`;
  });
  return `<text class="title" x="${NAMES}" y="${top + 20}">${escaped(title)}, ${escaped(unit)}</text>
${lines.join("\n")}`;
}

const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
