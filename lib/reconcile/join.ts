import { announceMember } from "./announce.ts";
import { cause } from "./cause.ts";
import { contactsToTry, decideJoin } from "./plan.ts";
import { giveBack, renew, tooOld } from "../lease.ts";
import { contactOf, findings, logEntry } from "./changes.ts";
import type { Newest } from "../peers/lightpeer.ts";
import { held, type Outcome } from "../outcome.ts";
import { release } from "./release.ts";
import type { Joiner, Looked, Seen } from "./scene.ts";
import { reformNetwork } from "./repair.ts";
import type { Step } from "./step.ts";

/** 5 ask, 6 plain or re-formed. */
export async function bringIn(step: Step, joiner: Joiner): Promise<Outcome> {
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
  const move = decideJoin(scene, record, settings, { network: wish.network, joiner, answers });
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
  let { looked } = scene;
  for (const through of contactsToTry(scene)) {
    const lost = await renew(
      deps,
      lease,
      { ...intent, contact: through.contact.name },
      settings.joinTimeoutMs,
    );
    if (lost) return { ...lost, pod };
    const old = tooOld(deps, lease, looked);
    if (old) return release(step, { ...old, pod });
    const end = await lightpeer.join(peer.address, through.contact.address, settings.joinTimeoutMs);
    if (end.tag === "joined") return joined(step, joiner, { through, newest });
    if (end.tag === "unreachable") looked = await lookedAgain(step, joiner);
    why = `${through.contact.name} at ${through.contact.address}: ${end.message}`;
    if (end.tag !== "unreachable")
      return reformNetwork(step, cause("failed-join", `a join failed, through ${why}`));
  }
  return release(step, nobodyReachable(step, joiner, why));
}

/** A contact that the joiner cannot reach may take it long to give up; all must still answer before the next one. */
async function lookedAgain({ deps, scene }: Step, { peer }: Joiner): Promise<Looked> {
  const from = deps.clock.now();
  const addresses = [peer.address, ...scene.members.map(({ contact }) => contact.address)];
  const timeoutMs = deps.settings.probeTimeoutMs;
  const probes = await Promise.all(addresses.map((address) => deps.lightpeer.probe(address, timeoutMs)));
  return probes.every((probe) => probe === "serving") ? { from, to: deps.clock.now() } : scene.looked;
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
  const outcome = {
    name: "joined",
    reason: "Joined",
    message,
    pod,
    network,
    via,
    generation: record.generation,
  } as const;
  const push = contactOf(peer, via, now);
  const seen = findings(scene);
  const change = seen.stack ? { ...seen, stack: [push, ...seen.stack] } : { ...seen, push };
  // A death before stays noted: all who are listed had the same newest block, but nobody has seen who is listed.
  const late = await giveBack(deps, lease, { ...change, newest, log: logEntry(outcome, now) });
  if (late) return { ...late, pod };
  return announceMember(deps, pod, outcome);
}

const isStill = (answer: Newest, digest: string): boolean =>
  answer.tag === "newest" && answer.digest === digest;

const nobodyReachable = ({ lease: { network } }: Step, { pod, peer }: Joiner, why: string): Outcome =>
  held("ContactsUnreachable", `${peer.name} reaches no member of ${network}; ${why}`, { pod, network }, 10);
