import { type Cause, isBreakage } from "./cause.ts";
import type { ClusterEvent, ClusterFailure, Written } from "../cluster/cluster.ts";
import type { Deps } from "../deps.ts";
import type { Outcome, PodName } from "../outcome.ts";
import { formatJoined, type JoinedCondition } from "../pod/condition.ts";
import { carriedBy } from "../pod/network-before.ts";
import { conditionIn, conditionOut, type In, ofThisPod, type OutWords } from "./conditions.ts";
import { joinedInThisLife, type Pod } from "../pod/pod.ts";
import { factsOf } from "../reasons.ts";

/**
 * What people read of a step, in the condition and the Events of a pod.
 *
 * - `in`: its peer is in its network.
 * - `mended`: it is, and has been, and only its condition does not say so.
 * - `held`: it is not in, and why: a hold, or what must be said better on the pod. Said once: as long as the reason stays
 *   the same, nothing is written. A condition that says that the peer is in its network stays: it may be all that is left
 *   of that, and no hold takes a peer out. Another pod that it is about gets the Event.
 * - `out`: it was in, and is not any more: its network has gone on without it, or its pod has lost its label.
 * - `answered`: the pod asked for a re-form by its annotation, and this is the answer.
 * - `unreached`: it was joined plainly, and cannot be reached by a re-form.
 * - `ended`: its pod has ended for good while it was in.
 * - `re-formed`: the network was, told at its newest member whose pod is known.
 */
export type News =
  | { readonly tag: "in"; readonly pod: Pod; readonly outcome: In }
  | { readonly tag: "mended"; readonly pod: Pod; readonly via: string | null; readonly generation: number }
  | { readonly tag: "held"; readonly pod: Pod; readonly outcome: Outcome }
  | {
      readonly tag: "out";
      readonly pod: Pod;
      readonly reason: "LeftOut" | "LabelRemoved";
      readonly message: string;
      /** A network that has ended with it. */
      readonly carries?: string;
    }
  | { readonly tag: "ended"; readonly pod: Pod; readonly reason: string; readonly message: string }
  | { readonly tag: "unreached"; readonly pod: Pod; readonly message: string }
  | { readonly tag: "answered"; readonly pod: Pod; readonly outcome: Outcome }
  | {
      readonly tag: "re-formed";
      readonly pod: Pod | undefined;
      readonly cause: Cause;
      readonly message: string;
    };

/**
 * Tells it. What cannot be told is logged and mended by the sweep; it never undoes a join. The pod as it is now comes
 * back, where that was shown.
 */
export async function announce(deps: Deps, news: News): Promise<Pod | undefined> {
  switch (news.tag) {
    case "in": {
      const { pod, outcome } = news;
      const { reason, message } = outcome;
      return (await tell(deps, pod, conditionIn(outcome, pod), { type: "Normal", reason, message })).now;
    }
    case "mended":
      return mendCondition(deps, news);
    case "held":
      return isWorthTelling(news) ? tellHeld(deps, news) : undefined;
    case "out":
      return (await tellOut(deps, news.pod, { carries: carriedBy(news.pod), ...news })).now;
    case "answered":
      return (await tellAnswer(deps, news)).now;
    case "ended": {
      const { pod, reason, message } = news;
      const condition = formatJoined({ status: "False", reason, message, ...ofThisPod(pod) });
      logFailure(deps, pod, await deps.cluster.setCondition(pod, condition));
      return undefined;
    }
    case "unreached": {
      const { pod, message } = news;
      const event = { type: "Warning", reason: "SeedNotReached", message } as const;
      logFailure(deps, pod, await deps.cluster.recordEvent(pod, event));
      return undefined;
    }
    case "re-formed":
      return tellReform(deps, news);
  }
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
  const words = { reason: "MovedOut", message, carries: undefined };
  return (await tellOut(deps, { ...pod, network }, words)).failed;
}

/**
 * The pod's peer leaves this network, and with it the network ends. Undefined: written, so that what was stored there goes
 * where the peer goes, whoever founds the network again meanwhile. No Event: what comes of it is told where it goes.
 */
export async function announceLast(
  deps: Deps,
  pod: Pod,
  network: string,
): Promise<ClusterFailure | undefined> {
  const reason = pod.network === undefined ? "LabelRemoved" : "MovedOut";
  const message = `${pod.name} was the last of ${network}, and what is stored there goes with it`;
  const condition = conditionOut({ ...pod, network }, { reason, message, carries: network });
  const written = await deps.cluster.setCondition(pod, condition);
  logFailure(deps, pod, written);
  return written.tag === "failed" ? written : undefined;
}

async function tellHeld(
  deps: Deps,
  { pod, outcome }: Extract<News, { tag: "held" }>,
): Promise<Pod | undefined> {
  const { reason, message, beside = [] } = outcome;
  const [{ now }] = await Promise.all([
    tellOut(deps, pod, { reason, message, carries: carriedBy(pod) }),
    ...beside
      .filter(({ uid }) => uid !== pod.uid)
      .map(async (other) => {
        logFailure(deps, other, await deps.cluster.recordEvent(other, { type: "Warning", reason, message }));
      }),
  ]);
  return now;
}

async function mendCondition(
  deps: Deps,
  { pod, via, generation }: Extract<News, { tag: "mended" }>,
): Promise<undefined> {
  const message = `${pod.name} is in ${pod.network}`;
  const condition = formatJoined({
    status: "True",
    reason: "Joined",
    message,
    ...ofThisPod(pod),
    generation,
    ...(pod.network !== undefined && { network: pod.network }),
    ...(via !== null && { via }),
  });
  logFailure(deps, pod, await deps.cluster.setCondition(pod, condition));
}

async function tellReform(
  deps: Deps,
  { pod, cause, message }: Extract<News, { tag: "re-formed" }>,
): Promise<undefined> {
  if (pod === undefined) return;
  const broken: ClusterEvent = { type: "Warning", reason: "NetworkBroken", message: cause.text };
  const reformed: ClusterEvent = { type: "Normal", reason: "NetworkReformed", message };
  for (const event of [...(isBreakage(cause) ? [broken] : []), reformed])
    logFailure(deps, pod, await deps.cluster.recordEvent(pod, event));
}

function isWorthTelling({ pod, outcome: { name, reason } }: Extract<News, { tag: "held" }>): boolean {
  if (pod.joined?.reason === reason || joinedInThisLife(pod)) return false;
  if (name === "refused") return true;
  const { transient, mayLastMs, blind = false } = factsOf(reason);
  if (name === "ignored") return mayLastMs === 0;
  return name === "held" && !transient && !blind;
}

function tellOut(deps: Deps, pod: Pod, words: OutWords): Promise<Announced> {
  const { reason, message } = words;
  return tell(deps, pod, conditionOut(pod, words), { type: "Warning", reason, message });
}

/** The condition says what it said before, and which request is answered; how, the Event says. */
async function tellAnswer(
  deps: Deps,
  { pod, outcome }: Extract<News, { tag: "answered" }>,
): Promise<Announced> {
  const { joined, incarnation, reformAsked } = pod;
  if (joined === undefined || reformAsked === undefined) return {};
  const event: ClusterEvent =
    outcome.name === "reformed"
      ? { type: "Normal", reason: "ReformDone", message: outcome.message }
      : { type: "Warning", reason: "ReformRefused", message: `${outcome.reason}: ${outcome.message}` };
  return tell(deps, pod, formatJoined({ ...joined, incarnation, reform: reformAsked }), event);
}

/** What came of writing a condition: the pod as it is now, or why it could not be written. */
interface Announced {
  readonly now?: Pod | undefined;
  readonly failed?: ClusterFailure;
}

async function tell(
  deps: Deps,
  pod: Pod,
  condition: JoinedCondition,
  event: ClusterEvent,
): Promise<Announced> {
  const [written, recorded] = await Promise.all([
    deps.cluster.setCondition(pod, condition),
    deps.cluster.recordEvent(pod, event),
  ]);
  for (const each of [written, recorded]) logFailure(deps, pod, each);
  return written.tag === "failed" ? { failed: written } : { now: written.pod };
}

function logFailure(deps: Deps, { namespace, name }: PodName, written: Written): void {
  if (written.tag === "written") return;
  const { kind, message }: ClusterFailure = written;
  deps.log.warn({ pod: `${namespace}/${name}`, kind, reason: message }, "could not tell the API server");
}
