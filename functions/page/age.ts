import { html, type Html } from "./html.ts";

const ageUnits = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
] as const;

/** How long something took or is ago, in one unit, rounded down: `12 s`, `4 min`, `3 h`, `2 d`. */
export function duration(ms: number): string {
  const [name, size] = ageUnits.find((unit) => ms >= unit[1]) ?? ["s", 1_000];
  return `${Math.max(0, Math.floor(ms / size))} ${name}`;
}

/** An age that the page's script keeps current. `now`: ms since 1970. */
export const age = (at: string, now: number): Html =>
  html`<time datetime="${at}">${duration(now - Date.parse(at))}</time>`;
