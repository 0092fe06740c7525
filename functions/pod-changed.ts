import { announceHold, announceLabelRemoved } from "../lib/announce.ts";
import { networkBefore } from "../lib/before.ts";
import { cause } from "../lib/cause.ts";
import { joinedInThisLife } from "../lib/condition.ts";
import type { Contact } from "../lib/contacts/contacts.ts";
import type { Deps } from "../lib/deps.ts";
import type { PodChange } from "../lib/events.ts";
import { clusterHeld } from "../lib/hold.ts";
import { takeStep } from "../lib/network.ts";
import { held, type Outcome, type PodName } from "../lib/outcome.ts";
import type { Pod } from "../lib/pod.ts";
import { shadowsOf } from "../lib/shadows.ts";
import { QUIET_MS } from "../lib/timing.ts";

/** One pod event, one outcome. Costs no call for a pod that needs nothing. */
export async function podChanged(
  deps: Deps,
  { change, name, pod }: Omit<PodChange, "tag">,
): Promise<Outcome> {
  if (change === "delete")
    return pod?.network === undefined ? goneByName(deps, name) : gone(deps, pod, pod.network);
  if (pod !== undefined) return present(deps, pod);
  const asked = await deps.cluster.getPod(name);
  if (asked.tag === "failed") return { ...clusterHeld(asked), pod: name };
  if (asked.tag === "pod" && asked.pod !== undefined) return present(deps, asked.pod);
  return { name: "ignored", reason: "PodGone", message: `${name.namespace}/${name.name} is gone`, pod: name };
}

/** The pod is there: its peer should be in the network of its label. */
export async function present(deps: Deps, pod: Pod): Promise<Outcome> {
  const { admission, network } = pod;
  if (admission.tag === "ignored") {
    const { reason, message } = admission;
    return { name: "ignored", reason, message, pod };
  }
  if (network !== undefined && joinedInThisLife(pod)) {
    return {
      name: "member",
      reason: "AlreadyMember",
      message: `${pod.name} says that it is in ${network}`,
      pod,
      network,
    };
  }
  return bringIn(deps, pod, admission.peer.network);
}

/** How often a pod whose label changes under klight's hands is followed in one step. */
const FOLLOWS = 3;

/** Brings the pod's peer into its network, whatever its condition says, and to where its label has gone meanwhile. */
export async function bringIn(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  let outcome = await bringTo(deps, pod, network);
  for (let left = FOLLOWS; left > 0 && outcome.reason === "LabelChanged"; left -= 1) {
    const asked = await deps.cluster.getPod(pod);
    if (asked.tag === "failed") return { ...clusterHeld(asked, network), pod };
    const now = asked.tag === "pod" ? asked.pod : undefined;
    if (now?.uid !== pod.uid) return outcome;
    if (now.network === undefined) return unlabelled(deps, now, network);
    outcome = await bringTo(deps, now, now.network);
  }
  return outcome;
}

/** Brings the peer in; out of another network first. */
async function bringTo(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  if (isIn(pod, network)) return takeStep(deps, { network, joiner: pod });
  // An event may be old: since then the peer may have been moved, and moved back.
  const asked = await deps.cluster.getPod(pod);
  if (asked.tag === "failed") return { ...clusterHeld(asked, network), pod };
  const now = asked.tag === "pod" ? asked.pod : pod;
  if (now?.uid === pod.uid && now.network === network && !isIn(now, network)) return move(deps, now, network);
  return takeStep(deps, { network, joiner: pod });
}

const isIn = (pod: Pod, network: string): boolean => [undefined, network].includes(networkBefore(pod));

/** A living peer goes from one network to another. */
async function move(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const before = networkBefore(pod) ?? network;
  if (deps.settings.reform === "off") {
    const message = `${pod.name} is in ${before} and was labelled for ${network}, and KLIGHT_REFORM is off`;
    const outcome: Outcome = { name: "refused", reason: "RelabelRefused", message, pod, network };
    await announceHold(deps, pod, outcome);
    return outcome;
  }
  const left = await goOnWithout(deps, pod, before);
  if (left.name === "held") return left;
  // What it held stays with those it leaves; where it was the last one, it takes the history along.
  const carry = left.name === "left";
  // On the stack already, it may have been taken away by the other network since: then it does not know that it is in.
  const why = cause("was-elsewhere", `${pod.name} was in another network before`);
  const read = await deps.contacts.read([before]);
  if (read.tag === "failed") return held("StoreUnavailable", read.message, { pod, network });
  const shadows = read.views.flatMap((view) => shadowsOf(view));
  const suspects = read.views.flatMap(({ stack }) => stack.map(({ address }) => address));
  return takeStep(deps, { network, joiner: pod, carry, cause: why, shadows, suspects });
}

/** A delete event of a pod: deleted, or without its label. Which of them, the API server says and not the event. */
async function gone(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const asked = await deps.cluster.getPod(pod);
  if (asked.tag === "failed") return { ...clusterHeld(asked, network), pod };
  const now = asked.tag === "pod" ? asked.pod : undefined;
  if (now?.uid !== pod.uid) return takeOff(deps, pod, network);
  if (now.network !== undefined) return present(deps, now);
  return unlabelled(deps, now, network);
}

/** The pod lives without its label. There is no call to leave a network, but the others can go on without it. */
async function unlabelled(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const without = deps.settings.reform === "on";
  const outcome = without ? await goOnWithout(deps, pod, network) : await takeOff(deps, pod, network);
  if (outcome.name === "held" || outcome.name === "ignored") return outcome;
  const message = without
    ? `${pod.name} lost its label, and ${network} has gone on without it`
    : `${pod.name} lost its label, but its peer is still in ${network}: there is no call to leave`;
  await announceLabelRemoved(deps, { ...pod, network }, message);
  return { name: "left", reason: "LabelRemoved", message, pod, network };
}

const goOnWithout = async (deps: Deps, pod: Pod, network: string): Promise<Outcome> => {
  const { uid, namespace, name, address = "", incarnation } = pod;
  const leaver = { uid, namespace, name, address, incarnation };
  return { ...(await takeStep(deps, { network, leaver })), pod };
};

/** A delete event that names the pod alone: its network is found by its contact. */
async function goneByName(deps: Deps, name: PodName): Promise<Outcome> {
  const asked = await deps.cluster.getPod(name);
  if (asked.tag === "failed") return { ...clusterHeld(asked), pod: name };
  const now = asked.tag === "pod" ? asked.pod : undefined;
  if (now?.network !== undefined) return present(deps, now);
  const before = now && networkBefore(now);
  if (now && before !== undefined) return unlabelled(deps, now, before);
  const found = await contactOf(deps, name);
  if ("outcome" in found) return found.outcome;
  const { contact, network } = found;
  return now?.uid === contact.uid ? unlabelled(deps, now, network) : takeOff(deps, contact, network);
}

/** The contact that a pod of this name is, on any stack. */
async function contactOf(
  deps: Deps,
  pod: PodName,
): Promise<{ readonly network: string; readonly contact: Contact } | { readonly outcome: Outcome }> {
  const known = await deps.contacts.networks();
  const read = known.tag === "failed" ? known : await deps.contacts.read(known.networks);
  if (read.tag === "failed") return { outcome: held("StoreUnavailable", read.message, { pod }) };
  for (const { network, stack } of read.views) {
    const contact = stack.find(({ name, namespace }) => name === pod.name && namespace === pod.namespace);
    if (contact) return { network, contact };
  }
  const message = `${pod.namespace}/${pod.name} is on no stack`;
  return { outcome: { name: "ignored", reason: "PodGone", message, pod } };
}

async function takeOff(
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
