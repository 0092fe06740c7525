import { cause } from "./cause.ts";
import { clusterHeld } from "../cluster/cluster-held.ts";
import type { Deps } from "../deps.ts";
import { conclude, reconcile } from "./reconcile.ts";
import { alreadyMember } from "./rest.ts";
import { held, type Outcome } from "../outcome.ts";
import type { Pod } from "../pod/pod.ts";
import { factsOf } from "../reasons.ts";
import type { NetworkView } from "../store/contacts.ts";
import { REFORMS_AT_MOST, REFORMS_WITHIN_MS } from "../timing.ts";

/**
 * Somebody asks for a network to be re-formed. Safe to ask again: one re-form runs at a time, and so many in a minute that
 * applications can store meanwhile.
 */
export async function reformAsked(deps: Deps, network: string): Promise<Outcome> {
  if (deps.settings.reform === "off") {
    return { name: "refused", reason: "ReformOff", message: "KLIGHT_REFORM is off", network };
  }
  const read = await deps.contacts.read([network]);
  if (read.tag === "failed") return held("StoreUnavailable", read.message, { network });
  const [view] = read.views;
  if (view === undefined || view.stack.length === 0) {
    const message = `there is no network ${network} with a member`;
    return { name: "refused", reason: "NoNetwork", message, network };
  }
  const notBefore = nextReformAt(view);
  const waitMs = notBefore - deps.clock.now();
  if (waitMs > 0) {
    const message = `${network} was re-formed and is whole; it can be again at ${new Date(notBefore).toISOString()}`;
    return {
      name: "refused",
      reason: "ReformedJustNow",
      message,
      network,
      retryAfterS: Math.ceil(waitMs / 1_000),
    };
  }
  return reconcile(deps, { network, cause: cause("asked-for", "somebody asked for it") });
}

/** When a network may be re-formed again because somebody asks, ms since 1970. One that was left half-done may be at once. */
function nextReformAt({ intent, log }: NetworkView): number {
  // Those that bring nobody in are what people and the sweep ask for.
  const reforms = log.filter(({ outcome, pod }) => outcome === "reformed" && pod === undefined);
  const earliest = reforms[REFORMS_AT_MOST - 1];
  return intent || earliest === undefined ? 0 : Date.parse(earliest.at) + REFORMS_WITHIN_MS;
}

/** Does its annotation ask for a re-form that nobody has answered yet? */
export const asksForReform = ({ reformAsked: asked, joined }: Pod): boolean =>
  asked !== undefined && asked !== joined?.reform;

/**
 * A member asks by its annotation. Each value is answered once, by an Event and in the condition; what is wrong only for
 * seconds is no answer, and the event comes again.
 */
export async function reformAskedBy(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const member = alreadyMember({ network, joiner: pod });
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
