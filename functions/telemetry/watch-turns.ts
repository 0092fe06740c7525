import { AsyncLocalStorage } from "node:async_hooks";
import type { Outcome } from "../../lib/outcome.ts";
import type { Turns } from "../../lib/keyed-queue.ts";
import type { Recorder } from "./recorder.ts";

/** Steps in one network: a span each, that begins with waiting for the turn. */
export const watchTurns = (recorder: Recorder, turns: Turns): Turns => ({
  idle: () => turns.idle(),
  take: (network, tooLate, work) =>
    recorder.span({ name: "step in network", attributes: { "klight.network": network } }, async (span) => {
      // The queue runs it from the step before it, whose span is not its parent.
      const inThisSpan = AsyncLocalStorage.snapshot();
      const result = await turns.take(network, tooLate, () => {
        span.addEvent("turn has come");
        return inThisSpan(work);
      });
      const outcome = outcomeIn(result);
      if (outcome) span.setAttributes({ "klight.outcome": outcome.name, "klight.reason": outcome.reason });
      return result;
    }),
});

/** The port lets anything be done in a turn; klight's steps end in an outcome. */
const outcomeIn = (result: unknown): Pick<Outcome, "name" | "reason"> | undefined =>
  typeof result === "object" && result !== null && "name" in result && "reason" in result
    ? (result as Pick<Outcome, "name" | "reason">)
    : undefined;
