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
  if (view && contact && isIn(contact, pod, sight))
    return { verdict: "in", finding: isInSince(contact, view) };
  if (pod !== undefined) return { verdict: "not in", finding: whyNotIn(pod, view) };
  if (sight.tag === "unseen") {
    const message = `no stack has a contact ${podKey(name)}`;
    return { verdict: "unknown", finding: { reason: "PodUnseen", message } };
  }
  const message = `${podKey(name)} is gone, and still on the stack of ${view?.network ?? "a network"}`;
  return { verdict: "not in", finding: { reason: "PodGone", message } };
}

/** Without an API server the stack is all there is; with one, a contact whose pod is gone is not in. */
const isIn = ({ uid, incarnation }: Contact, pod: Pod | undefined, sight: Sight): boolean =>
  pod === undefined ? sight.tag === "unseen" : uid === pod.uid && incarnation === pod.incarnation;

function isInSince({ name, address, via, joinedAt }: Contact, { network }: NetworkView): Finding {
  const through = via === null ? "" : ` through ${via}`;
  return {
    reason: "OnTheStack",
    message: `${name} at ${address} came into ${network}${through} at ${joinedAt}`,
  };
}
