import type { Change, Contact, LogEntry } from "../store/contacts.ts";
import type { Observation } from "./observation.ts";
import type { Outcome } from "../outcome.ts";
import type { Peer } from "../pod/peer.ts";
import { factsOf } from "../reasons.ts";

/** What the look at a network found out, as a change of the store. */
export function findings(seen: Observation): Change {
  const silent = [...seen.hung, ...seen.lost, ...seen.givenUp, ...seen.unreachable];
  const known = [
    ...seen.members.map(({ contact }) => contact),
    ...silent,
    ...seen.replaced,
    ...seen.readdressed,
    ...seen.moved,
    ...seen.shared.map(({ contact }) => contact),
  ];
  // Where nobody else is left, nobody has those on a list who are gone and whose address is somebody else's.
  const isEmpty = known.length === seen.replaced.length;
  const stack = isEmpty ? [] : known.toReversed();
  const drop = isEmpty ? [...seen.dead, ...seen.replaced] : seen.dead;
  return {
    ...(seen.restored ? { stack } : { drop }),
    hung: silent.map(({ incarnation }) => incarnation),
    waitedFor: seen.waitedFor,
    ...(isDisturbed(seen) && { deaths: true }),
  };
}

/**
 * The same where the step ends without a change. A stack that was put together again lacks the joiner, which may say of
 * itself that it is a member: alone in the store it would hide that.
 */
export const findingsAtRest = (seen: Observation): Change =>
  seen.restored && seen.joiner ? {} : findings(seen);

/**
 * Something has happened that may have broken the network unseen: a death, or what may be one; a member that hung, for the
 * others notice no death while they wait for it; or the store does not know what has.
 */
const isDisturbed = ({ dead, hung, unreachable, stirred, restored }: Observation): boolean =>
  dead.length > 0 || hung.length > 0 || unreachable.length > 0 || stirred || restored;

/** The peer on top of the stack, whatever else was found out. */
export function pushed(seen: Observation, contact: Contact): Change {
  const found = findings(seen);
  return found.stack ? { ...found, stack: [contact, ...found.stack] } : { ...found, push: contact };
}

/** A peer as the stack has it once it is in. */
export const contactOf = (peer: Peer, via: string | null, now: number): Contact => ({
  uid: peer.uid,
  namespace: peer.namespace,
  name: peer.name,
  address: peer.address,
  incarnation: peer.incarnation,
  via,
  joinedAt: new Date(now).toISOString(),
});

/** The line of an outcome in the log of its network. Undefined: it is none, since nothing was done or could be seen. */
export function lineOf(outcome: Outcome, now: number): LogEntry | undefined {
  const { name, pod, reason, message } = outcome;
  if (name === "ignored" || name === "member" || name === "left" || factsOf(reason).blind) return undefined;
  return {
    at: new Date(now).toISOString(),
    ...(pod && { pod: `${pod.namespace}/${pod.name}` }),
    outcome: name,
    reason,
    message,
  };
}
