import type { Contact, NetworkView } from "../../lib/store/contacts.ts";
import type { PodName } from "../../lib/outcome.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { whyNotIn } from "./not-in.ts";
import type { ClusterReading } from "./status.ts";
import { addressShared, type Finding, podKey } from "./trouble.ts";

/** What is known of one pod. */
export interface PodKnown {
  readonly name: PodName;
  readonly cluster: ClusterReading;
  readonly pod: Pod | undefined;
  readonly contact: Contact | undefined;
  readonly view: NetworkView | undefined;
  /** Other pods with its address, as far as they were asked for. */
  readonly sharers: readonly Pod[];
}

/** Is the pod's peer in its network? `unknown`: the pod cannot be looked at now. */
export interface Membership {
  readonly verdict: "in" | "not in" | "unknown";
  /** Why, or why not. */
  readonly finding: Finding;
}

export function membershipOf({ name, cluster, pod, contact, view, sharers }: PodKnown): Membership {
  if (cluster.tag === "failed") {
    const reason = cluster.kind === "forbidden" ? "ClusterForbidden" : "ClusterUnavailable";
    return { verdict: "unknown", finding: { reason, message: cluster.message } };
  }
  if (view && contact && isSameLife(contact, pod)) {
    return { verdict: "in", finding: addressShared(pod, sharers) ?? isInSince(contact, view) };
  }
  if (pod !== undefined) return { verdict: "not in", finding: whyNotIn(pod, view) };
  const message = `${podKey(name)} is gone, and still on the stack of ${view?.network ?? "a network"}`;
  return { verdict: "not in", finding: { reason: "PodGone", message } };
}

/** A contact whose pod is gone is not in, nor one that has ended, which keeps its last life's id: it goes off the stack. */
const isSameLife = ({ uid, incarnation }: Contact, pod: Pod | undefined): boolean =>
  uid === pod?.uid && incarnation === pod.incarnation && !pod.finished;

function isInSince({ name, address, via, joinedAt }: Contact, { network }: NetworkView): Finding {
  const through = via === null ? "" : ` through ${via}`;
  return {
    reason: "OnTheStack",
    message: `${name} at ${address} came into ${network}${through} at ${joinedAt}`,
    since: joinedAt,
  };
}
