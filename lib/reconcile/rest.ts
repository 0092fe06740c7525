import { findingsAtRest } from "./changes.ts";
import type { Ending, Step } from "./move.ts";
import { nobodyLeft, withLast } from "./repair.ts";
import type { Outcome } from "../outcome.ts";
import type { Target } from "./plan.ts";
import type { Change } from "../store/contacts.ts";
import { QUIET_MS } from "../timing.ts";
import { silentAt } from "./waited-for.ts";

/** The network is as it should be: what was found out on the way is written, and no peer is touched. */
export async function rest(step: Step): Promise<Ending> {
  const { target, seen } = step;
  const { network, leaver = target.hasLeft } = target;
  if (seen.members.length > 0)
    return {
      outcome: alreadyMember(target),
      change: { ...findingsAtRest(seen), ...(await disturbanceOf(step)) },
    };
  const change = { ...findingsAtRest(seen), deaths: false };
  if (leaver === undefined) return { outcome: alreadyMember(target), change };
  return withLast(step, { outcome: nobodyLeft({ network }), change });
}

/** Who was left out because it hung is on lists that its members go on checking until it answers. */
async function disturbanceOf({ deps, target, seen }: Step): Promise<Change> {
  if (target.hasLeft === undefined) return {};
  const silent = await silentAt(deps, [target.hasLeft.address]);
  return { deaths: true, quietMs: QUIET_MS, waitedFor: [...seen.waitedFor, ...silent] };
}

/** Nothing is to be done: the joiner is in, or nobody asked for one. */
export function alreadyMember({ joiner, network }: Pick<Target, "network" | "joiner">): Outcome {
  const message = joiner ? `${joiner.name} is in ${network} already` : `nothing is to be done for ${network}`;
  return { name: "member", reason: "AlreadyMember", message, network, ...(joiner && { pod: joiner }) };
}
