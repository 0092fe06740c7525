import { networkBefore } from "../pod/network-before.ts";
import type { Deps } from "../deps.ts";
import { clusterHeld } from "../cluster/cluster-held.ts";
import type { Outcome, PodName } from "../outcome.ts";
import { isOwnWord, type Pod } from "../pod/pod.ts";
import { asksForReform } from "./reform-asked.ts";
import { present, unlabelled } from "./bring-in.ts";
import { departed, findContact, takeOff } from "./take-off.ts";

/** What a pod event says: which pod, and what has become of it. */
export interface PodChange {
  readonly change: "add" | "update" | "delete";
  readonly name: PodName;
  /** The pod as the event shows it; absent in Reference mode. */
  readonly pod?: Pod;
}

/** One pod event, one outcome. Costs no call for a pod that needs nothing. */
export async function podChanged(deps: Deps, { change, name, pod }: PodChange): Promise<Outcome> {
  if (change === "delete")
    return pod?.network === undefined ? goneByName(deps, name) : podGone(deps, pod, pod.network);
  if (pod !== undefined) return isNoNews(change, pod) ? ownCondition(pod) : present(deps, pod);
  const asked = await deps.cluster.getPod(name);
  if (asked.tag === "failed") return { ...clusterHeld(asked), pod: name };
  if (asked.pod !== undefined) return present(deps, asked.pod);
  return { name: "ignored", reason: "PodGone", message: `${name.namespace}/${name.name} is gone`, pod: name };
}

/** Nothing that klight writes makes work for it: what the condition says comes again by the event that it was written for. */
const isNoNews = (change: PodChange["change"], pod: Pod): boolean =>
  change === "update" && isOwnWord(pod) && !asksForReform(pod);

function ownCondition(pod: Pod): Outcome {
  const { namespace, name, joined } = pod;
  const message = `${namespace}/${name} says ${joined?.reason}, and klight said so itself`;
  return { name: "ignored", reason: "OwnCondition", message, pod };
}

/** A delete event of a pod: deleted, or without its label. Which of them, the API server says and not the event. */
async function podGone(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const asked = await deps.cluster.getPod(pod);
  if (asked.tag === "failed") return { ...clusterHeld(asked, network), pod };
  const now = asked.pod;
  if (now?.uid !== pod.uid) return departed(deps, pod, network);
  if (now.network !== undefined) return present(deps, now);
  return unlabelled(deps, now, network);
}

/** A delete event that names the pod alone: its network is found by its contact. */
async function goneByName(deps: Deps, name: PodName): Promise<Outcome> {
  const asked = await deps.cluster.getPod(name);
  if (asked.tag === "failed") return { ...clusterHeld(asked), pod: name };
  const now = asked.pod;
  if (now?.network !== undefined) return present(deps, now);
  const before = now && networkBefore(now);
  return now && before !== undefined ? unlabelled(deps, now, before) : goneFromStack(deps, name, now);
}

/** No pod tells of which network it was. `now`: one that has the name. */
async function goneFromStack(deps: Deps, name: PodName, now: Pod | undefined): Promise<Outcome> {
  const found = await findContact(deps, name);
  if (found.tag !== "contact") return found.outcome;
  const { contact, network } = found;
  return now?.uid === contact.uid ? unlabelled(deps, now, network) : takeOff(deps, contact, network);
}
