import type { Contact } from "../store/contacts.ts";
import type { Deps } from "../deps.ts";
import { held, type Outcome, type PodName } from "../outcome.ts";
import { QUIET_MS } from "../timing.ts";

/** The contact that a pod of this name is, on any stack. */
export async function findContact(
  deps: Deps,
  pod: PodName,
): Promise<
  | { readonly tag: "contact"; readonly network: string; readonly contact: Contact }
  | { readonly tag: "none"; readonly outcome: Outcome }
> {
  const known = await deps.contacts.networks();
  const read = known.tag === "failed" ? known : await deps.contacts.read(known.networks);
  if (read.tag === "failed") return { tag: "none", outcome: held("StoreUnavailable", read.message, { pod }) };
  for (const { network, stack } of read.views) {
    const contact = stack.find(({ name, namespace }) => name === pod.name && namespace === pod.namespace);
    if (contact) return { tag: "contact", network, contact };
  }
  const message = `${pod.namespace}/${pod.name} is on no stack`;
  return { tag: "none", outcome: { name: "ignored", reason: "PodGone", message, pod } };
}

/** The pod is gone: off the stack, and its death is noted. */
export async function takeOff(
  deps: Deps,
  pod: PodName & { readonly uid: string },
  network: string,
): Promise<Outcome> {
  const departed = await deps.contacts.leave(network, pod.uid, QUIET_MS);
  const subject = { pod: { namespace: pod.namespace, name: pod.name }, network };
  switch (departed.tag) {
    case "left":
      return {
        ...subject,
        name: "left",
        reason: "Left",
        message: `${pod.name} is off the stack of ${network}`,
      };
    case "absent":
      return {
        ...subject,
        name: "ignored",
        reason: "PodGone",
        message: `${pod.name} was not on the stack of ${network}`,
      };
    case "failed":
      return held("StoreUnavailable", departed.message, subject);
  }
}
