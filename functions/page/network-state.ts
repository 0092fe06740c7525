import type { NetworkStatus, Status } from "../status/status.ts";

/** How a network stands, in a word or two; the worst that is so. */
export interface State {
  /** `help`: somebody should look; `wait`: something is under way; `well`: nothing is missing. */
  readonly level: "help" | "wait" | "well";
  readonly text: string;
}

export function stateOf({ members, notIn, intent, leased }: NetworkStatus): State {
  const hung = members.filter(({ hungMs }) => hungMs !== undefined).length;
  if (hung > 0) return { level: "help", text: hung === 1 ? "1 does not answer" : `${hung} do not answer` };
  const stuck = notIn.filter(({ mendsItself }) => !mendsItself).length;
  if (stuck > 0) return { level: "help", text: stuck === 1 ? "1 needs help" : `${stuck} need help` };
  if (intent && !leased) return { level: "help", text: "left half-done" };
  if (leased) return { level: "wait", text: "changing now" };
  if (notIn.length > 0) return { level: "wait", text: `${notIn.length} on the way` };
  return { level: "well", text: "all in" };
}

/** What somebody is looking for. */
export interface Filter {
  readonly search: string;
  /** Only what somebody should look at. */
  readonly attention: boolean;
}

/** All words must stand in the network's key, in a peer's or pod's name, in an address, or in a reason's text. */
export function isFound(network: NetworkStatus, { search, attention }: Filter): boolean {
  if (attention && stateOf(network).level !== "help") return false;
  const words = search.toLowerCase().match(/\S+/gu);
  if (words === null) return true;
  const text = searchText(network).toLowerCase();
  return words.every((word) => text.includes(word));
}

/** The script searches the same texts where the page marks them with `data-find`. */
const searchText = ({ network, members, notIn }: NetworkStatus): string =>
  [
    network,
    ...members.flatMap(({ name, address }) => [name, address]),
    ...notIn.flatMap(({ name, reason, message }) => [name, reason, message]),
  ].join("\n");

export interface Totals {
  readonly networks: number;
  readonly members: number;
  readonly notIn: number;
  readonly attention: number;
}

export function totalsOf({ networks, unplaced }: Status): Totals {
  const totals = { networks: networks.length, members: 0, notIn: unplaced.length, attention: 0 };
  for (const network of networks) {
    totals.members += network.members.length;
    totals.notIn += network.notIn.length;
    if (stateOf(network).level === "help") totals.attention += 1;
  }
  return totals;
}
