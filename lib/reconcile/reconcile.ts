import { announceMember } from "./announce.ts";
import { cause } from "./cause.ts";
import { decide } from "./plan.ts";
import type { Change, NetworkRecord } from "../store/contacts.ts";
import type { Deps } from "../deps.ts";
import { bringIn } from "./join.ts";
import { giveBack, takeLease, tooOld } from "../lease.ts";
import { contactOf, findings, findingsAtRest, logEntry } from "./changes.ts";
import { look } from "./observe.ts";
import { held, type Outcome } from "../outcome.ts";
import { memberOf, release } from "./release.ts";
import type { Joiner } from "./scene.ts";
import { silentAt } from "./shadows.ts";
import { reformNetwork } from "./repair.ts";
import type { Step, Wish } from "./step.ts";
import { QUIET_MS } from "../timing.ts";
import { visit } from "./verify.ts";

/**
 * One step: all that one event causes in one network. It reads the state again, changes at most one membership, and
 * ends in an outcome. The lease keeps every other step away meanwhile.
 */
export async function takeStep(deps: Deps, wish: Wish): Promise<Outcome> {
  const { clock, settings, turns } = deps;
  const outcome = await turns.take(
    wish.network,
    () => clock.sleep(settings.waitMs),
    () => stepUntilFresh(deps, wish),
  );
  // Steps that follow each other closely share their connections.
  if (turns.idle()) deps.lightpeer.release();
  if (outcome) return outcome;
  const message = `other steps of this process have had ${wish.network} for all of ${settings.waitMs} ms`;
  return held("NetworkBusy", message, { network: wish.network, ...(wish.joiner && { pod: wish.joiner }) });
}

/** How often a step looks anew because too much time passed before it could change anything. */
const LOOKS = 3;

async function stepUntilFresh(deps: Deps, wish: Wish): Promise<Outcome> {
  for (let left = LOOKS; ; left -= 1) {
    const outcome = await stepInTurn(deps, wish);
    if (outcome.reason !== "LookTooOld" || left === 1) return outcome;
  }
}

async function stepInTurn(deps: Deps, wish: Wish): Promise<Outcome> {
  // 1 begin
  const { joiner, cause: must } = wish;
  const admission = joiner?.admission;
  // A member that must be re-formed all the same is no news.
  const asMember = must === undefined && admission?.tag === "peer" ? admission.peer : undefined;
  const taken = await takeLease(deps, wish.network, asMember);
  if (taken.tag === "held") return { ...taken.outcome, ...(wish.joiner && { pod: wish.joiner }) };
  if (taken.tag === "member") return memberOf(wish);
  const { lease, record } = taken;
  // 2 look, 3 probe
  const looked = await look(deps, wish, record);
  if (looked.tag === "scene")
    return act({ deps, wish: await stillMeant(deps, wish, record), lease, record, scene: looked.scene });
  const seen = looked.scene ? findingsAtRest(looked.scene) : {};
  await giveBack(deps, lease, { ...seen, keepIntent: record.intent !== undefined });
  return looked.outcome;
}

/**
 * Another step may have moved the leaver already; only a store that has lost its stack does not know. Or it is of this
 * network again, and stays.
 */
async function stillMeant(deps: Deps, { leaver, ...wish }: Wish, { stack }: NetworkRecord): Promise<Wish> {
  if (leaver === undefined) return wish;
  const isMember = stack.some(({ incarnation }) => incarnation === leaver.incarnation);
  if (!isMember && stack.length > 0) return { ...wish, hasLeft: leaver };
  const asked = await deps.cluster.getPod(leaver);
  const isBack = asked.tag === "pod" && asked.pod?.uid === leaver.uid && asked.pod.network === wish.network;
  return isBack ? wish : { ...wish, leaver };
}

async function act(step: Step): Promise<Outcome> {
  const move = decide(step.wish, step.scene, step.record, step.deps.settings);
  switch (move.tag) {
    case "hold":
      return release(step, move.outcome);
    case "reform":
      return reformNetwork(step, move.cause);
    case "visit":
      return visit(step);
    case "rest":
      return rest(step);
    case "found":
      return found(step, move.joiner);
    case "ask":
      return bringIn(step, move.joiner);
  }
}

async function rest(step: Step): Promise<Outcome> {
  const { wish, scene } = step;
  if (scene.members.length > 0) return release(step, memberOf(wish), await disturbanceOf(step));
  const { network, leaver } = wish;
  const empty = { network, name: "left", reason: "Left", message: `nobody is left in ${network}` } as const;
  return release(step, leaver ? empty : memberOf(wish), { deaths: false });
}

/** Who was left out because it hung is on lists that its members go on checking until it answers. */
async function disturbanceOf({ deps, wish, scene }: Step): Promise<Change> {
  if (wish.hasLeft === undefined) return {};
  const silent = await silentAt(deps, [wish.hasLeft.address]);
  return { deaths: true, quietMs: QUIET_MS, waitedFor: [...scene.shadows, ...silent] };
}

/**
 * 4 no contact: the peer is the founder, if it is fresh. One that has a chain was in a network under another name: the
 * API server may not have shown yet that its process is a new one. Alone in a re-form it keeps its history, not its list.
 */
async function found(step: Step, joiner: Joiner): Promise<Outcome> {
  const { deps, lease } = step;
  const { address, name } = joiner.peer;
  const asked = await deps.lightpeer.askFresh(address, deps.settings.probeTimeoutMs);
  const subject = { pod: joiner.pod, network: lease.network };
  if (asked === "silent")
    return release(step, held("PeerNotAnswering", `${name} does not answer a question`, subject));
  const old = tooOld(deps, lease, step.scene.looked);
  if (old) return release(step, { ...old, ...subject });
  const isKnown = asked === "chained" && deps.settings.reform === "on";
  return isKnown
    ? reformNetwork(step, cause("has-chain", `${name} has a chain already`))
    : start(step, joiner);
}

async function start(step: Step, { pod, peer }: Joiner): Promise<Outcome> {
  const { deps, lease, record, scene } = step;
  const { network } = lease;
  const now = deps.clock.now();
  const message = `${peer.name} at ${peer.address} is the first of ${network}`;
  const outcome = {
    name: "founded",
    reason: "Founded",
    message,
    pod,
    network,
    generation: record.generation,
  } as const;
  const push = contactOf(peer, null, now);
  const late = await giveBack(deps, lease, {
    ...findings(scene),
    push,
    deaths: false,
    log: logEntry(outcome, now),
  });
  if (late) return { ...late, pod };
  return announceMember(deps, pod, outcome);
}
