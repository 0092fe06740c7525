import type { Clock } from "../clock.ts";
import type { Change, Contacts, Intent, NetworkView, StepPod, StoreFailure } from "./contacts.ts";
import {
  apply,
  depart,
  expire,
  isHeld,
  isUnused,
  type Network,
  noNetwork,
  RECEIPT_MS,
  recordOf,
  type StoredLease,
  uidsOf,
} from "./memory-network.ts";
import { PeerPlaces } from "./peer-places.ts";

export interface MemoryContacts extends Contacts {
  /** Forgets everything, as a flushed Redis does. */
  flush(): void;
}

type AnswerTo<Call extends keyof Contacts> = Exclude<Awaited<ReturnType<Contacts[Call]>>, StoreFailure>;

/** What a call is on. */
interface On {
  readonly places: PeerPlaces;
  readonly key: string;
  readonly network: Network;
}

type Joins = Extract<StepPod, { how: "joins" }>;

const hasOnStack = ({ stack }: Network, { uid, life }: Joins): boolean =>
  stack.some(
    (one) => one.uid === uid && one.incarnation === life?.incarnation && one.address === life.address,
  );

/** Undefined: in no network. */
const whereJoinerIs = (
  { places, key, network }: On,
  pod: Joins,
  isTaken: boolean,
  now: number,
): AnswerTo<"begin"> | undefined => {
  // An intent that nobody is working on was left over: then who is a member is in doubt.
  const isInDoubt = !isTaken && network.intent !== undefined;
  if (!isInDoubt && hasOnStack(network, pod)) return { tag: "member" };
  const elsewhere = places.elsewhere(key, pod.uid, now);
  return elsewhere === undefined ? undefined : { tag: "elsewhere", network: elsewhere };
};

const begin = (on: On, wanted: StoredLease, now: number, pod?: StepPod): AnswerTo<"begin"> => {
  const { places, key, network } = on;
  const { lease } = network;
  const taken = isHeld(lease, now) && lease.token !== wanted.token ? lease : undefined;
  const known = pod?.how === "joins" ? whereJoinerIs(on, pod, taken !== undefined, now) : undefined;
  if (known) return known;
  if (taken) return { tag: "busy", remainingMs: Math.ceil(taken.untilMs - now) };
  network.lease = { ...wanted, uid: pod?.uid };
  network.receipts.delete(wanted.token);
  if (pod?.how === "joins") places.expect(key, pod.uid, wanted.untilMs);
  return { tag: "leased", record: recordOf(network, now) };
};

/**
 * A lease that ran out and that nobody took is still its holder's. And where everything was lost, nobody else has had the
 * network since: then a step goes on that ends in a whole stack, for one contact alone would hide the others.
 */
const isHolder = ({ lease, stack, intent }: Network, token: string, isWhole: boolean): boolean =>
  lease ? lease.token === token : isWhole && stack.length === 0 && !intent;

const mark = ({ places, key, network }: On, wanted: StoredLease, intent: Intent): AnswerTo<"mark"> => {
  if (network.receipts.has(wanted.token) || !isHolder(network, wanted.token, intent.kind === "reform"))
    return { tag: "lost" };
  network.lease = { ...wanted, uid: network.lease?.uid };
  network.intent = intent;
  if (intent.uid !== undefined) places.keep(key, [intent.uid]);
  return { tag: "marked" };
};

const commit = (
  { places, key, network }: On,
  token: string,
  change: Change,
  now: number,
): AnswerTo<"commit"> => {
  if (network.receipts.has(token)) return { tag: "committed" };
  if (!isHolder(network, token, change.stack !== undefined)) return { tag: "late" };
  const before = uidsOf(network).add(network.lease?.uid ?? "");
  apply(network, change, now);
  const here = uidsOf(network);
  places.keep(key, here);
  places.free(
    key,
    [...before].filter((uid) => !here.has(uid)),
  );
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
  const places = new PeerPlaces();
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
    begin: (key, token, leaseMs, pod) =>
      on(key, (network, now) => begin({ places, key, network }, { token, untilMs: now + leaseMs }, now, pod)),
    mark: (key, token, leaseMs, intent) =>
      on(key, (network, now) => mark({ places, key, network }, { token, untilMs: now + leaseMs }, intent)),
    commit: (key, token, change) =>
      on(key, (network, now) => commit({ places, key, network }, token, change, now)),
    leave: (key, uid, quietMs) =>
      on(key, (network, now) => {
        places.free(key, [uid]);
        return { tag: depart(network, uid, quietMs, now) };
      }),
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
      places.clear();
      place = undefined;
    },
  };
};
