import { duration } from "../page/age.ts";
import type { ToldEvent } from "./events.ts";
import type { NetworkReport, PodReport } from "./pods.ts";

/** What pods bring along may hold characters that a terminal obeys. */
const plainText = (text: string): string =>
  text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);

/** Lines for a terminal; whatever stands in them, each stays one line. */
export const lines = (...parts: readonly (string | undefined)[]): string =>
  `${parts
    .filter((part) => part !== undefined)
    .map(plainText)
    .join("\n")}\n`;

export const ago = (at: string, now: number): string => `${duration(now - Date.parse(at))} ago`;

/** Columns as kubectl has them: as wide as what is widest in them, two blanks between. */
export function table(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(plainText));
  const widths = cells.reduce<number[]>(
    (widest, row) => row.map((cell, column) => Math.max(widest[column] ?? 0, cell.length)),
    [],
  );
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

/** The answer to "why?", for a person. `now`: ms since 1970. */
export function whyInWords(report: PodReport, events: readonly ToldEvent[], now: number): string {
  const { pod, verdict, network, reason, says, message, cure, needsHelp } = report;
  const long = report.since === undefined ? "" : `, for ${duration(now - Date.parse(report.since))}`;
  const urgent = needsHelp ? ": somebody should look" : "";
  const rows = [
    ["address", report.address ?? "none"],
    ["container", report.container ?? "not known"],
    ["incarnation", report.incarnation],
    ...(report.via === null ? [] : [["through", report.via]]),
  ];
  return lines(
    `${pod} is ${verdict}${network === null ? "" : ` ${network}`}${long}${urgent}`,
    "",
    `  ${reason}: ${says}`,
    ...(message === "" ? [] : [`  ${message}`]),
    `  What helps: ${cure}`,
    "",
    ...rows.map(([name = "", value = ""]) => `  ${name.padEnd(12)} ${value}`),
    ...(events.length === 0 ? [] : ["", "  Told so far"]),
    ...events.map((event) => `  ${ago(event.at, now)}  ${event.type} ${event.reason}: ${event.message}`),
  );
}

/** Nothing to show. `namespace` undefined: all were looked at. */
export const noNetworkInWords = (namespace: string | undefined): string =>
  namespace === undefined
    ? lines("No pod has the label klight.networkId.")
    : lines(
        `No pod of the namespace ${namespace} has the label klight.networkId; -A looks at all namespaces.`,
      );

const states = { help: "needs help", wait: "on the way", well: "well" } as const;

/** All networks, a row each, and below it who is not in. `now`: ms since 1970. */
export function networksInWords(networks: readonly NetworkReport[], now: number): string {
  const rows = networks.map((network) => [
    network.network,
    String(network.in.length),
    String(network.notIn.length),
    states[network.level],
  ]);
  const out = networks.flatMap(({ in: members, notIn }) => [
    ...members.filter(({ needsHelp }) => needsHelp),
    ...notIn,
  ]);
  const gaps = out.flatMap((report) => [
    `${report.pod}: ${report.reason}${forHowLong(report, now)}${report.needsHelp ? ", somebody should look" : ""}`,
    `  ${report.message}`,
    `  What helps: ${report.cure}`,
  ]);
  return table([["NETWORK", "IN", "NOT IN", "STATE"], ...rows]) + (gaps.length > 0 ? lines("", ...gaps) : "");
}

/** All pods, a row each. `now`: ms since 1970. */
export function podsInWords(networks: readonly NetworkReport[], now: number): string {
  const rows = networks.flatMap(({ network, in: members, notIn }) =>
    [...members, ...notIn].map((report) => [
      network,
      report.pod,
      report.verdict,
      report.reason,
      report.since === undefined ? "" : duration(now - Date.parse(report.since)),
      report.address ?? "",
      report.via ?? "",
    ]),
  );
  return table([["NETWORK", "POD", "VERDICT", "REASON", "SINCE", "ADDRESS", "THROUGH"], ...rows]);
}

const forHowLong = ({ since }: PodReport, now: number): string =>
  since === undefined ? "" : `, for ${duration(now - Date.parse(since))}`;
