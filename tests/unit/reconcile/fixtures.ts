import type { Deps } from "../../../lib/deps.ts";
import { createTurns } from "../../../lib/keyed-queue.ts";
import { createMemoryBudget } from "../../../lib/memory-budget.ts";
import type { Lease } from "../../../lib/lease.ts";
import type {
  Freshness,
  JoinEnd,
  Lightpeer,
  NameTold,
  Newest,
  Probe,
  Visited,
} from "../../../lib/peers/lightpeer.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { formatJoined, parseJoined } from "../../../lib/pod/condition.ts";
import { cause } from "../../../lib/reconcile/cause.ts";
import type { Ending, Step } from "../../../lib/reconcile/move.ts";
import type { Joiner, KnownContact, Observation } from "../../../lib/reconcile/observation.ts";
import type { Target } from "../../../lib/reconcile/plan.ts";
import { repair } from "../../../lib/reconcile/repair.ts";
import type { Outcome } from "../../../lib/outcome.ts";
import type { Contact, Contacts, NetworkRecord, NetworkView } from "../../../lib/store/contacts.ts";
import { contactOf, podOf, World } from "../../harness/networks.ts";
import { observation as observed, podsSeen, settingsOf } from "../../harness/step-facts.ts";

/** The network of these tests, its pods and its contacts. */
export const NETWORK = "default/net";
/** Another one, where a pod comes from or goes to. */
export const OTHER = "default/other";
export const pod = (name: string, changes: Partial<Pod> = {}): Pod => podOf(NETWORK, name, changes);
export const contact = (name: string): Contact => contactOf(pod(name), null, 0);
export const addressOf = (name: string): string => pod(name).address ?? "";
export const known = (name: string, changes: Partial<Pod> = {}): KnownContact => ({
  contact: contact(name),
  pod: pod(name, changes),
});

export const joinerOf = (name: string, changes: Partial<Pod> = {}, probe: Probe = "serving"): Joiner => {
  const its = pod(name, changes);
  if (its.admission.tag !== "peer") throw new Error(`${name} is not admitted`);
  return { pod: its, peer: its.admission.peer, probe };
};

/** What a pod's condition says that klight has written. */
export const said = (
  status: "True" | "False",
  reason: string,
  changes: Partial<Parameters<typeof formatJoined>[0]> = {},
): Pick<Pod, "joined"> => {
  const incarnation = changes.incarnation ?? "";
  const joined = parseJoined(
    formatJoined({ status, reason, message: "so", network: NETWORK, ...changes, incarnation }),
  );
  return joined ? { joined } : {};
};

/** The pod says that this life of its peer is in the network. */
export const member = (name: string, changes: Partial<Pod> = {}): Pod => {
  const { incarnation } = pod(name);
  return pod(name, { ...said("True", "Joined", { incarnation }), ...changes });
};

/** How a step has ended, for whom, and what people read of it, in one line. */
export const shown = ({ name, reason, message, pod: about, network }: Outcome): string =>
  `${name} ${reason} ${about?.name ?? "nobody"} ${network ?? "nowhere"}: ${message}`;

/** What a port answers that is away. */
export const away = (): Promise<{
  readonly tag: "failed";
  readonly kind: "unavailable";
  readonly message: string;
}> => Promise.resolve({ tag: "failed", kind: "unavailable", message: "away" });

/** As other tests of a step see a network, at the time at which these begin. */
const observation = (changes: Partial<Observation> = {}): Observation =>
  observed({ looked: { from: 0, to: 0 }, ...changes });

export const record = (changes: Partial<NetworkRecord> = {}): NetworkRecord => ({
  stack: [],
  intent: undefined,
  generation: 3,
  quietMs: 0,
  newest: "entry 1",
  hung: {},
  waitedFor: {},
  deaths: false,
  ...changes,
});

export const settings: Deps["settings"] = settingsOf();

type Notified = Awaited<ReturnType<Lightpeer["notify"]>>;

/** What one peer says, once after another where there is a list; what is absent is what a member that is well says. */
interface Said {
  probe?: Probe | readonly Probe[];
  fresh?: Freshness;
  name?: NameTold;
  newest?: Newest | readonly Newest[];
  /** What it has stored, newest first. */
  history?: readonly string[];
  join?: JoinEnd | readonly JoinEnd[];
  visit?: Visited;
  notify?: Notified | readonly Notified[];
}

/** A world of its own for a move: a store in memory, pods that are written down, and peers that say what they are told to. */
export class MoveWorld extends World {
  readonly says = new Map<string, Said>();
  /** Calls to peers in their order: `probe a`, `join c through b`. */
  readonly calls: string[] = [];
  /** Conditions and Events in their order: `b False MemberHung`, `b Warning MemberHung`. */
  readonly told: string[] = [];
  readonly slept: number[] = [];
  /** What the API server has, where its lists are behind. */
  now: readonly Pod[] | undefined;
  readonly deps: Deps;

  constructor(changes: Partial<Deps["settings"]> = {}) {
    super();
    this.clock.sleep = (ms) => {
      // A bound on what takes no time here: nothing comes to it.
      if (ms > 2_000) return new Promise(() => {});
      this.slept.push(ms);
      this.clock.move(ms);
      return Promise.resolve();
    };
    const { contacts, clock, cluster } = this;
    let tokens = 0;
    this.deps = {
      contacts,
      clock,
      cluster: this.#cluster(cluster),
      lightpeer: this.#lightpeer(),
      seeds: { open: (use) => this.#open(use) },
      turns: createTurns(),
      histories: createMemoryBudget(settings.historyLimit, { sleep: () => Promise.resolve() }),
      newToken: () => `t-${(tokens += 1)}`,
      log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
      settings: { ...settings, ...changes },
    };
  }

  say(name: string, saying: Said): void {
    this.says.set(addressOf(name), saying);
  }

  /** The same, but for some calls of the store. */
  withStore(store: Partial<Contacts>): Deps {
    return { ...this.deps, contacts: { ...this.contacts, ...store } };
  }

  async view(network = NETWORK): Promise<NetworkView | undefined> {
    const read = await this.contacts.read([network]);
    return read.tag === "read" ? read.views[0] : undefined;
  }

  /** Who is on the stack, newest first. */
  async stack(network = NETWORK): Promise<readonly string[]> {
    return ((await this.view(network))?.stack ?? []).map(({ name }) => name);
  }

  /** A step with the lease of the network, whose stack has these, oldest first. */
  async step(
    target: Partial<Target>,
    seen: Partial<Observation>,
    was: Partial<NetworkRecord> = {},
  ): Promise<Step> {
    const { deps, clock } = this;
    this.cluster.pods = [...this.cluster.pods, ...podsSeen(seen, target)];
    const token = deps.newToken();
    const begun = await deps.contacts.begin(NETWORK, token, 60_000);
    if (begun.tag !== "leased") throw new Error(begun.tag);
    const lease: Lease = { network: NETWORK, token, until: clock.now() + 60_000 };
    const looked = { from: clock.now(), to: clock.now() };
    return {
      deps,
      lease,
      target: { network: NETWORK, ...target },
      record: record(was),
      seen: observation({ looked, ...seen }),
    };
  }

  #cluster(cluster: World["cluster"]): Deps["cluster"] {
    return {
      ...cluster,
      listPods: ({ ip }) =>
        cluster.failure
          ? Promise.resolve({ tag: "failed", ...cluster.failure })
          : Promise.resolve({
              tag: "pods",
              // Of who has an address a list is never behind.
              pods:
                ip === undefined
                  ? cluster.pods
                  : (this.now ?? cluster.pods).filter(({ address }) => address?.startsWith(`${ip}:`)),
            }),
      getPod: ({ name, namespace }) =>
        cluster.failure
          ? Promise.resolve({ tag: "failed", ...cluster.failure })
          : Promise.resolve({
              tag: "pod",
              pod: (this.now ?? cluster.pods).find(
                (each) => each.name === name && each.namespace === namespace,
              ),
            }),
      setCondition: ({ name, namespace }, { status, reason }) => {
        this.told.push(`${name} ${status} ${reason}`);
        if (cluster.failure) return Promise.resolve({ tag: "failed", ...cluster.failure });
        const now = (this.now ?? cluster.pods).find(
          (each) => each.name === name && each.namespace === namespace,
        );
        return Promise.resolve({ tag: "written", ...(now && { pod: now }) });
      },
      recordEvent: ({ name }, { type, reason }) => {
        this.told.push(`${name} ${type} ${reason}`);
        return Promise.resolve({ tag: "written" });
      },
    };
  }

  #next<Key extends "probe" | "newest" | "join" | "notify">(
    address: string,
    key: Key,
  ): Exclude<Said[Key], readonly unknown[]> {
    const saying = this.says.get(address) ?? {};
    const answers = saying[key];
    if (!Array.isArray(answers)) return answers as Exclude<Said[Key], readonly unknown[]>;
    const [first, ...rest] = answers as readonly unknown[];
    if (rest.length > 0) this.says.set(address, { ...saying, [key]: rest });
    return first as Exclude<Said[Key], readonly unknown[]>;
  }

  #nameAt(address: string): string {
    const of = (those: readonly Pod[] | undefined): Pod | undefined =>
      those?.find((each) => each.address === address);
    return (
      (of(this.now) ?? of(this.cluster.pods))?.name ??
      ["a", "b", "c", "d", "e"].find((name) => addressOf(name) === address) ??
      address
    );
  }

  #lightpeer(): Lightpeer {
    const note = (what: string, address: string, rest = ""): Said => {
      this.calls.push(`${what} ${this.#nameAt(address)}${rest}`);
      return this.says.get(address) ?? {};
    };
    return {
      probe: async (address) => {
        note("probe", address);
        return this.#next(address, "probe") ?? "serving";
      },
      askFresh: async (address) => note("fresh?", address).fresh ?? "chained",
      askName: async (address) => note("name?", address).name ?? { tag: "name", name: address },
      newest: async (address) => {
        note("newest", address);
        return this.#next(address, "newest") ?? { tag: "newest", digest: "entry 1" };
      },
      history: async (address, _timeoutMs, each) => {
        const { history = [] } = note("history", address);
        for (const entry of history) each(new TextEncoder().encode(entry));
        return { tag: "history", entries: history.length, bytes: 0, digest: "entry 1" };
      },
      join: async (address, through) => {
        note("join", address, ` through ${through.startsWith("seed") ? "the seed" : this.#nameAt(through)}`);
        return this.#next(address, "join") ?? { tag: "joined" };
      },
      visit: async (address) =>
        note("visit", address).visit ?? { tag: "broken", message: "new block links to invalid parent" },
      notify: async (address) => {
        note("notify", address);
        return this.#next(address, "notify") ?? { tag: "accepted" };
      },
      release: () => {},
    };
  }

  #open(use: string): ReturnType<Deps["seeds"]["open"]> {
    const seed = {
      address: `seed-${use}:9082`,
      expect: () => ({
        arrived: Promise.resolve("arrived" as const),
        send: () => Promise.resolve(),
        finish: () => {},
        refuse: () => {},
      }),
      allow: () => {},
      close: () => {},
    };
    return Promise.resolve({ tag: "open", seed });
  }
}

/** A world with members of a network, the oldest first, whose pods say so. */
export async function networkOf(...names: readonly string[]): Promise<MoveWorld> {
  const world = new MoveWorld();
  for (const name of names) {
    world.addPod(member(name));
    await world.commit(NETWORK, { push: contact(name) });
  }
  return world;
}

/** Why the networks of these tests are re-formed. */
export const WHY = cause("failed-join", "a join failed");

/** How a re-form of what was seen ends, of the pods a to d where nothing else is said. */
export async function repaired(
  world: MoveWorld,
  seen: Partial<Observation>,
  target: Partial<Target> = {},
  was: Partial<NetworkRecord> = {},
): Promise<Ending> {
  const pods = ["a", "b", "c", "d"].map((name) => pod(name));
  return repair(await world.step(target, { pods, ...seen }, was), WHY);
}

/** Was it sent for, to take part in a re-form? */
export const isCalled = ({ calls }: MoveWorld, name: string): boolean =>
  calls.includes(`join ${name} through the seed`);

export function withoutLabel(labelled: Pod): Pod {
  const { network: _, ...rest } = labelled;
  return rest;
}
