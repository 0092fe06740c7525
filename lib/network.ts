import { announceHold, announceMember } from "./announce.ts";
import { cause } from "./cause.ts";
import { contactsToTry, decide, decideJoin } from "./decide.ts";
import type { Change } from "./contacts/contacts.ts";
import type { Deps } from "./deps.ts";
import { giveBack, renew, takeLease } from "./lease.ts";
import { contactOf, findings, logEntry } from "./ledger.ts";
import type { Newest } from "./lightpeer/lightpeer.ts";
import { look } from "./look.ts";
import { held, type Outcome } from "./outcome.ts";
import type { Joiner, Seen } from "./scene.ts";
import { reformNetwork } from "./settle.ts";
import type { Step, Wish } from "./step.ts";
import { visit } from "./visit.ts";

/**
 * One step: all that one event causes in one network. It reads the state again, changes at most one membership, and
 * ends in an outcome. The lease keeps every other step away meanwhile.
 */
export async function step(deps: Deps, wish: Wish): Promise<Outcome> {
  const { clock, settings, turns } = deps;
  const turn = turns.take(
    wish.network,
    () => clock.sleep(settings.waitMs),
    () => stepInTurn(deps, wish),
  );
  const message = `other steps of this process have had ${wish.network} for all of ${settings.waitMs} ms`;
  return (
    (await turn) ??
    held("NetworkBusy", message, { network: wish.network, ...(wish.joiner && { pod: wish.joiner }) })
  );
}

async function stepInTurn(deps: Deps, wish: Wish): Promise<Outcome> {
  // 1 begin
  const admission = wish.joiner?.admission;
  const taken = await takeLease(deps, wish.network, admission?.tag === "peer" ? admission.peer : undefined);
  if (taken.tag === "held") return { ...taken.outcome, ...(wish.joiner && { pod: wish.joiner }) };
  if (taken.tag === "member") return memberOf(wish);
  const { lease, record } = taken;
  // 2 look, 3 probe
  const looked = await look(deps, wish, record);
  if (looked.tag === "scene") return act({ deps, wish, lease, record, scene: looked.scene });
  const found = looked.scene ? findings(looked.scene) : {};
  await giveBack(deps, lease, { ...found, keepIntent: record.intent !== undefined });
  return looked.outcome;
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
      return release(step, memberOf(step.wish), step.scene.members.length > 1 ? {} : { deaths: false });
    case "found":
      return found(step, move.joiner);
    case "ask":
      return bringIn(step, move.joiner);
  }
}

/** 4 no contact: the peer is the founder. */
async function found(step: Step, { pod, peer }: Joiner): Promise<Outcome> {
  const { deps, lease, record, scene } = step;
  const { network } = lease;
  const now = deps.clock.now();
  const message = `${peer.name} at ${peer.address} is the first of ${network}`;
  const outcome: Outcome = {
    name: "founded",
    reason: "Founded",
    message,
    pod,
    network,
    generation: record.generation,
  };
  const push = contactOf(peer, null, now);
  const late = await giveBack(deps, lease, {
    ...findings(scene),
    push,
    deaths: false,
    log: logEntry(outcome, now),
  });
  if (late) return { ...late, pod };
  await announceMember(deps, pod, outcome);
  return outcome;
}

/** 5 ask, 6 plain or re-formed. */
async function bringIn(step: Step, joiner: Joiner): Promise<Outcome> {
  const { deps, wish, record, scene } = step;
  const { lightpeer, settings } = deps;
  const [first] = contactsToTry(scene);
  if (first === undefined) return release(step, nobodyReachable(step, joiner, "there is no other contact"));
  const { address } = first.contact;
  const timeoutMs = settings.probeTimeoutMs;
  const [asked, contact, newest] = await Promise.all([
    lightpeer.askFresh(joiner.peer.address, timeoutMs),
    scene.members.length > 1 ? lightpeer.askFresh(address, timeoutMs) : undefined,
    lightpeer.newest(address, timeoutMs),
  ]);
  const answers = { joiner: asked, contact, newest };
  const move = decideJoin(wish, scene, record, { settings, joiner, answers });
  switch (move.tag) {
    case "hold":
      return release(step, move.outcome);
    case "reform": {
      const members = scene.members.filter((member) => contact !== "fresh" || member !== first);
      const dead = contact === "fresh" ? [...scene.dead, first.contact] : scene.dead;
      return reformNetwork({ ...step, scene: { ...scene, members, dead } }, move.cause);
    }
    case "join":
      return join(step, joiner, move.newest);
  }
}

/** 7 join: the intent first, then one call for each contact that the joiner cannot reach. */
async function join(step: Step, joiner: Joiner, newest: string): Promise<Outcome> {
  const { deps, lease, scene } = step;
  const { lightpeer, settings, clock } = deps;
  const { pod, peer } = joiner;
  const intent = {
    kind: "join",
    pod: `${pod.namespace}/${pod.name}`,
    at: new Date(clock.now()).toISOString(),
  } as const;
  let why = "";
  for (const through of contactsToTry(scene)) {
    const lost = await renew(
      deps,
      lease,
      { ...intent, contact: through.contact.name },
      settings.joinTimeoutMs,
    );
    if (lost) return { ...lost, pod };
    const end = await lightpeer.join(peer.address, through.contact.address, settings.joinTimeoutMs);
    if (end.tag === "joined") return joined(step, joiner, { through, newest });
    why = `${through.contact.name} at ${through.contact.address}: ${end.message}`;
    if (end.tag !== "unreachable")
      return reformNetwork(step, cause("failed-join", `a join failed, through ${why}`));
  }
  return release(step, nobodyReachable(step, joiner, why));
}

/** 8 commit, 9 announce; but an entry that came in during the join may be missing on one side. */
async function joined(
  step: Step,
  { pod, peer }: Joiner,
  { through, newest }: { readonly through: Seen; readonly newest: string },
): Promise<Outcome> {
  const { deps, lease, record, scene } = step;
  const { network } = lease;
  const { settings, clock } = deps;
  const [atContact, atPeer] = await Promise.all([
    deps.lightpeer.newest(through.contact.address, settings.probeTimeoutMs),
    deps.lightpeer.newest(peer.address, settings.probeTimeoutMs),
  ]);
  if (settings.reform === "on" && !(isStill(atContact, newest) && isStill(atPeer, newest))) {
    return reformNetwork(step, cause("entry-came", `an entry came in while ${peer.name} was joined`));
  }
  const now = clock.now();
  const via = through.contact.name;
  const message = `${peer.name} at ${peer.address} has joined ${network} through ${via}`;
  const outcome: Outcome = {
    name: "joined",
    reason: "Joined",
    message,
    pod,
    network,
    via,
    generation: record.generation,
  };
  const push = contactOf(peer, via, now);
  const found = findings(scene);
  const change = found.stack ? { ...found, stack: [push, ...found.stack] } : { ...found, push };
  const late = await giveBack(deps, lease, { ...change, newest, deaths: false, log: logEntry(outcome, now) });
  if (late) return { ...late, pod };
  await announceMember(deps, pod, outcome);
  return outcome;
}

const isStill = (answer: Newest, digest: string): boolean =>
  answer.tag === "newest" && answer.digest === digest;

/** Nothing is changed in the network: what was seen is written, a leftover intent stays. */
async function release(step: Step, outcome: Outcome, more: Change = {}): Promise<Outcome> {
  const { deps, lease, record, scene } = step;
  const log = outcome.name === "held" ? { log: logEntry(outcome, deps.clock.now()) } : {};
  const keepIntent = record.intent !== undefined && outcome.name === "held";
  const late = await giveBack(deps, lease, { ...findings(scene), ...more, ...log, keepIntent });
  if (scene.joiner) await announceHold(deps, scene.joiner.pod, outcome);
  return late && outcome.name !== "held" ? late : outcome;
}

function memberOf({ joiner, network }: Wish): Outcome {
  const message = joiner ? `${joiner.name} is in ${network} already` : `nothing is to be done for ${network}`;
  return { name: "member", reason: "AlreadyMember", message, network, ...(joiner && { pod: joiner }) };
}

const nobodyReachable = ({ lease: { network } }: Step, { pod, peer }: Joiner, why: string): Outcome =>
  held("ContactsUnreachable", `${peer.name} reaches no member of ${network}; ${why}`, { pod, network }, 10);
