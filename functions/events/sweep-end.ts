import type { ClusterEvent, OwnEvents } from "../../lib/cluster/cluster.ts";
import type { Log } from "../../lib/log.ts";
import type { Outcome } from "../../lib/outcome.ts";
import { factsOf } from "../../lib/reasons.ts";
import type { SweepReport } from "../../lib/reconcile/sweep.ts";
import { firstOf } from "../../lib/shown.ts";

/** Nothing, or not all, could be read. */
export const blindIn = (outcomes: readonly Outcome[]): Outcome | undefined =>
  outcomes.find(({ reason }) => factsOf(reason).blind);

const byWeight = ["held", "refused", "reformed", "joined", "founded", "left", "member", "ignored"] as const;

/** The outcome that weighs most, and how many there are of each: `2 joined, 1 member`. */
export function summaryOf(outcomes: readonly Outcome[]): {
  readonly weightiest: Outcome["name"];
  readonly counts: string;
} {
  const counts = byWeight.flatMap((name) => {
    const count = outcomes.filter((outcome) => outcome.name === name).length;
    return count > 0 ? [`${count} ${name}`] : [];
  });
  const weightiest = byWeight.find((name) => outcomes.some((outcome) => outcome.name === name)) ?? "ignored";
  return { weightiest, counts: counts.join(", ") || "nothing was to be done" };
}

/** How a sweep ended, for whoever looks at klight by his kubeconfig alone, when its process is gone. */
export function sweepEvent({ outcomes, unfinished, seen }: SweepReport): ClusterEvent {
  const blind = blindIn(outcomes);
  if (blind) return { type: "Warning", reason: "SweepBlind", message: `${blind.reason}: ${blind.message}` };
  const { counts } = summaryOf(outcomes);
  const message = `${seen?.views.length ?? 0} networks, ${seen?.pods.length ?? 0} pods: ${counts}`;
  if (unfinished.length === 0) return { type: "Normal", reason: "SweepDone", message };
  const left = firstOf(unfinished, (network) => network).join(", ");
  return { type: "Warning", reason: "SweepCutShort", message: `${message}; not finished: ${left}` };
}

/** Runs a sweep and tells how it ended. What cannot be told is logged: the sweep is done all the same. */
export async function sweepAndTell(
  sweep: () => Promise<SweepReport>,
  { cluster, log }: { readonly cluster: OwnEvents; readonly log: Log },
): Promise<SweepReport> {
  const report = await sweep();
  const told = await cluster.recordOwnEvent(sweepEvent(report));
  if (told.tag === "failed") {
    log.warn({ kind: told.kind, reason: told.message }, "could not tell the API server");
  }
  return report;
}
