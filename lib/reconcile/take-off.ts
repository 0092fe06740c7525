import { cause } from "./cause.ts";
import type { Deps } from "../deps.ts";
import { held, type Outcome, type PodName } from "../outcome.ts";
import type { Pod } from "../pod/pod.ts";
import { reconcile } from "./reconcile.ts";
import type { Contact } from "../store/contacts.ts";
import { QUIET_MS } from "../timing.ts";

export type FoundContact =
  | { readonly tag: "contact"; readonly network: string; readonly contact: Contact }
  | { readonly tag: "none" | "failed"; readonly outcome: Outcome };

type Wanted = (contact: Contact) => boolean;

/** The contact that a pod of this name is, on any stack. */
export async function findContact(deps: Deps, pod: PodName): Promise<FoundContact> {
  const known = await deps.contacts.networks();
  if (known.tag === "failed") return notRead(pod, known.message);
  return contactOn(deps, pod, known.networks, (contact) => isNamed(contact, pod));
}

const isNamed = (contact: PodName, { namespace, name }: PodName): boolean =>
  contact.name === name && contact.namespace === namespace;

async function contactOn(
  deps: Deps,
  pod: PodName,
  networks: readonly string[],
  isWanted: Wanted,
): Promise<FoundContact> {
  const read = await deps.contacts.read(networks);
  if (read.tag === "failed") return notRead(pod, read.message);
  for (const { network, stack } of read.views) {
    const contact = stack.find(isWanted);
    if (contact) return { tag: "contact", network, contact };
  }
  return { tag: "none", outcome: gone(pod, `${pod.namespace}/${pod.name} is on no stack`) };
}

const notRead = (pod: PodName, message: string): FoundContact => ({
  tag: "failed",
  outcome: held("StoreUnavailable", message, { pod }),
});

const gone = (pod: PodName, message: string): Outcome => ({
  name: "ignored",
  reason: "PodGone",
  message,
  pod: { namespace: pod.namespace, name: pod.name },
});

/**
 * A pod that the API server does not have any more: off the stack, if it was on it by this name. Whoever sends the event
 * may be wrong, or lie: the name of a pod that never was, with the uid of one that lives, proves nothing.
 */
export async function departed(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const found = await contactOn(deps, pod, [network], ({ uid }) => uid === pod.uid);
  if (found.tag !== "contact") return found.tag === "none" ? leave(deps, pod, network) : found.outcome;
  const { contact } = found;
  if (isNamed(contact, pod)) return takeOff(deps, contact, network);
  const message = `the uid of ${pod.namespace}/${pod.name} is that of ${contact.namespace}/${contact.name}`;
  return { ...gone(pod, message), network };
}

/** A life of a pod whose end the API server proves, and which cannot be followed by another one. */
export async function finished(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const { uid, incarnation } = pod;
  const isIt: Wanted = (contact) => contact.uid === uid && contact.incarnation === incarnation;
  const found = await contactOn(deps, pod, [network], isIt);
  return found.tag === "contact" ? takeOff(deps, found.contact, network) : found.outcome;
}

/**
 * Off the stack by its uid alone. A peer that was in a network without being on its stack disturbs the others with its
 * death all the same, so that is noted whether it was on it or not.
 */
export async function leave(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const noted = await deps.contacts.leave(network, pod.uid, QUIET_MS);
  switch (noted.tag) {
    case "left":
      return leftOf(pod, network);
    case "absent":
      return notOn(pod, network);
    case "failed":
      return held("StoreUnavailable", noted.message, { pod, network });
  }
}

const notOn = (pod: PodName, network: string): Outcome => ({
  ...gone(pod, `${pod.name} was not on the stack of ${network}`),
  network,
});

const leftOf = ({ namespace, name }: PodName, network: string): Outcome => ({
  name: "left",
  reason: "Left",
  message: `${name} is off the stack of ${network}`,
  pod: { namespace, name },
  network,
});

/**
 * The pod of a contact is proven to be gone: off the stack, and its death is noted. Somebody else may have its address
 * already, whom the others take for it: then the network is re-formed without it.
 */
export async function takeOff(deps: Deps, contact: Contact, network: string): Promise<Outcome> {
  const { uid, namespace, name, address } = contact;
  const left = await deps.contacts.leave(network, uid, QUIET_MS);
  const about = { pod: { namespace, name }, network };
  if (left.tag === "failed") return held("StoreUnavailable", left.message, about);
  if (left.tag === "absent") return notOn(contact, network);
  const probe = await deps.lightpeer.probe(address, deps.settings.probeTimeoutMs);
  const isAnother = probe === "serving" || probe === "not-serving";
  if (!isAnother || deps.settings.reform === "off") return leftOf(contact, network);
  const why = cause("replaced", `${name} was a member at ${address}, and another process is there now`);
  return { ...(await reconcile(deps, { network, cause: why })), ...about };
}
