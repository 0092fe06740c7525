import { networkBefore } from "../../lib/pod/network-before.ts";
import { joinedInThisLife } from "../../lib/pod/condition.ts";
import type { Intent, LogEntry, NetworkView } from "../../lib/store/contacts.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { factsOf, type ReasonFacts } from "../../lib/reasons.ts";

/** A labelled pod whose peer is not in its network, and why. */
export interface NotIn {
  /** `NAMESPACE/NAME`. */
  readonly pod: string;
  readonly namespace: string;
  readonly name: string;
  readonly reason: string;
  /** What the reason means, for somebody who does not know klight. */
  readonly says: string;
  /** The names and values of this case. */
  readonly message: string;
  readonly cure: string;
  /** True: it passes by itself, as far as klight can tell. */
  readonly mendsItself: boolean;
  /** When the network's log says so, RFC 3339; absent where it is told from the pod itself. */
  readonly since?: string;
}

/** A reason with the names and values of its case. */
export interface Finding {
  readonly reason: string;
  readonly message: string;
  readonly since?: string;
}

export const podKey = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/** A reason that somebody else has written into the condition. */
const foreign: ReasonFacts = {
  says: "klight does not know this reason; somebody else has written it.",
  cure: "Look who writes the condition klight.dev/joined of this pod.",
  mendsItself: false,
  transient: false,
  mayLastMs: 0,
};

export const notIn = (pod: Pod, view: NetworkView | undefined): NotIn => {
  const finding = whyNotIn(pod, view);
  return { pod: podKey(pod), namespace: pod.namespace, name: pod.name, ...explained(finding) };
};

export function explained(
  finding: Finding,
): Finding & { readonly says: string; readonly cure: string; readonly mendsItself: boolean } {
  const { says, cure, mendsItself } = factsOf(finding.reason) ?? foreign;
  return { ...finding, says, cure, mendsItself };
}

/**
 * Why the peer of a labelled pod is not in. The pod as it is now comes first, then what is under way, then what the
 * pod's condition says of this life, then the newest hold in the network's log.
 */
export function whyNotIn(pod: Pod, view: NetworkView | undefined): Finding {
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
  if (newest === undefined || !isStop(newest)) return undefined;
  return { reason: newest.reason, message: newest.message, since: newest.at };
}

function labelledAnew(pod: Pod): Finding | undefined {
  const before = networkBefore(pod);
  if (before === undefined) return undefined;
  const message = `${pod.name} is labelled for ${pod.network} and is in ${before}`;
  return { reason: "StillElsewhere", message };
}

const isUnderWay = (view: NetworkView, pod: Pod): view is NetworkView & { readonly intent: Intent } =>
  view.leased && view.intent?.pod === podKey(pod);

const isStop = ({ outcome }: LogEntry): boolean => outcome === "held" || outcome === "refused";
