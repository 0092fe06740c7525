import type { News } from "./announce.ts";
import { cause } from "./cause.ts";
import { contactOf, pushed } from "./changes.ts";
import { type Looked, renew, tooOld } from "../lease.ts";
import { type Ending, hold, type Step } from "./move.ts";
import type { Joiner, KnownContact } from "./observation.ts";
import { held, type Outcome } from "../outcome.ts";
import type { Newest } from "../peers/lightpeer.ts";
import { contactsToTry, planJoin } from "./plan.ts";
import { identify } from "./identity.ts";
import type { NameCheck } from "./peer-name.ts";
import { stillThereSince } from "./reform/still-there.ts";
import { repair } from "./repair.ts";

/**
 * No contact: the peer founds its network, if it is fresh. One that has a chain was in a network under another name: the
 * API server may not have shown yet that its process is a new one. Alone in a re-form it keeps its history, not its list.
 */
export async function found(step: Step, joiner: Joiner): Promise<Ending> {
  const { deps, lease, record, seen } = step;
  const { pod, peer } = joiner;
  const about = { pod, network: lease.network };
  const [identity, asked] = await Promise.all([
    identify(deps, lease.network, joiner),
    deps.lightpeer.askFresh(peer.address, deps.settings.probeTimeoutMs),
  ]);
  if (identity.tag === "unsure") return hold(step, identity.outcome);
  if (asked === "silent")
    return hold(step, held("PeerNotAnswering", `${peer.name} does not answer a question`, about));
  const old = tooOld(deps, lease, seen.looked);
  if (old) return hold(step, { ...old, ...about });
  if (asked === "chained" && deps.settings.reform === "on")
    return repair(withIdentity(step, joiner), cause("has-chain", `${peer.name} has a chain already`));
  const message = `${peer.name} at ${peer.address} is the first of ${lease.network}`;
  const { generation } = record;
  const outcome = { ...about, name: "founded", reason: "Founded", message, generation } as const;
  const gone = { dead: [...seen.dead, ...seen.replaced, ...seen.lost], replaced: [], lost: [] };
  const change = {
    ...pushed({ ...seen, ...gone }, contactOf(peer, null, deps.clock.now())),
    deaths: false,
  };
  return { outcome, change, tell: [{ tag: "in", pod, outcome }, ...warningOf(step, joiner, identity.name)] };
}

/** Asks the joiner and a contact what must be known before a join, and brings the joiner in as that allows. */
export async function bringJoinerIn(step: Step, joiner: Joiner): Promise<Ending> {
  const { deps, lease, target, record, seen } = step;
  const { lightpeer, settings } = deps;
  const [first] = contactsToTry(seen);
  if (first === undefined) return hold(step, nobodyReachable(step, joiner, "there is no other contact"));
  const { address } = first.contact;
  const timeoutMs = settings.probeTimeoutMs;
  const [identity, asked, contact, newest] = await Promise.all([
    identify(deps, lease.network, joiner),
    lightpeer.askFresh(joiner.peer.address, timeoutMs),
    seen.members.length > 1 ? lightpeer.askFresh(address, timeoutMs) : undefined,
    lightpeer.newest(address, timeoutMs),
  ]);
  if (identity.tag === "unsure") return hold(step, identity.outcome);
  const answers = { joiner: asked, contact, newest };
  const next = planJoin(seen, record, settings, { network: target.network, joiner, answers });
  switch (next.tag) {
    case "hold":
      return hold(step, next.outcome);
    case "reform": {
      const members = seen.members.filter((member) => contact !== "fresh" || member !== first);
      const dead = contact === "fresh" ? [...seen.dead, first.contact] : seen.dead;
      return repair(withIdentity({ ...step, seen: { ...seen, members, dead } }, joiner), next.cause);
    }
    case "join":
      return warned(
        await join(withIdentity(step, joiner), joiner, next.newest),
        warningOf(step, joiner, identity.name),
      );
  }
}

/** Who the joiner is has been asked, and need not be asked again by a re-form. */
const withIdentity = (step: Step, joiner: Joiner): Step => ({
  ...step,
  seen: { ...step.seen, joiner: { ...joiner, isIdentified: true } },
});

/** Told once, since a life is joined once. Where nothing is re-formed nobody needs the seed. */
const warningOf = ({ deps }: Step, { pod }: Joiner, name: NameCheck): readonly News[] =>
  name.tag === "unreached" && deps.settings.reform === "on"
    ? [{ tag: "unreached", pod, message: name.message }]
    : [];

const warned = (ending: Ending, warnings: readonly News[]): Ending =>
  ending.outcome.name === "joined" ? { ...ending, tell: [...(ending.tell ?? []), ...warnings] } : ending;

/** The intent first, then one call for each contact that the joiner cannot reach. */
async function join(step: Step, joiner: Joiner, newest: string): Promise<Ending> {
  const { deps, lease, seen } = step;
  const { lightpeer, settings, clock } = deps;
  const { pod, peer } = joiner;
  const at = new Date(clock.now()).toISOString();
  const intent = { kind: "join", pod: `${pod.namespace}/${pod.name}`, uid: pod.uid, at } as const;
  let why = "";
  let { looked } = seen;
  for (const through of contactsToTry(seen)) {
    const { name, address } = through.contact;
    const lost = await renew(deps, lease, { ...intent, contact: name }, settings.joinTimeoutMs);
    if (lost) return { outcome: { ...lost, pod } };
    const old =
      (await stillThereSince(deps, lease.network, [peer, through.contact], seen.looked.from)) ??
      tooOld(deps, lease, looked);
    if (old) return hold(step, { ...old, pod });
    const end = await lightpeer.join(peer.address, address, settings.joinTimeoutMs);
    if (end.tag === "joined") return joined(step, joiner, { through, newest });
    why = `${name} at ${address}: ${end.message}`;
    if (end.tag !== "unreachable") return repair(step, cause("failed-join", `a join failed, through ${why}`));
    looked = await lookedAgain(step, joiner);
  }
  return hold(step, nobodyReachable(step, joiner, why));
}

/** A contact that the joiner cannot reach may take it long to give up; all must still answer before the next one. */
async function lookedAgain({ deps, seen }: Step, { peer }: Joiner): Promise<Looked> {
  const from = deps.clock.now();
  const addresses = [peer.address, ...seen.members.map(({ contact }) => contact.address)];
  const timeoutMs = deps.settings.probeTimeoutMs;
  const probes = await Promise.all(addresses.map((address) => deps.lightpeer.probe(address, timeoutMs)));
  return probes.every((probe) => probe === "serving") ? { from, to: deps.clock.now() } : seen.looked;
}

/** The join has answered ok; but an entry that came in during it may be missing on one side. */
async function joined(
  step: Step,
  { pod, peer }: Joiner,
  { through, newest }: { readonly through: KnownContact; readonly newest: string },
): Promise<Ending> {
  const { deps, lease, record, seen } = step;
  const { network } = lease;
  const { settings, clock } = deps;
  const [atContact, atPeer] = await Promise.all([
    deps.lightpeer.newest(through.contact.address, settings.probeTimeoutMs),
    deps.lightpeer.newest(peer.address, settings.probeTimeoutMs),
  ]);
  if (settings.reform === "on" && !(isNewestStill(atContact, newest) && isNewestStill(atPeer, newest)))
    return repair(step, cause("entry-came", `an entry came in while ${peer.name} was joined`));
  const via = through.contact.name;
  const message = `${peer.name} at ${peer.address} has joined ${network} through ${via}`;
  const { generation } = record;
  const outcome = { name: "joined", reason: "Joined", message, pod, network, via, generation } as const;
  // A death before stays noted: all who are listed had the same newest block, but nobody has seen who is listed.
  const change = { ...pushed(seen, contactOf(peer, via, clock.now())), newest };
  return { outcome, change, tell: [{ tag: "in", pod, outcome }] };
}

const isNewestStill = (answer: Newest, digest: string): boolean =>
  answer.tag === "newest" && answer.digest === digest;

const nobodyReachable = ({ lease: { network } }: Step, { pod, peer }: Joiner, why: string): Outcome =>
  held("ContactsUnreachable", `${peer.name} reaches no member of ${network}; ${why}`, { pod, network }, 10);
