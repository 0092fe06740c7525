import { networkBefore, wasElsewhere } from "../pod/network-before.ts";
import { cause } from "./cause.ts";
import type { Deps } from "../deps.ts";
import { clusterHeld } from "../cluster/cluster-held.ts";
import { conclude, reconcile } from "./reconcile.ts";
import { finished, leave } from "./take-off.ts";
import { held, type Outcome } from "../outcome.ts";
import type { Ignored } from "../pod/admission.ts";
import { type Pod, endedForGood, joinedInThisLife } from "../pod/pod.ts";
import { factsOf } from "../reasons.ts";
import { asksForReform, reformAskedBy } from "./reform-asked.ts";
import { stillWaitedFor } from "./waited-for.ts";
import type { Contact } from "../store/contacts.ts";

/** The pod is there: its peer should be in the network of its label, or out of it if it has ended. */
export async function present(deps: Deps, pod: Pod): Promise<Outcome> {
  const { admission, network } = pod;
  const over = networkOfEnded(pod);
  if (over !== undefined) return takeEndedOff(deps, pod, over);
  if (admission.tag === "ignored") return sayOnPod(deps, pod, admission);
  if (network !== undefined && joinedInThisLife(pod)) {
    if (asksForReform(pod)) return reformAskedBy(deps, pod, network);
    const message = `${pod.name} says that it is in ${network}`;
    return { name: "member", reason: "AlreadyMember", message, pod, network };
  }
  return bringIn(deps, pod, admission.peer.network);
}

const ignored = (pod: Pod, { reason, message }: Ignored): Outcome => ({
  name: "ignored",
  reason,
  message,
  pod,
});

/**
 * What only somebody can say better on the pod is told there, if it is not already and the event is not old. Not where the
 * condition says that the peer is in a network: nothing here takes it out.
 */
async function sayOnPod(deps: Deps, pod: Pod, why: Ignored): Promise<Outcome> {
  const outcome = ignored(pod, why);
  const isTold = (now: Pod): boolean => now.joined?.reason === why.reason || now.joined?.status === "True";
  if (factsOf(why.reason).mayLastMs > 0 || isTold(pod)) return outcome;
  const asked = await deps.cluster.getPod(pod);
  if (asked.tag === "failed") return { ...clusterHeld(asked, pod.network), pod };
  const now = asked.pod;
  const isStill =
    now?.uid === pod.uid && now.admission.tag === "ignored" && now.admission.reason === why.reason;
  return isStill && !isTold(now)
    ? conclude(deps, { outcome, tell: [{ tag: "held", pod: now, outcome }] })
    : outcome;
}

/** The network that a pod says its peer is in, though the pod has ended for good or is about to. */
function networkOfEnded(pod: Pod): string | undefined {
  const { joined, incarnation } = pod;
  const isSaid = joined?.status === "True" && joined.incarnation === incarnation;
  return endedForGood(pod) && isSaid ? joined.network : undefined;
}

/** Off the stack, as soon as the API server says the same as the event. */
async function takeEndedOff(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const asked = await deps.cluster.getPod(pod);
  if (asked.tag === "failed") return { ...clusterHeld(asked, network), pod };
  const now = asked.pod?.uid === pod.uid ? asked.pod : undefined;
  // Its own delete event comes, or the pod lives.
  if (now === undefined || networkOfEnded(now) !== network)
    return ignored(pod, { reason: "PodGone", message: `${pod.namespace}/${pod.name} is not what it was` });
  const outcome = await finished(deps, now, network);
  if (outcome.name === "held" || now.admission.tag === "peer" || now.deleting) return outcome;
  const { reason, message } = now.admission;
  return conclude(deps, { outcome, tell: [{ tag: "ended", pod: now, reason, message }] });
}

/** How often a pod whose label changes under klight's hands is followed in one step. */
const FOLLOWS = 3;

/** Brings the pod's peer into its network, whatever its condition says, and to where its label has gone meanwhile. */
export async function bringIn(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  let outcome = await bringTo(deps, pod, network);
  for (let left = FOLLOWS; left > 0 && outcome.reason === "LabelChanged"; left -= 1) {
    const { network: before = network } = outcome;
    const asked = await deps.cluster.getPod(pod);
    if (asked.tag === "failed") return { ...clusterHeld(asked, network), pod };
    const now = asked.pod;
    if (now?.uid !== pod.uid)
      return ignored(pod, { reason: "PodGone", message: `${pod.namespace}/${pod.name} is gone` });
    if (now.network === undefined) return unlabelled(deps, now, before);
    outcome =
      now.network === before
        ? await reconcile(deps, { network: before, joiner: now })
        : // Its own network may have it on the stack; but its peer is in this one now.
          await moveOver(deps, now, { before, network: now.network });
  }
  return outcome;
}

/** Brings the peer in; out of another network first. */
async function bringTo(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  if (!wasElsewhere(pod, network)) return reconcile(deps, { network, joiner: pod });
  // An event may be old: since then the peer may have been moved, and moved back.
  const asked = await deps.cluster.getPod(pod);
  if (asked.tag === "failed") return { ...clusterHeld(asked, network), pod };
  const now = asked.pod;
  const before = now && networkBefore(now);
  const isMeant =
    now?.uid === pod.uid && now.network === network && before !== undefined && before !== network;
  if (isMeant) return moveOver(deps, now, { before, network });
  return reconcile(deps, { network, joiner: pod });
}

/** A living peer goes from one network to another. */
async function moveOver(
  deps: Deps,
  pod: Pod,
  { before, network }: { readonly before: string; readonly network: string },
): Promise<Outcome> {
  if (deps.settings.reform === "off") {
    const message = `${pod.name} is in ${before} and was labelled for ${network}, and KLIGHT_REFORM is off`;
    const outcome: Outcome = { name: "refused", reason: "RelabelRefused", message, pod, network };
    return conclude(deps, { outcome, tell: [{ tag: "held", pod, outcome }] });
  }
  const was = await deps.contacts.read([before]);
  if (was.tag === "failed") return held("StoreUnavailable", was.message, { pod, network });
  const left = await goOnWithout(deps, pod, before);
  if (left.name === "held") return left;
  // What it held stays with those it leaves; where it was the last one, or only another life of it was there, with it.
  const carry = left.name === "left" || isAnotherLife(pod, was.views[0]?.stack ?? []);
  // On the stack already, it may have been taken away by the other network since: then it does not know that it is in.
  const why = cause("was-elsewhere", `${pod.name} was in another network before`);
  const read = await deps.contacts.read([before]);
  if (read.tag === "failed") return held("StoreUnavailable", read.message, { pod, network });
  const waitedFor = read.views.flatMap((view) => stillWaitedFor(view));
  const others = read.views.flatMap(({ stack }) => stack.map(({ address }) => address));
  return reconcile(deps, {
    network,
    joiner: pod,
    cause: why,
    from: { network: before, incarnation: pod.incarnation, carry, waitedFor, others },
  });
}

/** Is only another life of it on the stack? */
function isAnotherLife({ uid, incarnation }: Pod, stack: readonly Contact[]): boolean {
  const its = stack.find((contact) => contact.uid === uid);
  return its !== undefined && its.incarnation !== incarnation;
}

/** The pod lives without its label. There is no call to leave a network, but the others can go on without it. */
export async function unlabelled(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const without = deps.settings.reform === "on";
  const outcome = without ? await goOnWithout(deps, pod, network) : await leave(deps, pod, network);
  if (outcome.name === "held" || outcome.name === "ignored") return outcome;
  const message = without
    ? `${pod.name} lost its label, and ${network} has gone on without it`
    : `${pod.name} lost its label, but its peer is still in ${network}: there is no call to leave`;
  return conclude(deps, {
    outcome: { name: "left", reason: "LabelRemoved", message, pod, network },
    tell: [
      {
        tag: "out",
        pod: { ...pod, network },
        reason: "LabelRemoved",
        message,
        ...(without && outcome.name === "left" && { carries: network }),
      },
    ],
  });
}

const goOnWithout = async (deps: Deps, pod: Pod, network: string): Promise<Outcome> => {
  const { uid, namespace, name, address = "", incarnation } = pod;
  const leaver = { uid, namespace, name, address, incarnation };
  return { ...(await reconcile(deps, { network, leaver })), pod };
};
