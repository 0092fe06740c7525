import type { Deps } from "../../lib/deps.ts";
import type { EventOrigin } from "../events/read-events.ts";
import type { Outcome } from "../../lib/outcome.ts";
import type { SweepReport } from "../../lib/reconcile/sweep.ts";
import type { TraceContext } from "../events/trace-context.ts";

/** What a step is for, before it is known how it ends. */
export interface StepAbout {
  /** `other`: an event that is not for klight. `unreadable`: one that is broken. `reform`: somebody asked. */
  readonly kind: "pod" | "sweep" | "other" | "unreadable" | "reform";
  readonly origin?: EventOrigin;
  readonly trace?: TraceContext;
  readonly network?: string;
}

/** How a step ended, for whoever counts. */
export type StepEnd =
  | { readonly tag: "outcome"; readonly outcome: Outcome }
  | { readonly tag: "swept"; readonly report: SweepReport }
  | { readonly tag: "invalid" };

export interface Stepped<End> {
  readonly end: End;
  /** Whom to name as the sender of what follows from the step: the step itself, or else whoever caused it. */
  readonly trace?: TraceContext;
}

/** Traces and metrics, as a port. Nothing of it throws, and no step waits for it. */
export interface Telemetry {
  /** The same ports; every call through them is seen. */
  watch(deps: Deps): Deps;
  /** Runs a step, and sees how long it takes and how it ends. */
  step<End extends StepEnd>(about: StepAbout, run: () => Promise<End>): Promise<Stepped<End>>;
  /** Sends what has not been sent, within a bound. */
  flush(): Promise<void>;
}

/** Nobody looks. A trace goes on through klight all the same. */
export const noTelemetry: Telemetry = {
  watch: (deps) => deps,
  step: async ({ trace }, run) => ({ end: await run(), ...(trace && { trace }) }),
  flush: () => Promise.resolve(),
};
