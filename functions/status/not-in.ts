import { networkBefore } from "../../lib/pod/network-before.ts";
import type { Intent, NetworkView } from "../../lib/store/contacts.ts";
import { type Pod, joinedInThisLife } from "../../lib/pod/pod.ts";
import { factsOf } from "../../lib/reasons.ts";
import { explained, type Finding, isStop, podKey, type Trouble } from "./trouble.ts";

/** A labelled pod whose peer should be in its network and is not, and why. */
export interface NotIn extends Trouble {
  /** `NAMESPACE/NAME`. */
  readonly pod: string;
  readonly namespace: string;
  readonly name: string;
}

/**
 * The pod as one that is not in; undefined: it is not meant to be, as one that has ended or is being deleted.
 * `view`: what the store knows of its network; without it the pod alone tells. `now`: ms since 1970.
 */
export function notIn(pod: Pod, view: NetworkView | undefined, now: number): NotIn | undefined {
  const finding = whyNotIn(pod, view);
  if (factsOf(finding.reason)?.mayLastMs === Infinity) return undefined;
  return { pod: podKey(pod), namespace: pod.namespace, name: pod.name, ...explained(finding, now) };
}

/**
 * Why the peer of a labelled pod is not in. The pod as it is now comes first, then what is under way, then what the
 * pod's condition says of this life, then the newest hold in the network's log.
 */
export function whyNotIn(pod: Pod, view: NetworkView | undefined): Finding {
  const since = outSince(pod);
  return { ...reasonNotIn(pod, view), ...(since !== undefined && { since }) };
}

function reasonNotIn(pod: Pod, view: NetworkView | undefined): Finding {
  const { admission, name, network } = pod;
  if (admission.tag === "ignored") return { reason: admission.reason, message: admission.message };
  if (view !== undefined && isUnderWay(view, pod)) {
    return { reason: "UnderWay", message: `a ${view.intent.kind} for ${name} is under way in ${network}` };
  }
  return (
    toldByCondition(pod) ??
    toldByLog(pod, view) ??
    labelledAnew(pod) ?? { reason: "NotSeenYet", message: `no step for ${name} has ended yet` }
  );
}

/**
 * Since when the peer is out at the latest: since its condition says so, since its pod is not ready, or since it
 * started; RFC 3339. Each hold is written with a time of its own, so that of the newest one tells nothing.
 */
function outSince({ joined, joinedSince, incarnation, aliveSince, unreadySince }: Pod): string | undefined {
  const isSaid = joined?.status === "False" && joined.incarnation === incarnation;
  const since = isSaid && joinedSince !== undefined ? joinedSince : latest(aliveSince, unreadySince);
  return since === undefined ? undefined : new Date(since).toISOString();
}

const latest = (...times: readonly (number | undefined)[]): number | undefined => {
  const known = times.filter((time) => time !== undefined);
  return known.length === 0 ? undefined : Math.max(...known);
};

function toldByCondition(pod: Pod): Finding | undefined {
  const { name, joined, network } = pod;
  if (joinedInThisLife(pod)) {
    return { reason: "OffTheStack", message: `${name} says that it is in ${network}, whose stack lacks it` };
  }
  if (joined?.status !== "False" || joined.incarnation !== pod.incarnation) return undefined;
  return { reason: joined.reason, message: joined.message };
}

function toldByLog(pod: Pod, view: NetworkView | undefined): Finding | undefined {
  const newest = view?.log.find((entry) => entry.pod === podKey(pod));
  return newest && isStop(newest) ? { reason: newest.reason, message: newest.message } : undefined;
}

function labelledAnew(pod: Pod): Finding | undefined {
  const before = networkBefore(pod);
  if (before === undefined) return undefined;
  const message = `${pod.name} is labelled for ${pod.network} and is in ${before}`;
  return { reason: "StillElsewhere", message };
}

const isUnderWay = (view: NetworkView, pod: Pod): view is NetworkView & { readonly intent: Intent } =>
  view.leased && view.intent?.pod === podKey(pod);
