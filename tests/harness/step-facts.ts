import { createMemoryBudget } from "../../lib/memory-budget.ts";
import type { ClusterEvent } from "../../lib/cluster/cluster.ts";
import type { JoinedCondition } from "../../lib/pod/condition.ts";
import type { Deps, Settings } from "../../lib/deps.ts";
import { createTurns } from "../../lib/keyed-queue.ts";
import type { Lease } from "../../lib/lease.ts";
import type { Freshness, JoinEnd, Lightpeer, NameTold, Newest, Probe } from "../../lib/peers/lightpeer.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import type { Step } from "../../lib/reconcile/move.ts";
import type { Joiner, KnownContact, Observation } from "../../lib/reconcile/observation.ts";
import type { JoinPlan, Plan, Target } from "../../lib/reconcile/plan.ts";
import type { Change, Contact, Contacts, NetworkRecord } from "../../lib/store/contacts.ts";
import {
  contactOf,
  handClock,
  type HandClock,
  podOf,
  type PodsCluster,
  podsCluster,
  START,
} from "./networks.ts";

/** What a step of one network can see and decide on, in the fewest words: a test says only what differs. */
export const NETWORK = "default/net-a";

export const podNamed = (name: string, changes: Partial<Pod> = {}): Pod => podOf(NETWORK, name, changes);
export const contactNamed = (name: string, changes: Partial<Contact> = {}): Contact => ({
  ...contactOf(podNamed(name), null, START),
  ...changes,
});
export const addressNamed = (name: string): string => contactNamed(name).address;
export const member = (name: string, changes: Partial<Pod> = {}): KnownContact => ({
  contact: contactNamed(name),
  pod: podNamed(name, changes),
});
export const members = (...names: readonly string[]): readonly KnownContact[] =>
  names.map((name) => member(name));

/** The pods of all that a step has seen, and of whoever leaves by it: the API server still has each where it was. */
export const podsSeen = (
  { members: those = [], joiner, pods = [], moved = [] }: Partial<Observation>,
  { leaver }: Partial<Target> = {},
): readonly Pod[] => [
  ...pods,
  ...(joiner ? [joiner.pod] : []),
  ...[...those.map(({ contact }) => contact), ...moved, ...(leaver ? [leaver] : [])].map(
    ({ name, ...contact }) => podNamed(name, contact),
  ),
];

/** A condition by which a pod says that this life of its peer is in, or was. */
export const joinedAs = (
  name: string,
  changes: Partial<NonNullable<Pod["joined"]>> = {},
): NonNullable<Pod["joined"]> => ({
  status: "True",
  reason: "Joined",
  message: "",
  network: NETWORK,
  incarnation: podNamed(name).incarnation,
  ...changes,
});

export function joinerNamed(name: string, probe: Probe = "serving", changes: Partial<Pod> = {}): Joiner {
  const pod = podNamed(name, changes);
  const { uid, namespace, incarnation, address = "" } = pod;
  return { pod, peer: { uid, namespace, name, network: NETWORK, address, incarnation }, probe };
}

/** A quiet network without a member, looked at just now. */
export const observation = (changes: Partial<Observation> = {}): Observation => ({
  pods: [],
  joiner: undefined,
  members: [],
  dead: [],
  replaced: [],
  lost: [],
  hung: [],
  givenUp: [],
  unreachable: [],
  readdressed: [],
  moved: [],
  shared: [],
  unreachableMs: Infinity,
  silent: [],
  waitedFor: [],
  stirred: false,
  looked: { from: START, to: START },
  restored: false,
  ...changes,
});

export const recordOf = (changes: Partial<NetworkRecord> = {}): NetworkRecord => ({
  stack: [],
  intent: undefined,
  generation: 0,
  quietMs: 0,
  newest: "empty",
  hung: {},
  waitedFor: {},
  deaths: false,
  ...changes,
});

export const settingsOf = (changes: Partial<Settings> = {}): Settings => ({
  joinMode: "auto",
  reform: "on",
  historyLimit: 1_000_000,
  probeTimeoutMs: 1_000,
  joinTimeoutMs: 30_000,
  waitMs: 1_000,
  ...changes,
});

/** What peers answer, by the name of their pod; the usual answer is that of a member that is well, or of a fresh joiner. */
export interface PeerAnswers {
  readonly probe?: Readonly<Record<string, Probe | readonly Probe[]>>;
  readonly fresh?: Readonly<Record<string, Freshness>>;
  readonly newest?: Readonly<Record<string, Newest | readonly Newest[]>>;
  readonly name?: Readonly<Record<string, NameTold>>;
  /** Of a join through the pod of this name. */
  readonly join?: Readonly<Record<string, JoinEnd>>;
  /** How long each join takes, ms. */
  readonly joinMs?: number;
  /** Undefined: there is no way to open a seed. */
  readonly seed?: string | undefined;
}

/** Deps whose every answer is said beforehand, and what was called, written and told through them. */
export interface ScriptedDeps {
  readonly deps: Deps;
  readonly clock: HandClock;
  readonly cluster: PodsCluster;
  /** Calls that may change something, in order: `join d through c`, `mark join`, `commit`. */
  readonly calls: string[];
  readonly committed: Change[];
  readonly conditions: { readonly pod: string; readonly condition: JoinedCondition }[];
  readonly events: { readonly pod: string; readonly event: ClusterEvent }[];
}

const digest = (text: string): Newest => ({ tag: "newest", digest: text });
/** The newest entry of a network in which nothing is stored now, as the record has it. */
export const QUIET = digest("empty");

export function scriptedDeps(
  answers: PeerAnswers = {},
  settings: Partial<Settings> = {},
  store: Partial<Contacts> = {},
): ScriptedDeps {
  const clock = handClock();
  const cluster = podsCluster();
  const calls: string[] = [];
  const committed: Change[] = [];
  const conditions: ScriptedDeps["conditions"] = [];
  const events: ScriptedDeps["events"] = [];
  cluster.setCondition = (pod, condition) => {
    conditions.push({ pod: pod.name, condition });
    const now = cluster.pods.find(({ uid }) => uid === pod.uid);
    return Promise.resolve({ tag: "written", ...(now && { pod: now }) });
  };
  cluster.recordEvent = (pod, event) => {
    events.push({ pod: pod.name, event });
    return Promise.resolve({ tag: "written" });
  };
  const contacts: Contacts = {
    begin: () => Promise.resolve({ tag: "leased", record: recordOf() }),
    mark: (_network, _token, _ms, { kind, contact }) => {
      calls.push(`mark ${kind}${contact === undefined ? "" : ` through ${contact}`}`);
      return Promise.resolve({ tag: "marked" });
    },
    commit: (_network, _token, change) => {
      calls.push("commit");
      committed.push(change);
      return Promise.resolve({ tag: "committed" });
    },
    leave: () => Promise.resolve({ tag: "left" }),
    networks: () => Promise.resolve({ tag: "networks", networks: [NETWORK] }),
    read: () => Promise.resolve({ tag: "read", views: [] }),
    sweepPlace: () => Promise.resolve({ tag: "place", network: undefined }),
    keepSweepPlace: () => Promise.resolve({ tag: "kept" }),
    ...store,
  };
  const deps: Deps = {
    clock: { ...clock, sleep: (ms) => Promise.resolve(clock.move(ms)) },
    contacts,
    cluster,
    lightpeer: scriptedPeers(answers, { calls, clock }),
    histories: createMemoryBudget(Infinity, clock),
    seeds: {
      open: () => {
        const address = "seed" in answers ? answers.seed : "10.0.0.1:9082";
        if (address === undefined) return Promise.resolve({ tag: "failed", message: "the port is taken" });
        return Promise.resolve({ tag: "open", seed: idleSeed(address) });
      },
    },
    turns: createTurns(),
    newToken: () => "token",
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    settings: settingsOf(settings),
  };
  return { deps, clock, cluster, calls, committed, conditions, events };
}

/** A seed that nobody comes to. */
const idleSeed = (address: string) => ({
  address,
  expect: () => {
    throw new Error("nobody is sent for in these tests");
  },
  allow: () => {},
  close: () => {},
});

function scriptedPeers(
  answers: PeerAnswers,
  { calls, clock }: { readonly calls: string[]; readonly clock: HandClock },
): Lightpeer {
  const names = new Map("abcdefgh".split("").map((name) => [addressNamed(name), name]));
  const nameAt = (address: string): string => names.get(address) ?? address;
  const asked = new Map<string, number>();
  /** One of several answers after the other, the last one for ever. */
  const next = <Value>(what: string, said: Value | readonly Value[] | undefined, usual: Value): Value => {
    if (!Array.isArray(said)) return (said as Value | undefined) ?? usual;
    const times = asked.get(what) ?? 0;
    asked.set(what, times + 1);
    return (said as readonly Value[])[Math.min(times, said.length - 1)] ?? usual;
  };
  const answer = <Value>(value: Value): Promise<Value> => Promise.resolve(value);
  return {
    probe: (address) => answer(next(`probe ${address}`, answers.probe?.[nameAt(address)], "serving")),
    askFresh: (address) =>
      answer(answers.fresh?.[nameAt(address)] ?? (nameAt(address) === "d" ? "fresh" : "chained")),
    askName: (address) => answer(answers.name?.[nameAt(address)] ?? { tag: "name", name: address }),
    newest: (address) => answer(next(`newest ${address}`, answers.newest?.[nameAt(address)], QUIET)),
    history: () => answer({ tag: "failed", message: "no history in these tests" }),
    join: (address, contact) => {
      calls.push(`join ${nameAt(address)} through ${nameAt(contact)}`);
      clock.move(answers.joinMs ?? 0);
      return answer(answers.join?.[nameAt(contact)] ?? { tag: "joined" });
    },
    visit: () => answer({ tag: "failed", message: "no visit in these tests" }),
    notify: () => answer({ tag: "accepted" }),
    release: () => {},
  };
}

export const leaseOf = (): Lease => ({ network: NETWORK, token: "token", until: START + 600_000 });

export const stepOf = (
  deps: Deps,
  seen: Observation,
  {
    target = {},
    record = {},
  }: { readonly target?: Partial<Target>; readonly record?: Partial<NetworkRecord> } = {},
): Step => ({
  deps,
  target: { network: NETWORK, ...target },
  lease: leaseOf(),
  record: recordOf(record),
  seen,
});

/** What was planned, in a few words. */
export const shortPlan = (made: Plan | JoinPlan): string => {
  switch (made.tag) {
    case "hold":
      return `hold ${made.outcome.reason}`;
    case "reform":
      return `reform ${made.cause.kind}`;
    case "found":
    case "ask":
      return `${made.tag} ${made.joiner.pod.name}`;
    case "join":
    case "rest":
    case "visit":
      return made.tag;
  }
};
