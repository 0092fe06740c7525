import { cause } from "./cause.ts";
import { clusterHeld } from "./cluster-held.ts";
import type { Deps } from "../deps.ts";
import { conclude, memberOf, reconcile } from "./reconcile.ts";
import { held, type Outcome } from "../outcome.ts";
import type { Pod } from "../pod/pod.ts";
import { factsOf } from "../reasons.ts";

/** Somebody asks for a network to be re-formed. Safe to ask again: one re-form runs at a time. */
export async function reformAsked(deps: Deps, network: string): Promise<Outcome> {
  if (deps.settings.reform === "off") {
    return { name: "refused", reason: "ReformOff", message: "KLIGHT_REFORM is off", network };
  }
  const read = await deps.contacts.read([network]);
  if (read.tag === "failed") return held("StoreUnavailable", read.message, { network });
  if (read.views.every(({ stack }) => stack.length === 0)) {
    return {
      name: "refused",
      reason: "NoNetwork",
      message: `there is no network ${network} with a member`,
      network,
    };
  }
  return reconcile(deps, { network, cause: cause("asked-for", "somebody asked for it") });
}

/** Does its annotation ask for a re-form that nobody has answered yet? */
export const asksForReform = ({ reformAsked: asked, joined }: Pod): boolean =>
  asked !== undefined && asked !== joined?.reform;

/**
 * A member asks by its annotation. Each value is answered once, by an Event and in the condition; what is wrong only for
 * seconds is no answer, and the event comes again.
 */
export async function reformAskedBy(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const member = memberOf({ network, joiner: pod });
  // An event may be old, and the request answered since.
  const asked = await deps.cluster.getPod(pod);
  if (asked.tag === "failed") return { ...clusterHeld(asked, network), pod };
  const now = asked.pod;
  if (now?.uid !== pod.uid || now.network !== network || !asksForReform(now)) return member;
  const outcome = { ...(await reformAsked(deps, network)), pod };
  if (passesInSeconds(outcome)) return outcome;
  const answer: Outcome = outcome.name === "reformed" ? outcome : { ...member, message: outcome.message };
  return conclude(deps, { outcome: answer, tell: [{ tag: "answered", pod: now, outcome }] });
}

function passesInSeconds({ name, reason }: Outcome): boolean {
  const { transient, blind = false } = factsOf(reason);
  return name === "held" && (transient || blind);
}
