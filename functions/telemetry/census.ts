import type { Outcome } from "../../lib/outcome.ts";
import { type ReasonFacts, reasons } from "../../lib/reasons.ts";
import type { Seen, SweepReport } from "../../lib/reconcile/sweep.ts";
import type { NotIn } from "../status/not-in.ts";
import { type NetworkStatus, statusOf } from "../status/status.ts";
import { podKey, type Trouble } from "../status/trouble.ts";
import type { Recorder } from "./recorder.ts";

type Gauges = Pick<Recorder, "record">;

/**
 * Writes how all networks stand after a sweep, as gauges. Each is written for every value that its attribute can have, so
 * that what is over goes back to 0. Of a sweep that was blind only that is written. `now`: ms since 1970.
 */
export function recordCensus(gauges: Gauges, { outcomes, unfinished, seen }: SweepReport, now: number): void {
  for (const reason of blindReasons) {
    const isSo = outcomes.some((outcome) => outcome.reason === reason);
    gauges.record("blind", Number(isSo), { "klight.reason": reason });
  }
  if (seen === undefined) return;
  recordStanding(gauges, afterSteps(seen, outcomes, now), now);
  const couldReadAll = !outcomes.some(({ reason }) => blindReasons.includes(reason));
  if (couldReadAll && unfinished.length === 0) gauges.record("lastSweep", now / 1_000, {});
}

interface Standing {
  readonly networks: readonly Pick<NetworkStatus, "troubles" | "notIn" | "leased">[];
  readonly peersIn: number;
  readonly out: readonly NotIn[];
}

/** What was read is from before the sweep's own steps: whom they have brought in is in. */
function afterSteps({ pods, views }: Seen, outcomes: readonly Outcome[], now: number): Standing {
  const status = statusOf({ cluster: { tag: "seen" }, seen: { pods, at: now }, views }, now);
  const broughtIn = new Set(outcomes.filter(isIn).flatMap(({ pod }) => (pod ? [podKey(pod)] : [])));
  const networks = status.networks.map((network) => ({
    ...network,
    notIn: network.notIn.filter(({ pod }) => !broughtIn.has(pod)),
  }));
  const members = status.networks.flatMap((network) => network.members);
  const living = members.filter(({ podIs }) => podIs !== "gone" && podIs !== "another life");
  const wereOut = status.networks.flatMap(({ notIn }) => notIn);
  const areOut = networks.flatMap(({ notIn }) => notIn);
  const arrived = wereOut.length - areOut.length;
  return { networks, peersIn: living.length + arrived, out: [...areOut, ...status.unplaced] };
}

const isIn = ({ name }: Outcome): boolean =>
  name === "founded" || name === "joined" || name === "reformed" || name === "member";

function recordStanding(gauges: Gauges, { networks, peersIn, out }: Standing, now: number): void {
  for (const level of levels) {
    const those = networks.filter((network) => levelOf(network) === level);
    gauges.record("networks", those.length, { "klight.level": level });
  }
  gauges.record("peersIn", peersIn, {});
  const held = networks.flatMap(({ troubles }) => troubles.find(({ needsHelp }) => needsHelp) ?? []);
  recordByReason(gauges, "heldNetworks", held);
  recordByReason(gauges, "podsNotIn", out);
  const inNeed = out.filter(({ needsHelp }) => needsHelp);
  recordByReason(gauges, "podsInNeed", inNeed);
  const since = out.map(({ since: from }) => (from === undefined ? now : Date.parse(from)));
  gauges.record("oldestNotIn", (now - Math.min(now, ...since)) / 1_000, {});
}

const levels = ["well", "wait", "help"] as const;

function levelOf({ troubles, notIn, leased }: Standing["networks"][number]): (typeof levels)[number] {
  const missing = [...troubles, ...notIn];
  if (missing.some(({ needsHelp }) => needsHelp)) return "help";
  return leased || missing.length > 0 ? "wait" : "well";
}

const known = Object.values(reasons).flatMap((those) => Object.entries<ReasonFacts>(those));
const blindReasons: readonly string[] = known.filter(([, { blind }]) => blind).map(([reason]) => reason);

/** A reason that somebody else has written into a condition: one series for all of them, whatever they write. */
const FOREIGN = "other";

/** Reasons that a pod can be out for, or a network held. */
const troubling: readonly string[] = [
  ...known
    .filter(([, { mayLastMs, blind = false }]) => mayLastMs < Infinity && !blind)
    .map(([reason]) => reason),
  FOREIGN,
];

function recordByReason(
  gauges: Gauges,
  metric: "heldNetworks" | "podsNotIn" | "podsInNeed",
  troubles: readonly Trouble[],
): void {
  const counts = new Map(troubling.map((reason) => [reason, 0]));
  for (const { reason } of troubles) {
    const name = counts.has(reason) ? reason : FOREIGN;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  for (const [reason, count] of counts) gauges.record(metric, count, { "klight.reason": reason });
}
