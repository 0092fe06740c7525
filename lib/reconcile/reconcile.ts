import { announce, announceLast, announceMovedOut, type News } from "./announce.ts";
import { lineOf } from "./changes.ts";
import { clusterHeld } from "../cluster/cluster-held.ts";
import type { Deps } from "../deps.ts";
import { bringJoinerIn, found } from "./join.ts";
import { giveBack, type Lease, takeLease } from "../lease.ts";
import { type Ending, hold, type Step } from "./move.ts";
import { observe } from "./observe.ts";
import { alreadyMember, rest } from "./rest.ts";
import { stillMeant } from "./still-meant.ts";
import { repair } from "./repair.ts";
import { held, type Outcome, type PodName, subjectOf } from "../outcome.ts";
import { plan, type Target } from "./plan.ts";
import type { StepPod } from "../store/contacts.ts";
import { verify } from "./verify.ts";

/**
 * The step: all that one event causes in one network. The algorithm that klight began with is four lines, over a stack
 * of contacts for each network; what has become of each, and why:
 *
 *     stack empty:   push the peer.
 *     read the top:  tell the peer to join that contact.
 *     it joined:     push the peer.
 *     it failed:     pop the contact and try again.
 *
 * - Before all of them: one step at a time changes a network, or two joins at once would fork it. So there is a lease, and
 *   what a step is about to do is written before it is done, for one that dies leaves a network that must be put right.
 * - Stack empty: the peer founds the network, if it says that it is fresh, and if no pod says that it is a member: a store
 *   that has lost a stack is no empty one (`found`).
 * - Read the top: contacts are tried from the top, but only when all of them answer, for a join notifies every member, and
 *   breaks the network at one that hangs or has just died (`observe`, `plan`). Where an application stores, the network is
 *   re-formed with the peer instead: a plain join would race with it (`bringJoinerIn`).
 * - It joined: pushed, unless an entry came in meanwhile (`joined` in join.ts).
 * - It failed: that is never just tried again, since a join that has got half-way has broken the network. Only a contact
 *   that the peer could not reach at all is passed over; else the network is re-formed (`repair`). A contact is not popped
 *   because a join failed, but when its process is gone (`healthOf`).
 *
 * Every move returns how it ended, and {@link conclude} is the only place where that is written, the lease given back, and
 * people told.
 */
export async function reconcile(deps: Deps, target: Target): Promise<Outcome> {
  const { clock, settings, turns } = deps;
  const { network, joiner } = target;
  const outcome = await turns.take(
    network,
    (stop) => clock.sleep(settings.waitMs, stop),
    () => stepUntilFresh(deps, target),
  );
  // Steps that follow each other closely share their connections.
  if (turns.idle()) deps.lightpeer.release();
  if (outcome) return outcome;
  const message = `other steps of this process have had ${network} for all of ${settings.waitMs} ms`;
  return held("NetworkBusy", message, { network, ...(joiner && { pod: joiner }) });
}

/** How often a step looks anew because too much time passed before it could change anything. */
const LOOKS = 3;

async function stepUntilFresh(deps: Deps, target: Target): Promise<Outcome> {
  for (let left = LOOKS; ; left -= 1) {
    const outcome = await stepOnce(deps, target);
    if (outcome.reason !== "LookTooOld" || left === 1) return outcome;
  }
}

/** It reads the state again, changes at most one membership, and ends in one outcome. */
async function stepOnce(deps: Deps, target: Target): Promise<Outcome> {
  const { joiner, network } = target;
  const taken = await takeLease(deps, network, stepPodOf(target));
  if (taken.tag === "held") return { ...taken.outcome, ...(joiner && { pod: joiner }) };
  if (taken.tag === "member") return alreadyMember(target);
  if (taken.tag === "elsewhere") return isElsewhere(target, taken.network);
  const { lease, record } = taken;
  const look = await observe(deps, target, record);
  if (look.tag === "stop") return conclude(deps, hold({ record, ...look }, look.outcome), lease);
  const meant = await stillMeant(deps, target, record);
  if (meant.tag === "failed")
    return conclude(deps, hold({ record, ...look }, clusterHeld(meant, network)), lease);
  return conclude(deps, await move({ deps, target: meant.target, lease, record, seen: look.seen }), lease);
}

function stepPodOf({ joiner, leaver, cause: must }: Target): StepPod | undefined {
  if (leaver) return { how: "leaves", uid: leaver.uid };
  if (joiner === undefined) return undefined;
  const { uid, admission } = joiner;
  // A member that must be re-formed all the same is no news.
  const life = must === undefined && admission.tag === "peer" ? { life: admission.peer } : {};
  return { how: "joins", uid, ...life };
}

/** Its label has changed just now: only when it is out of the other network, its peer may come into this one. */
function isElsewhere({ joiner, network: meant }: Target, network: string): Outcome {
  const message = `${joiner?.name} is in ${network} until it has been taken out there, and is labelled for ${meant}`;
  return held("LabelChanged", message, { network, ...(joiner && { pod: joiner }) }, 1);
}

async function move(step: Step): Promise<Ending> {
  const next = plan(step.target, step.seen, step.record, step.deps.settings);
  switch (next.tag) {
    case "hold":
      return hold(step, next.outcome);
    case "reform":
      return repair(step, next.cause);
    case "visit":
      return verify(step);
    case "rest":
      return rest(step);
    case "found":
      return found(step, next.joiner);
    case "ask":
      return bringJoinerIn(step, next.joiner);
  }
}

/**
 * The one end of a step: what the move found out is written and the lease given back, then people are told. What could not
 * be written is not done, so the step is held, and nobody is told of it. Without a lease only people are told.
 */
export async function conclude(deps: Deps, ending: Ending, lease?: Lease): Promise<Outcome> {
  const { outcome, change, tell = [] } = await movedOutTold(deps, ending);
  const log = lineOf(outcome, deps.clock.now());
  const late = lease && change && (await giveBack(deps, lease, { ...change, ...(log && { log }) }));
  if (late === undefined) return tellAll(deps, outcome, tell);
  if (outcome.name !== "held" && outcome.name !== "ignored") return { ...late, ...subjectOf(outcome) };
  const holds = tell.filter(({ tag }) => tag === "held");
  return tellAll(deps, outcome, holds);
}

/** The same outcome comes back, but where the pod that it is about has got another label meanwhile. */
async function tellAll(deps: Deps, outcome: Outcome, tell: readonly News[]): Promise<Outcome> {
  let end = outcome;
  for (const news of tell) {
    const now = await announce(deps, news);
    const isOther = news.tag !== "in" || !isSamePod(news.pod, outcome.pod);
    if (isOther || now === undefined || now.network === news.pod.network) continue;
    // A step for its new network may have run beside this one: only a look at the pod as it is now can put it right.
    const message = `${now.name} was brought into ${news.pod.network}, and is labelled for ${now.network ?? "none"} now`;
    end = held("LabelChanged", message, subjectOf(outcome), 1);
  }
  return end;
}

const isSamePod = (pod: PodName, other: PodName | undefined): boolean =>
  pod.namespace === other?.namespace && pod.name === other.name;

/** What cannot be told to them is not done with: then the step is held, and the next one does it again. */
async function movedOutTold(deps: Deps, ending: Ending): Promise<Ending> {
  const { outcome, first } = ending;
  const { network = "" } = outcome;
  if (first === undefined) return ending;
  const announceGone = first.isLast ? announceLast : announceMovedOut;
  for (const gone of first.movedOut) {
    const failed = await announceGone(deps, gone, network);
    if (failed) return { outcome: { ...clusterHeld(failed), ...subjectOf(outcome) }, change: first.ifUntold };
  }
  return ending;
}
