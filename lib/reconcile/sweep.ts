import { wasElsewhere } from "../pod/network-before.ts";
import { entriesApart } from "./cause.ts";
import type { Contact, NetworkView } from "../store/contacts.ts";
import type { Deps } from "../deps.ts";
import { clusterHeld } from "../cluster/cluster-held.ts";
import type { Target } from "./plan.ts";
import { asksForReform } from "./reform-asked.ts";
import { conclude, reconcile } from "./reconcile.ts";
import { alreadyMember } from "./rest.ts";
import { newestOf } from "./reform/newest-entries.ts";
import { held, type Outcome } from "../outcome.ts";
import { type Pod, joinedInThisLife } from "../pod/pod.ts";
import { sideBySide } from "./side-by-side.ts";
import { silentAt, stillWaitedFor } from "./waited-for.ts";
import { APART_MS } from "../timing.ts";
import { bringIn, present } from "./bring-in.ts";

/** How a sweep ended. It was whole if it has `seen` and nothing is unfinished. */
export interface SweepReport {
  /** One for every step that it took; a pod that needed none has none. */
  readonly outcomes: readonly Outcome[];
  /** Networks that it did not come to; the next sweep begins with them. */
  readonly unfinished: readonly string[];
  /** Networks that took longer than their share: their last step goes on, and has no outcome here. */
  readonly slow: readonly string[];
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

/** Networks that are swept side by side. */
const SIDE_BY_SIDE = 8;
/** The part of a sweep's time that one network may take. */
const SHARE = 1 / 6;

/**
 * Mends what events missed: every pod that should be in and is not gets a step, stacks lose what is gone, conditions
 * say what is so, and networks that look broken are put right. It ends after `limitMs` ms at the latest, and the next one,
 * of whatever instance, goes on with the networks that this one did not come to.
 */
export async function sweep(deps: Deps, limitMs: number): Promise<SweepReport> {
  const { clock, contacts, log } = deps;
  const until = clock.now() + limitMs;
  const read = await readAll(deps);
  if (read.tag === "stop") return { outcomes: [read.outcome], unfinished: [], slow: [], seen: undefined };
  const { pods, views, place } = read;
  const outcomes: Outcome[] = [];
  const podsOf = Map.groupBy(pods, ({ network }) => network);
  const { slow, left } = await sideBySide(clock, {
    items: fromPlace(views, place),
    atOnce: SIDE_BY_SIDE,
    shareMs: limitMs * SHARE,
    until,
    work: (view, inTime) =>
      sweepNetwork(deps, { view, pods: podsOf.get(view.network) ?? [], inTime, outcomes }),
    onLateError: (error) => log.error({ error: String(error) }, "a step of a sweep broke off"),
  });
  const next = left[0]?.network;
  if (next !== place) await contacts.keepSweepPlace(next);
  return {
    outcomes: [...outcomes],
    unfinished: networkNames(left),
    slow: networkNames(slow),
    seen: { pods, views },
  };
}

/** All that there is, by one list of pods and 2 commands of the store, and 1 more for every 100 networks. */
async function readAll({
  cluster,
  contacts,
}: Deps): Promise<
  | (Seen & { readonly tag: "read"; readonly place: string | undefined })
  | { readonly tag: "stop"; readonly outcome: Outcome }
> {
  const [listed, known, place] = await Promise.all([
    cluster.listPods({}),
    contacts.networks(),
    contacts.sweepPlace(),
  ]);
  if (listed.tag === "failed") return { tag: "stop", outcome: clusterHeld(listed) };
  if (known.tag === "failed") return { tag: "stop", outcome: held("StoreUnavailable", known.message) };
  const { pods } = listed;
  const labelled = pods.flatMap(({ network }) => network ?? []);
  const read = await contacts.read([...new Set([...known.networks, ...labelled])].sort());
  if (read.tag === "failed") return { tag: "stop", outcome: held("StoreUnavailable", read.message) };
  // Who does not know where the last sweep stopped begins at the first network.
  return { tag: "read", pods, views: read.views, place: place.tag === "place" ? place.network : undefined };
}

const networkNames = (views: readonly NetworkView[]): readonly string[] =>
  views.map(({ network }) => network);

/** Round from where the last sweep stopped. The network may be gone by now: then from the one that came after it. */
function fromPlace(views: readonly NetworkView[], place: string | undefined): readonly NetworkView[] {
  const first = place === undefined ? 0 : views.findIndex(({ network }) => network >= place);
  return first > 0 ? [...views.slice(first), ...views.slice(0, first)] : views;
}

interface NetworkSweep extends Pick<Seen, "pods"> {
  readonly view: NetworkView;
  readonly inTime: () => boolean;
  readonly outcomes: Outcome[];
}

async function sweepNetwork(deps: Deps, swept: NetworkSweep): Promise<void> {
  const { view, pods, inTime, outcomes } = swept;
  const steps = await sweepPods(deps, swept);
  if (!inTime()) return;
  const now = steps > 0 ? await viewNow(deps, view.network) : view;
  const target = now && (await needs(deps, now, pods));
  if (target && inTime()) outcomes.push(await reconcile(deps, target));
}

/** How many steps its pods have taken. */
async function sweepPods(deps: Deps, { view, pods, inTime, outcomes }: NetworkSweep): Promise<number> {
  const { network, stack } = view;
  const contacts = new Map(stack.map((contact) => [contact.uid, contact]));
  let steps = 0;
  for (const pod of byTurns(deps, pods)) {
    const contact = contacts.get(pod.uid);
    const isSettled = contact !== undefined && isMemberAs(contact, pod, network);
    if (isSettled) await mend(deps, view, { pod, via: contact.via });
    if (needsNothing(pod, isSettled)) continue;
    if (!inTime()) return steps;
    steps += 1;
    outcomes.push(await bringInNow(deps, pod, network));
  }
  return steps;
}

/** Is the pod this contact? Only a re-form brings in one that was in another network, whatever the stack says. */
const isMemberAs = ({ incarnation, address }: Contact, pod: Pod, network: string): boolean =>
  !pod.finished &&
  !wasElsewhere(pod, network) &&
  incarnation === pod.incarnation &&
  address === (pod.address ?? address);

/** A member's pod says that it is one. */
async function mend(
  deps: Deps,
  { network, generation }: NetworkView,
  { pod, via }: { readonly pod: Pod; readonly via: string | null },
): Promise<void> {
  if (joinedInThisLife(pod)) return;
  const outcome = alreadyMember({ network, joiner: pod });
  await conclude(deps, { outcome, tell: [{ tag: "mended", pod, via, generation }] });
}

/** Where there is not time for all, it is not always the same ones that are left. */
function byTurns({ clock }: Deps, pods: readonly Pod[]): readonly Pod[] {
  const first = pods.length > 0 ? Math.floor(clock.now() / MINUTE_MS) % pods.length : 0;
  return [...pods.slice(first), ...pods.slice(0, first)];
}

const MINUTE_MS = 60_000;

const needsNothing = (pod: Pod, isSettled: boolean): boolean =>
  pod.admission.tag === "ignored" || (isSettled && !asksForReform(pod));

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

/** The network as the store has it now; undefined: nobody is in, or it cannot be told. */
async function viewNow({ contacts }: Deps, network: string): Promise<NetworkView | undefined> {
  const read = await contacts.read([network]);
  return read.tag === "read" ? read.views[0] : undefined;
}

/** What looks wrong in a network that has all its pods in. */
type SweepFinding =
  | { readonly tag: "stirred"; readonly stirred: readonly string[] }
  | { readonly tag: "disturbed" }
  | { readonly tag: "apart" };

/**
 * What a network needs that no pod asks for; undefined: it looks well. Reads only, without a lease. What looks wrong is
 * looked at once more, by what the store has by then: the sweep may have read it a minute ago.
 */
async function needs(deps: Deps, view: NetworkView, pods: readonly Pod[]): Promise<Target | undefined> {
  const { network } = view;
  // Of pods that run: a contact without one has to go.
  const uids = new Set(pods.flatMap(({ uid, finished }) => (finished ? [] : uid)));
  const first = await findingOf(deps, view, uids);
  if (first === undefined) return undefined;
  if (first.tag === "apart") await deps.clock.sleep(APART_MS);
  const now = await viewNow(deps, network);
  const finding = now && (await findingOf(deps, now, uids));
  const target = { network, mayVisit: true };
  switch (finding?.tag) {
    case undefined:
      return undefined;
    case "stirred":
      return { ...target, stirred: finding.stirred };
    case "disturbed":
      return target;
    case "apart":
      return first.tag === "apart" ? { ...target, cause: entriesApart } : undefined;
  }
}

/** One question to each member: whoever tells its newest entry serves. */
async function findingOf(
  deps: Deps,
  view: NetworkView,
  uids: ReadonlySet<string>,
): Promise<SweepFinding | undefined> {
  const { stack, intent, deaths } = view;
  if (stack.length === 0 && intent === undefined) return undefined;
  const [{ digests, silent }, stirred] = await Promise.all([newestOf(deps, stack), stirredOf(deps, view)]);
  if (stirred.length > 0) return { tag: "stirred", stirred };
  const isDisturbed = intent !== undefined || deaths || stack.some(({ uid }) => !uids.has(uid));
  if (isDisturbed || (await anyDown(deps, silent))) return { tag: "disturbed" };
  return digests.size > 1 ? { tag: "apart" } : undefined;
}

/** Does one of these not serve? One that serves may have an entry that nobody can read. */
async function anyDown({ lightpeer, settings }: Deps, contacts: readonly Contact[]): Promise<boolean> {
  const probes = await Promise.all(
    contacts.map(({ address }) => lightpeer.probe(address, settings.probeTimeoutMs)),
  );
  return probes.some((probe) => probe !== "serving");
}

/** Peers that hung when the network went on without them, and do not any more. */
async function stirredOf(deps: Deps, view: NetworkView): Promise<readonly string[]> {
  const addresses = stillWaitedFor(view);
  const silent = await silentAt(deps, addresses);
  return addresses.filter((address) => !silent.includes(address));
}
