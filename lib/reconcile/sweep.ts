import PQueue from "p-queue";
import { wasElsewhere } from "../pod/network-before.ts";
import { entriesApart } from "./cause.ts";
import { joinedInThisLife } from "../pod/condition.ts";
import type { Contact, NetworkView } from "../store/contacts.ts";
import type { Deps } from "../deps.ts";
import { clusterHeld } from "./cluster-held.ts";
import type { Target } from "./plan.ts";
import { asksForReform } from "./reform-asked.ts";
import { conclude, memberOf, reconcile } from "./reconcile.ts";
import { newestOf } from "./newest-entries.ts";
import { held, type Outcome } from "../outcome.ts";
import type { Pod } from "../pod/pod.ts";
import { silentAt, stillWaitedFor } from "./waited-for.ts";
import { APART_MS } from "../timing.ts";
import { bringIn, present } from "./bring-in.ts";

/** How a sweep ended. It was whole if it has `seen` and nothing is unfinished. */
export interface SweepReport {
  /** One for every step that it took; a pod that needed none has none. */
  readonly outcomes: readonly Outcome[];
  /** Networks that it did not come to, or did not get done with. */
  readonly unfinished: readonly string[];
  /** What it read before its steps. Undefined: the store or the API server could not be read, and the outcome says why. */
  readonly seen: Seen | undefined;
}

/** All that should be in and all that is, as a sweep read it; what gauges are made of. */
export interface Seen {
  /** Every labelled pod that klight looks after. */
  readonly pods: readonly Pod[];
  /** Every network that has members, an intent or a pod. */
  readonly views: readonly NetworkView[];
}

const blind = (outcome: Outcome): SweepReport => ({ outcomes: [outcome], unfinished: [], seen: undefined });

/** Networks that are swept side by side. */
const SIDE_BY_SIDE = 8;

/**
 * Mends what events missed: every pod that should be in and is not gets a step, stacks lose what is gone, conditions
 * say what is so, and networks that look broken are put right. Starts nothing new after `limitMs` ms.
 */
export async function sweep(deps: Deps, limitMs: number): Promise<SweepReport> {
  const until = deps.clock.now() + limitMs;
  const listed = await deps.cluster.listPods({});
  if (listed.tag === "failed") return blind(clusterHeld(listed));
  const { pods } = listed;
  const known = await deps.contacts.networks();
  if (known.tag === "failed") return blind(held("StoreUnavailable", known.message));
  const labelled = pods.flatMap(({ network }) => network ?? []);
  const networks = [...new Set([...known.networks, ...labelled])].sort();
  const read = await deps.contacts.read(networks);
  if (read.tag === "failed") return blind(held("StoreUnavailable", read.message));
  const queue = new PQueue({ concurrency: SIDE_BY_SIDE });
  const outcomes: Outcome[] = [];
  const unfinished: string[] = [];
  const sweepOne = async (view: NetworkView): Promise<void> => {
    const { network } = view;
    const inTime = (): boolean => deps.clock.now() < until;
    const those = pods.filter((pod) => pod.network === network);
    if (inTime()) outcomes.push(...(await sweepNetwork(deps, view, those, inTime)));
    if (!inTime()) unfinished.push(network);
  };
  await queue.addAll(read.views.map((view) => () => sweepOne(view)));
  return { outcomes, unfinished, seen: { pods, views: read.views } };
}

async function sweepNetwork(
  deps: Deps,
  view: NetworkView,
  pods: readonly Pod[],
  inTime: () => boolean,
): Promise<readonly Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const pod of pods) {
    const member = settledAs(view, pod);
    if (member && !joinedInThisLife(pod)) {
      const outcome = memberOf({ network: view.network, joiner: pod });
      const { via } = member;
      await conclude(deps, { outcome, tell: [{ tag: "mended", pod, via, generation: view.generation }] });
    }
    if (needsNothing(pod, member !== undefined)) continue;
    if (!inTime()) return outcomes;
    outcomes.push(await bringInNow(deps, pod, view.network));
  }
  const target = await needs(deps, view.network, pods);
  if (target && inTime()) outcomes.push(await reconcile(deps, target));
  return outcomes;
}

const needsNothing = (pod: Pod, isSettled: boolean): boolean =>
  pod.admission.tag === "ignored" || (isSettled && !asksForReform(pod));
/** The contact that a pod is, where it is. Only a re-form brings in one that was in another network, whatever the stack says. */
const settledAs = ({ network, stack }: NetworkView, pod: Pod): Contact | undefined =>
  pod.finished || wasElsewhere(pod, network)
    ? undefined
    : stack.find(
        ({ uid, incarnation, address }) =>
          uid === pod.uid && incarnation === pod.incarnation && address === (pod.address ?? address),
      );

/** A list may be behind, and no event will tell: each pod is looked at as it is now. */
async function bringInNow(deps: Deps, pod: Pod, network: string): Promise<Outcome> {
  const asked = await deps.cluster.getPod(pod);
  if (asked.tag === "failed") return { ...clusterHeld(asked, network), pod };
  const now = asked.pod;
  const isSame = now?.uid === pod.uid && now.network === network && now.incarnation === pod.incarnation;
  if (isSame && !asksForReform(now)) return bringIn(deps, now, network);
  if (now !== undefined) return present(deps, now);
  const message = `${pod.namespace}/${pod.name} is gone`;
  return { name: "ignored", reason: "PodGone", message, pod, network };
}

/** What a network needs that no pod asks for; undefined: it looks well. Reads only, without a lease. */
async function needs(deps: Deps, network: string, pods: readonly Pod[]): Promise<Target | undefined> {
  const read = await deps.contacts.read([network]);
  const view = read.tag === "read" ? read.views[0] : undefined;
  if (view === undefined || (view.stack.length === 0 && view.intent === undefined)) return undefined;
  const target = { network, mayVisit: true };
  const [isAnySilent, stirred] = await Promise.all([anySilent(deps, view), stirredOf(deps, view)]);
  if (stirred.length > 0) return { ...target, stirred };
  if (isDisturbed(view, pods) || isAnySilent) return target;
  if (!(await apart(deps, view))) return undefined;
  await deps.clock.sleep(APART_MS);
  if (!(await apart(deps, view))) return undefined;
  return { ...target, cause: entriesApart };
}

/** Something was left undone, or a contact has no pod that runs. */
const isDisturbed = ({ stack, intent, deaths }: NetworkView, pods: readonly Pod[]): boolean =>
  intent !== undefined ||
  deaths ||
  stack.some(({ uid }) => !pods.some((pod) => pod.uid === uid && !pod.finished));

async function anySilent(deps: Deps, { stack }: NetworkView): Promise<boolean> {
  const { probeTimeoutMs } = deps.settings;
  const probes = await Promise.all(stack.map(({ address }) => deps.lightpeer.probe(address, probeTimeoutMs)));
  return probes.some((probe) => probe !== "serving");
}

/** Peers that hung when the network went on without them, and do not any more. */
async function stirredOf(deps: Deps, view: NetworkView): Promise<readonly string[]> {
  const addresses = stillWaitedFor(view);
  const silent = await silentAt(deps, addresses);
  return addresses.filter((address) => !silent.includes(address));
}

/** Do the newest entries of the members differ? */
const apart = async (deps: Deps, { stack }: NetworkView): Promise<boolean> =>
  (await newestOf(deps, stack)).digests.size > 1;
