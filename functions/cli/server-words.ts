import { duration } from "../page/age.ts";
import type { NotIn } from "../status/not-in.ts";
import type { Member, NetworkStatus, Status } from "../status/status.ts";
import type { Why } from "../status/why.ts";

import { ago as agoAt, lines } from "./words.ts";

const agoSince = (at: string, now: string): string => agoAt(at, Date.parse(now));

/** The answer to "why?", for a person. */
export function whyAtServerInWords(why: Why): string {
  const { pod, verdict, reason, says, message, cure, network } = why;
  const where = network === null ? "" : ` ${network.network}`;
  const head = verdict === "unknown" ? `${pod}: cannot be told now` : `${pod} is ${verdict}${where}`;
  return lines(
    head,
    "",
    `  ${reason}: ${says}`,
    `  ${message}`,
    ...why.waitsFor.map((what) => `  Waits for ${what}`),
    `  What helps: ${cure}`,
    ...seenLines(why),
    ...decisionLines(why),
  );
}

function seenLines({ seen: pod, network, member, at }: Why): readonly string[] {
  const rows = [
    ...(pod ? podRows(pod, at) : []),
    ...(network ? [["members", `${network.members}, generation ${network.generation}`]] : []),
    ...(member
      ? [["in since", `${member.joinedAt}${member.via === null ? "" : ` through ${member.via}`}`]]
      : []),
  ];
  return ["", ...rows.map(([name = "", value = ""]) => `  ${name.padEnd(12)} ${value}`)];
}

const podRows = (pod: NonNullable<Why["seen"]>, now: string): readonly (readonly [string, string])[] => [
  ["label", pod.label ?? "none"],
  ["address", pod.address ?? "none"],
  ["container", pod.container ?? "not known"],
  ["incarnation", pod.incarnation],
  ["ready", readinessWords(pod, now)],
];

function readinessWords({ ready, unreadySince, deleting }: NonNullable<Why["seen"]>, now: string): string {
  const since = unreadySince === null ? "" : `, since ${agoSince(unreadySince, now).replace(" ago", "")}`;
  return `${ready ? "yes" : `no${since}`}${deleting ? ", being deleted" : ""}`;
}

function decisionLines({ condition, log, at }: Why): readonly (string | undefined)[] {
  if (condition === null && log.length === 0) return [];
  const { status, reason, message, since } = condition ?? {};
  return [
    "",
    "  Decided so far",
    condition === null
      ? undefined
      : `  condition ${status} ${reason}${since ? `, ${agoSince(since, at)}` : ""}: ${message}`,
    ...log.map((entry) => `  ${entry.at} ${entry.outcome} ${entry.reason}: ${entry.message}`),
  ];
}

/** All networks, for a person. */
export function statusInWords({ at, cluster, networks, unplaced }: Status): string {
  const blocks = networks.map((network) => lines(...networkLines(network, at)));
  if (cluster.tag !== "seen") {
    blocks.unshift(lines(`Pods that are not in are not known: ${cluster.message}`));
  }
  if (networks.length === 0) blocks.push(lines("There is no network yet."));
  if (unplaced.length > 0) blocks.push(lines("Pods without a network", ...unplaced.flatMap(gapLines)));
  return blocks.join("\n");
}

function networkLines(
  { network, generation, members, notIn, leased, intent }: NetworkStatus,
  now: string,
): readonly string[] {
  const facts = [
    `${members.length} in`,
    ...(notIn.length > 0 ? [`${notIn.length} not in`] : []),
    `generation ${generation}`,
    ...(leased ? ["changing now"] : intent ? [`a ${intent.kind} was left half-done`] : []),
  ];
  const width = Math.max(0, ...members.map(({ name }) => name.length));
  const place = Math.max(0, ...members.map(({ address }) => address.length));
  return [
    `${network}  ${facts.join(", ")}`,
    ...members.map((member) => memberLine(member, width, place, now)),
    ...notIn.flatMap(gapLines),
  ];
}

function memberLine(
  { name, address, via, joinedAt, hungMs, podIs }: Member,
  width: number,
  place: number,
  now: string,
): string {
  const how = via === null ? "" : `  through ${via}`;
  const odd = hungMs === undefined ? podIs && `pod ${podIs}` : `no answer for ${duration(hungMs)}`;
  return `  ${name.padEnd(width)}  ${address.padEnd(place)}  ${agoSince(joinedAt, now)}${how}${odd ? `  (${odd})` : ""}`;
}

const gapLines = ({ name, reason, message, cure }: NotIn): readonly string[] => [
  `  not in: ${name}, ${reason}: ${message}`,
  `    What helps: ${cure}`,
];
