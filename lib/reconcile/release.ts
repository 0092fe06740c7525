import { announceHold } from "./announce.ts";
import type { Change } from "../store/contacts.ts";
import { giveBack } from "../lease.ts";
import { findingsAtRest, logEntry } from "./changes.ts";
import type { Outcome } from "../outcome.ts";
import type { Step, Wish } from "./step.ts";

/** Nothing is changed in the network: what was seen is written, a leftover intent stays. */
export async function release(step: Step, outcome: Outcome, more: Change = {}): Promise<Outcome> {
  const { deps, lease, record, scene } = step;
  const log = outcome.name === "held" ? { log: logEntry(outcome, deps.clock.now()) } : {};
  const keepIntent = record.intent !== undefined && outcome.name === "held";
  const late = await giveBack(deps, lease, { ...findingsAtRest(scene), ...more, ...log, keepIntent });
  if (scene.joiner) await announceHold(deps, scene.joiner.pod, outcome);
  return late && outcome.name !== "held" ? late : outcome;
}

export function memberOf({ joiner, network }: Wish): Outcome {
  const message = joiner ? `${joiner.name} is in ${network} already` : `nothing is to be done for ${network}`;
  return { name: "member", reason: "AlreadyMember", message, network, ...(joiner && { pod: joiner }) };
}
