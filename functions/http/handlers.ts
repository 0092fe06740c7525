import type { PodChange } from "../../lib/reconcile/pod-changed.ts";
import type { Outcome, PodName } from "../../lib/outcome.ts";
import type { PodReading } from "../../lib/pod/pod.ts";
import type { StatusReading } from "../status/status.ts";
import type { SweepReport } from "../../lib/reconcile/sweep.ts";
import type { WhyReading } from "../status/why.ts";

/** What the HTTP server calls. None of them throws; one that does is a defect, and the event comes again. */
export interface Handlers {
  readPod(data: unknown): PodReading;
  podChanged(change: PodChange): Promise<Outcome>;
  sweep(): Promise<SweepReport>;
  reform(network: string): Promise<Outcome>;
  readonly status: () => Promise<StatusReading>;
  readonly why: (pod: PodName) => Promise<WhyReading>;
}
