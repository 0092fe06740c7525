import type { Change, Contact, LogEntry } from "../store/contacts.ts";
import type { Outcome } from "../outcome.ts";
import type { Peer } from "../pod/peer.ts";
import type { Scene } from "./scene.ts";

/** What the look at a network found out, as a change of the store. */
export function findings(scene: Scene): Change {
  const silent = [...scene.hung, ...scene.lost];
  const known = [
    ...scene.members.map(({ contact }) => contact),
    ...silent,
    ...scene.replaced,
    ...scene.moved,
  ];
  return {
    ...(scene.restored ? { stack: known.toReversed() } : { drop: scene.dead }),
    hung: silent.map(({ incarnation }) => incarnation),
    waitedFor: scene.shadows,
    ...(isDisturbed(scene) && { deaths: true }),
  };
}

/**
 * The same where the step ends without a change. A stack that was put together again lacks the joiner, which may say of
 * itself that it is a member: alone in the store it would hide that.
 */
export const findingsAtRest = (scene: Scene): Change =>
  scene.restored && scene.joiner ? {} : findings(scene);

/**
 * Something has happened that may have broken the network unseen: a death; a member that hung, for the others notice no
 * death while they wait for it; or the store does not know what has.
 */
const isDisturbed = ({ dead, hung, stirred, restored }: Scene): boolean =>
  dead.length > 0 || hung.length > 0 || stirred || restored;

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

export const logEntry = (outcome: Outcome, now: number): LogEntry => ({
  at: new Date(now).toISOString(),
  ...(outcome.pod && { pod: `${outcome.pod.namespace}/${outcome.pod.name}` }),
  outcome: outcome.name,
  reason: outcome.reason,
  message: outcome.message,
});
