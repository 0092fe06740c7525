import type { Contact, NetworkView } from "../../lib/store/contacts.ts";
import type { PodName } from "../../lib/outcome.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { type Finding, podKey, whyNotIn } from "./not-in.ts";
import type { Sight } from "./status.ts";

/** What is known of one pod. */
export interface Case {
  readonly name: PodName;
  readonly sight: Sight;
  readonly pod: Pod | undefined;
  readonly contact: Contact | undefined;
  readonly view: NetworkView | undefined;
}

/** `unknown`: the pod cannot be looked at now. */
export interface Verdict {
  readonly verdict: "in" | "not in" | "unknown";
  readonly finding: Finding;
}

/** Is the pod's peer in its network, and why or why not? */
export function judge({ name, sight, pod, contact, view }: Case): Verdict {
  if (sight.tag === "failed") {
    const reason = sight.kind === "forbidden" ? "ClusterForbidden" : "ClusterUnavailable";
    return { verdict: "unknown", finding: { reason, message: sight.message } };
  }
  if (pod === undefined) {
    const message = `${podKey(name)} is gone, and still on the stack of ${view?.network ?? "a network"}`;
    return { verdict: "not in", finding: { reason: "PodGone", message } };
  }
  const isIn = view && contact?.uid === pod.uid && contact.incarnation === pod.incarnation;
  return isIn
    ? { verdict: "in", finding: isInSince(contact, view) }
    : { verdict: "not in", finding: whyNotIn(pod, view) };
}

function isInSince({ name, address, via, joinedAt }: Contact, { network }: NetworkView): Finding {
  const through = via === null ? "" : ` through ${via}`;
  return {
    reason: "OnTheStack",
    message: `${name} at ${address} came into ${network}${through} at ${joinedAt}`,
  };
}
