import type { Change, Contact, Intent, LogEntry, NetworkRecord } from "./contacts.ts";
import { agesOf, remembered } from "./since.ts";

const LOG_ENTRIES = 20;
const LOG_MS = 86_400_000;
export const RECEIPT_MS = 60_000;
/** How long a lease that ran out and that nobody took is still its holder's. */
const LATE_MS = 3_600_000;
/** How long a network without contacts remembers who hangs. */
const NOBODY_MS = 86_400_000;

export interface StoredLease {
  readonly token: string;
  readonly untilMs: number;
  /** Uid of the pod that the step is for. */
  readonly uid?: string | undefined;
}

/** What is of use only while there are members. */
interface Lore {
  generation: number;
  newest: string | undefined;
  hungSinceMs: ReadonlyMap<string, number>;
  waitedForSinceMs: ReadonlyMap<string, number>;
  deaths: boolean;
  quietUntilMs: number;
  /** Forgotten then: the stack is empty. */
  endsMs: number;
}

export interface Network {
  stack: readonly Contact[];
  lease: StoredLease | undefined;
  intent: Intent | undefined;
  lore: Lore;
  log: readonly LogEntry[];
  logEndsMs: number;
  /** Tokens that have committed: until when that is known, in ms since 1970. */
  readonly receipts: Map<string, number>;
}

const noLore = (): Lore => ({
  generation: 0,
  newest: undefined,
  hungSinceMs: new Map(),
  waitedForSinceMs: new Map(),
  deaths: false,
  quietUntilMs: 0,
  endsMs: Infinity,
});

/** A network without contacts keeps this alone: a peer that has gone elsewhere may still wait for those that hang. */
const loreOfNobody = ({ waitedForSinceMs }: Lore, now: number): Lore =>
  waitedForSinceMs.size === 0 ? noLore() : { ...noLore(), waitedForSinceMs, endsMs: now + NOBODY_MS };

export const noNetwork = (): Network => ({
  stack: [],
  lease: undefined,
  intent: undefined,
  lore: noLore(),
  log: [],
  logEndsMs: 0,
  receipts: new Map(),
});

/** What Redis lets expire by itself. */
export const expire = (network: Network, now: number): void => {
  if (network.lease && network.lease.untilMs + LATE_MS <= now) network.lease = undefined;
  if (network.lore.endsMs <= now) network.lore = noLore();
  if (network.logEndsMs <= now) network.log = [];
  for (const [token, endsMs] of network.receipts) if (endsMs <= now) network.receipts.delete(token);
};

export const isUnused = ({ stack, lease, intent, lore, log, receipts }: Network): boolean =>
  stack.length === 0 &&
  !lease &&
  !intent &&
  log.length === 0 &&
  receipts.size === 0 &&
  lore.endsMs === Infinity;

export const recordOf = ({ stack, intent, lore }: Network, now: number): NetworkRecord => ({
  stack,
  intent,
  generation: lore.generation,
  quietMs: Math.max(0, Math.ceil(lore.quietUntilMs - now)),
  newest: lore.newest,
  hung: agesOf(lore.hungSinceMs, now),
  waitedFor: agesOf(lore.waitedForSinceMs, now),
  deaths: lore.deaths,
});

export const isHeld = (lease: StoredLease | undefined, now: number): lease is StoredLease =>
  lease !== undefined && lease.untilMs > now;

const changeStack = (network: Network, { stack, drop = [], push }: Change): void => {
  const dropped = new Set(drop.map(({ uid, incarnation }) => `${uid} ${incarnation}`));
  const kept = (stack ?? network.stack).filter(
    ({ uid, incarnation }) => !dropped.has(`${uid} ${incarnation}`),
  );
  network.stack = push ? [push, ...kept.filter(({ uid }) => uid !== push.uid)] : kept;
};

const changeLore = (lore: Lore, change: Change, now: number): void => {
  if (change.generation !== undefined) lore.generation = change.generation;
  if (change.newest !== undefined) lore.newest = change.newest;
  if (change.deaths !== undefined) lore.deaths = change.deaths;
  // Never shortened: another death may be the later one.
  if (change.quietMs !== undefined) lore.quietUntilMs = Math.max(lore.quietUntilMs, now + change.quietMs);
  if (change.hung) lore.hungSinceMs = remembered(change.hung, lore.hungSinceMs, now);
  if (change.waitedFor) lore.waitedForSinceMs = remembered(change.waitedFor, lore.waitedForSinceMs, now);
};

/** Pods on the stack, and the one that an intent is about. */
export const uidsOf = ({ stack, intent }: Network): Set<string> =>
  new Set([...stack.map(({ uid }) => uid), ...(intent?.uid === undefined ? [] : [intent.uid])]);

export const apply = (network: Network, change: Change, now: number): void => {
  changeStack(network, change);
  changeLore(network.lore, change, now);
  if (change.log) {
    network.log = [change.log, ...network.log].slice(0, LOG_ENTRIES);
    network.logEndsMs = now + LOG_MS;
  }
  if (change.keepIntent !== true) network.intent = undefined;
  network.lore.endsMs = Infinity;
  if (network.stack.length === 0 && !network.intent) network.lore = loreOfNobody(network.lore, now);
  network.lease = undefined;
};

export const depart = (network: Network, uid: string, quietMs: number, now: number): "left" | "absent" => {
  const kept = network.stack.filter((contact) => contact.uid !== uid);
  const tag = kept.length < network.stack.length ? "left" : "absent";
  network.stack = kept;
  // Whom an intent is about may have it on its list already.
  if (kept.length > 0 || network.intent) {
    network.lore.quietUntilMs = Math.max(network.lore.quietUntilMs, now + quietMs);
    network.lore.deaths = true;
  } else if (isHeld(network.lease, now)) {
    // Its holder may be about to push.
    network.lore.endsMs = now + LATE_MS;
  } else {
    network.lore = loreOfNobody(network.lore, now);
  }
  return tag;
};
