import type { Clock } from "../clock.ts";
import type {
  Change,
  Contact,
  Contacts,
  Intent,
  LogEntry,
  NetworkRecord,
  NetworkView,
  StoreFailure,
} from "./contacts.ts";
import { agesOf, remembered } from "./since.ts";

const LOG_ENTRIES = 20;
const LOG_MS = 86_400_000;
const RECEIPT_MS = 60_000;
/** How long a lease that ran out and that nobody took is still its holder's. */
const LATE_MS = 3_600_000;
/** How long a network without contacts remembers who hangs. */
const NOBODY_MS = 86_400_000;

interface StoredLease {
  readonly token: string;
  readonly untilMs: number;
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

interface Network {
  stack: readonly Contact[];
  lease: StoredLease | undefined;
  intent: Intent | undefined;
  lore: Lore;
  log: readonly LogEntry[];
  logEndsMs: number;
  /** Tokens that have committed: until when that is known, in ms since 1970. */
  readonly receipts: Map<string, number>;
}

export interface MemoryContacts extends Contacts {
  /** Forgets everything, as a flushed Redis does. */
  flush(): void;
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

const noNetwork = (): Network => ({
  stack: [],
  lease: undefined,
  intent: undefined,
  lore: noLore(),
  log: [],
  logEndsMs: 0,
  receipts: new Map(),
});

/** What Redis lets expire by itself. */
const expire = (network: Network, now: number): void => {
  if (network.lease && network.lease.untilMs + LATE_MS <= now) network.lease = undefined;
  if (network.lore.endsMs <= now) network.lore = noLore();
  if (network.logEndsMs <= now) network.log = [];
  for (const [token, endsMs] of network.receipts) if (endsMs <= now) network.receipts.delete(token);
};

const isUnused = ({ stack, lease, intent, lore, log, receipts }: Network): boolean =>
  stack.length === 0 &&
  !lease &&
  !intent &&
  log.length === 0 &&
  receipts.size === 0 &&
  lore.endsMs === Infinity;

const recordOf = ({ stack, intent, lore }: Network, now: number): NetworkRecord => ({
  stack,
  intent,
  generation: lore.generation,
  quietMs: Math.max(0, Math.ceil(lore.quietUntilMs - now)),
  newest: lore.newest,
  hung: agesOf(lore.hungSinceMs, now),
  waitedFor: agesOf(lore.waitedForSinceMs, now),
  deaths: lore.deaths,
});

const isHeld = (lease: StoredLease | undefined, now: number): lease is StoredLease =>
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

const apply = (network: Network, change: Change, now: number): void => {
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

const depart = (network: Network, uid: string, quietMs: number, now: number): "left" | "absent" => {
  const kept = network.stack.filter((contact) => contact.uid !== uid);
  const tag = kept.length < network.stack.length ? "left" : "absent";
  network.stack = kept;
  if (kept.length > 0) {
    network.lore.quietUntilMs = Math.max(network.lore.quietUntilMs, now + quietMs);
    network.lore.deaths = true;
  } else if (!network.intent) {
    // Its holder may be about to push.
    if (isHeld(network.lease, now)) network.lore.endsMs = now + LATE_MS;
    else network.lore = loreOfNobody(network.lore, now);
  }
  return tag;
};

type AnswerTo<Call extends keyof Contacts> = Exclude<Awaited<ReturnType<Contacts[Call]>>, StoreFailure>;
type Life = Pick<Contact, "uid" | "incarnation" | "address">;

const hasOnStack = ({ stack }: Network, { uid, incarnation, address }: Life): boolean =>
  stack.some((one) => one.uid === uid && one.incarnation === incarnation && one.address === address);

const begin = (network: Network, wanted: StoredLease, now: number, joiner?: Life): AnswerTo<"begin"> => {
  const { lease, intent } = network;
  const taken = isHeld(lease, now) && lease.token !== wanted.token ? lease : undefined;
  // An intent that nobody is working on was left over: then who is a member is in doubt.
  if (joiner && (taken || !intent) && hasOnStack(network, joiner)) return { tag: "member" };
  if (taken) return { tag: "busy", remainingMs: Math.ceil(taken.untilMs - now) };
  network.lease = wanted;
  network.receipts.delete(wanted.token);
  return { tag: "leased", record: recordOf(network, now) };
};

/**
 * A lease that ran out and that nobody took is still its holder's. And where everything was lost, nobody else has had the
 * network since: then a step goes on that ends in a whole stack, for one contact alone would hide the others.
 */
const isHolder = ({ lease, stack, intent }: Network, token: string, isWhole: boolean): boolean =>
  lease ? lease.token === token : isWhole && stack.length === 0 && !intent;

const mark = (network: Network, wanted: StoredLease, intent: Intent): AnswerTo<"mark"> => {
  if (network.receipts.has(wanted.token) || !isHolder(network, wanted.token, intent.kind === "reform"))
    return { tag: "lost" };
  network.lease = wanted;
  network.intent = intent;
  return { tag: "marked" };
};

const commit = (network: Network, token: string, change: Change, now: number): AnswerTo<"commit"> => {
  if (network.receipts.has(token)) return { tag: "committed" };
  if (!isHolder(network, token, change.stack !== undefined)) return { tag: "late" };
  apply(network, change, now);
  network.receipts.set(token, now + RECEIPT_MS);
  return { tag: "committed" };
};

const viewOf = (key: string, network: Network, now: number): NetworkView => ({
  network: key,
  ...recordOf(network, now),
  leased: isHeld(network.lease, now),
  log: network.log,
});

/** The stack in this process's memory: for the demo and for simulations, gone with the process. */
export const createMemoryContacts = (clock: Clock): MemoryContacts => {
  const known = new Map<string, Network>();
  let place: string | undefined;

  /** One at a time by itself: nothing in `use` waits. */
  const on = <T>(key: string, use: (network: Network, now: number) => T): Promise<T> => {
    const now = clock.now();
    const network = known.get(key) ?? noNetwork();
    expire(network, now);
    const result = use(network, now);
    if (isUnused(network)) known.delete(key);
    else known.set(key, network);
    return Promise.resolve(result);
  };

  return {
    begin: (key, token, leaseMs, joiner) =>
      on(key, (network, now) => begin(network, { token, untilMs: now + leaseMs }, now, joiner)),
    mark: (key, token, leaseMs, intent) =>
      on(key, (network, now) => mark(network, { token, untilMs: now + leaseMs }, intent)),
    commit: (key, token, change) => on(key, (network, now) => commit(network, token, change, now)),
    leave: (key, uid, quietMs) => on(key, (network, now) => ({ tag: depart(network, uid, quietMs, now) })),
    networks: () => {
      const here = [...known].filter(([, { stack, intent }]) => stack.length > 0 || intent);
      return Promise.resolve({ tag: "networks", networks: here.map(([key]) => key).sort() });
    },
    read: async (keys) => {
      const views = keys.map((key) => on(key, (network, now) => viewOf(key, network, now)));
      return { tag: "read", views: await Promise.all(views) };
    },
    sweepPlace: () => Promise.resolve({ tag: "place", network: place }),
    keepSweepPlace: (network) => {
      place = network;
      return Promise.resolve({ tag: "kept" });
    },
    flush: () => {
      known.clear();
      place = undefined;
    },
  };
};
