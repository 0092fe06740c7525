import type { NetworkStatus, Status } from "../status/status.ts";

/** How a network stands, in a word or two; the worst that is so. */
export function stateText({ level, troubles, notIn, leased }: NetworkStatus): string {
  const hung = troubles.filter(({ reason }) => reason === "MemberHung").length;
  if (hung > 0) return hung === 1 ? "1 does not answer" : `${hung} do not answer`;
  const help = [...troubles, ...notIn].filter(({ needsHelp }) => needsHelp).length;
  if (help > 0) return help === 1 ? "1 needs help" : `${help} need help`;
  if (level === "unknown") return "not known";
  if (leased) return "changing now";
  if (troubles.length > 0) return "held";
  return notIn.length > 0 ? `${notIn.length} on the way` : "all in";
}

/** What somebody is looking for. */
export interface Filter {
  readonly search: string;
  /** Only what somebody should look at. */
  readonly attention: boolean;
}

/** All words must stand in the network's key, in a peer's or pod's name, in an address, or in a reason's text. */
export function isFound(network: NetworkStatus, { search, attention }: Filter): boolean {
  if (attention && network.level !== "help") return false;
  const words = search.toLowerCase().match(/\S+/gu);
  if (words === null) return true;
  const text = searchText(network).toLowerCase();
  return words.every((word) => text.includes(word));
}

/** The script searches the same texts where the page marks them with `data-find`. */
const searchText = ({ network, members, troubles, notIn }: NetworkStatus): string =>
  [
    network,
    ...members.flatMap(({ name, address }) => [name, address]),
    ...troubles.flatMap(({ reason, message }) => [reason, message]),
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
    if (network.level === "help") totals.attention += 1;
  }
  return totals;
}
