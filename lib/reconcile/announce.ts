import { type Cause, isBreakage } from "./cause.ts";
import type { ClusterEvent, ClusterFailure, JoinedCondition, Written } from "../cluster/cluster.ts";
import { networkBefore } from "../pod/network-before.ts";
import { formatJoined, joinedInThisLife } from "../pod/condition.ts";
import type { Deps } from "../deps.ts";
import type { Held } from "../lease.ts";
import { held, type Outcome } from "../outcome.ts";
import type { Pod } from "../pod/pod.ts";
import { factsOf } from "../reasons.ts";

/**
 * What people read: the condition and Events of a pod. A failure here is logged and mended by the sweep; it never
 * undoes a join.
 */
type In = Extract<Outcome, { name: "founded" | "joined" | "reformed" }>;

/**
 * The pod's peer is in its network. The same outcome comes back, but where the pod got another label meanwhile: a step
 * for that network may have run beside this one, and only a look at the pod as it is now can put it right.
 */
export async function announceMember<Ending extends In>(
  deps: Deps,
  pod: Pod,
  outcome: Ending,
): Promise<Ending | Held> {
  const event: ClusterEvent = { type: "Normal", reason: outcome.reason, message: outcome.message };
  const { now } = await tell(deps, pod, conditionOf(pod, outcome), event);
  if (now === undefined || now.network === pod.network) return outcome;
  const message = `${pod.name} was brought into ${pod.network}, and is labelled for ${now.network ?? "none"} now`;
  return held(
    "LabelChanged",
    message,
    { pod, ...(pod.network !== undefined && { network: pod.network }) },
    1,
  );
}

/** Writes only the condition, for a member whose pod does not say so. */
export async function mendCondition(
  deps: Deps,
  pod: Pod,
  member: { readonly via: string | null; readonly generation: number },
): Promise<void> {
  const via = member.via ?? undefined;
  const message = `${pod.name} is in ${pod.network}`;
  const condition = formatJoined({
    status: "True",
    reason: "Joined",
    message,
    incarnation: pod.incarnation,
    generation: member.generation,
    ...(pod.network !== undefined && { network: pod.network }),
    ...(via !== undefined && { via }),
  });
  logFailure(deps, pod, await deps.cluster.setCondition(pod, condition));
}

/**
 * The pod is not in, and why. Said once: as long as the reason stays the same, nothing is written. A condition that says
 * that the peer is in its network stays: it may be all that is left of that, and no hold takes a peer out.
 */
export async function announceHold(deps: Deps, pod: Pod, outcome: Outcome): Promise<void> {
  if (!isWorthTelling(outcome) || pod.joined?.reason === outcome.reason || joinedInThisLife(pod)) return;
  await out(deps, pod, outcome);
}

/** The peer was in, and its network has gone on without it. */
export async function announceLeftOut(deps: Deps, pod: Pod, network: string): Promise<void> {
  const message = `${network} was re-formed without ${pod.name}: it did not answer`;
  await out(deps, pod, { reason: "LeftOut", message });
}

/**
 * The pod is of another network now, and this one was re-formed without it. Undefined: written, so that whoever sees the
 * pod next knows that its peer was here, and brings it into its own network by a re-form.
 */
export async function announceMovedOut(
  deps: Deps,
  pod: Pod,
  network: string,
): Promise<ClusterFailure | undefined> {
  const message = `${pod.name} is of another network now, and ${network} has gone on without it`;
  const { failed } = await out(deps, { ...pod, network }, { reason: "MovedOut", message });
  return failed;
}

/** The pod lost its label while its peer is in the network. */
export async function announceLabelRemoved(deps: Deps, pod: Pod, message: string): Promise<void> {
  await out(deps, pod, { reason: "LabelRemoved", message });
}

/** The network was re-formed: told at its newest member. */
export async function announceReform(
  deps: Deps,
  {
    pods,
    cause,
    message,
  }: { readonly pods: readonly Pod[]; readonly cause: Cause; readonly message: string },
): Promise<void> {
  deps.onReformed?.(cause);
  const pod = pods.at(-1);
  if (pod === undefined) return;
  if (isBreakage(cause)) {
    const broken = { type: "Warning", reason: "NetworkBroken", message: cause.text } as const;
    logFailure(deps, pod, await deps.cluster.recordEvent(pod, broken));
  }
  logFailure(
    deps,
    pod,
    await deps.cluster.recordEvent(pod, { type: "Normal", reason: "NetworkReformed", message }),
  );
}

function isWorthTelling({ name, reason }: Outcome): boolean {
  if (name === "refused") return true;
  const { transient, blind = false } = factsOf(reason);
  return name === "held" && !transient && !blind;
}

function conditionOf(pod: Pod, outcome: In): JoinedCondition {
  const { reason, message, network, generation } = outcome;
  return formatJoined({
    status: "True",
    reason,
    message,
    incarnation: pod.incarnation,
    generation,
    ...(network !== undefined && { network }),
    ...(outcome.name === "joined" && { via: outcome.via }),
  });
}

async function out(
  deps: Deps,
  pod: Pod,
  { reason, message }: { reason: string; message: string },
): Promise<Told> {
  const { network, incarnation } = pod;
  const was = networkBefore(pod);
  const condition = formatJoined({
    status: "False",
    reason,
    message,
    incarnation,
    ...(network !== undefined && { network }),
    ...(was !== undefined && was !== network && { was }),
  });
  return tell(deps, pod, condition, { type: "Warning", reason, message });
}

/** What came of writing a condition: the pod as it is now, or why it could not be written. */
interface Told {
  readonly now?: Pod | undefined;
  readonly failed?: ClusterFailure;
}

async function tell(deps: Deps, pod: Pod, condition: JoinedCondition, event: ClusterEvent): Promise<Told> {
  const [written, recorded] = await Promise.all([
    deps.cluster.setCondition(pod, condition),
    deps.cluster.recordEvent(pod, event),
  ]);
  for (const each of [written, recorded]) logFailure(deps, pod, each);
  return written.tag === "failed" ? { failed: written } : { now: written.pod };
}

function logFailure(deps: Deps, { namespace, name }: Pod, written: Written): void {
  if (written.tag === "written") return;
  const { kind, message }: ClusterFailure = written;
  deps.log.warn({ pod: `${namespace}/${name}`, kind, reason: message }, "could not tell the API server");
}
