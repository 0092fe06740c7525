import type { Contact, Marked } from "../../../../lib/store/contacts.ts";
import { createMemoryContacts } from "../../../../lib/store/memory.ts";
import type { Deps, Settings } from "../../../../lib/deps.ts";
import { createTurns } from "../../../../lib/keyed-queue.ts";
import type { Lease } from "../../../../lib/lease.ts";
import { createMemoryBudget, type MemoryBudget } from "../../../../lib/memory-budget.ts";
import {
  type Block,
  costOf,
  type ExpectedPeer,
  type JoinEnd,
  type Lightpeer,
  MAX_ENTRY_BYTES,
  type Newest,
  type Probe,
  type Seeds,
} from "../../../../lib/peers/lightpeer.ts";
import type { Pod } from "../../../../lib/pod/pod.ts";
import { attempt, type Whole } from "../../../../lib/reconcile/reform/attempt.ts";
import { reform, type ReformEnd } from "../../../../lib/reconcile/reform/reform.ts";
import type { Participants, Stopped } from "../../../../lib/reconcile/reform/reforming.ts";
import { contactNamed, NETWORK, podNamed, settingsOf } from "../../../harness/step-facts.ts";
import { VirtualClock } from "../../../harness/virtual-clock.ts";

/** What one peer does; what is absent is what a peer does that is well. A list is for one time after the other. */
export interface Does {
  readonly probe?: Probe | readonly Probe[];
  /** How long it takes to answer a health check, ms. */
  readonly probeMs?: number;
  /** What it has stored, newest first. */
  readonly entries?: readonly (string | Uint8Array)[];
  /** Its history cannot be read, or not in a frozen network. */
  readonly history?: "failed" | "too-large" | "failed when it is frozen" | "too-large when it is frozen";
  readonly historyMs?: number;
  readonly newest?: Newest | readonly Newest[];
  /** How its JoinNetwork ends before it comes to the seed; absent: it comes. */
  readonly join?: JoinEnd | readonly (JoinEnd | undefined)[];
  /** It never comes and its JoinNetwork never ends, so many times. */
  readonly hangs?: number;
  readonly comesMs?: number;
  /** How long it takes in a part of its chain, ms. */
  readonly takesMs?: number;
  /** How its JoinNetwork ends when its stream has. */
  readonly taken?: JoinEnd;
  readonly refusesNews?: string;
}

interface Asked {
  readonly members?: readonly string[];
  readonly joiners?: readonly string[];
  readonly leavers?: readonly string[];
  readonly carry?: boolean;
  readonly settings?: Partial<Settings>;
  /** What the store answers each time the lease is renewed; absent: it is. */
  readonly marks?: readonly (Marked | undefined)[];
  /** How long ago the pods were read, ms. */
  readonly lookedMs?: number;
  readonly histories?: MemoryBudget;
  readonly pods?: Deps["cluster"]["getPod"];
  readonly seed?: string;
  /** Whom it is for. */
  readonly pod?: string;
  readonly tamper?: (deps: Deps, lease: Lease, clock: VirtualClock) => Deps;
}

export interface Played<End> {
  readonly end: End;
  /** Calls and what was sent, in their order. */
  readonly calls: readonly string[];
  /** How long all of it took, ms. */
  readonly ms: number;
  /** All that was given to each on its way to a new chain, newest first, without lists. */
  readonly given: Readonly<Record<string, readonly string[]>>;
  /** The list that each had while it was frozen, by names. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** What peers were allowed at most, by `call name`, ms, each time. */
  readonly bounds: Readonly<Record<string, readonly number[]>>;
  /** Timers that run on when it is over, ms each. */
  readonly running: readonly number[];
}

const bytesOf = (entry: string | Uint8Array): Uint8Array =>
  typeof entry === "string" ? new TextEncoder().encode(entry) : entry;

const listIn = (payload: Uint8Array): readonly string[] =>
  (JSON.parse(new TextDecoder().decode(payload)) as readonly { readonly Address: string }[]).map(
    ({ Address }) => Address,
  );

export type Reformed = Played<ReformEnd>;

type Peers = Readonly<Record<string, Does>>;

/** A re-form in virtual time, of peers that do as they are told. */
export const reformOf = (peers: Peers, asked: Asked = {}): Promise<Played<ReformEnd>> =>
  play(peers, asked, (deps, lease, participants) =>
    reform(deps, lease, participants, asked.pod === undefined ? undefined : contactNamed(asked.pod)),
  );

/** One attempt at it, whose lease is always there. */
export const attemptOf = (peers: Peers, asked: Asked = {}): Promise<Played<Whole | Stopped>> =>
  play(peers, asked, async (deps, lease, participants) => {
    const opened = await deps.seeds.open("reform");
    if (opened.tag === "failed") throw new Error(opened.message);
    const there = (): Promise<undefined> => Promise.resolve(undefined);
    return attempt({ deps, lease, seed: opened.seed, ensure: there, renew: there }, participants);
  });

async function play<End>(
  peers: Peers,
  {
    members = Object.keys(peers),
    joiners = [],
    leavers = [],
    carry = true,
    settings: changes = {},
    marks = [],
    lookedMs = 0,
    histories,
    pods,
    seed: seedAddress = "seed:9082",
    tamper = (deps) => deps,
  }: Asked,
  run: (deps: Deps, lease: Lease, participants: Participants) => Promise<End>,
): Promise<Played<End>> {
  const clock = new VirtualClock();
  const calls: string[] = [];
  const given: Record<string, string[]> = {};
  const lists: Record<string, readonly string[]> = {};
  const bounds: Record<string, number[]> = {};
  const frozen = new Set<string>();
  const running = new Set<readonly [number]>();
  const times = new Map<string, number>();
  const contacts = new Map<string, Contact>(
    [...members, ...joiners, ...leavers].map((name) => [name, contactNamed(name)]),
  );
  const nameAt = (address: string): string =>
    address === seedAddress
      ? "seed"
      : ([...contacts].find(([, contact]) => contact.address === address)?.[0] ?? address);
  const note = (call: string, address: string, boundMs?: number): Does => {
    const what = `${call} ${nameAt(address)}`;
    calls.push(what);
    if (boundMs !== undefined) (bounds[what] ??= []).push(boundMs);
    return peers[nameAt(address)] ?? {};
  };
  const nth = <Value>(what: string, address: string, those: Value | readonly Value[]): Value | undefined => {
    if (!Array.isArray(those)) return those as Value;
    const key = `${what} ${address}`;
    const at = times.get(key) ?? 0;
    times.set(key, at + 1);
    return (those as readonly Value[])[Math.min(at, those.length - 1)];
  };
  const expected = new Map<
    string,
    { readonly arrive: () => void; readonly ended: Promise<"finished" | "refused"> }
  >();

  const lightpeer: Partial<Lightpeer> = {
    probe: async (address, boundMs) => {
      const { probe = "serving", probeMs = 0 } = note("probe", address, boundMs);
      await clock.sleep(probeMs);
      return nth("probe", address, probe) ?? "serving";
    },
    newest: async (address, boundMs) => {
      const { newest = { tag: "newest", digest: frozen.has(address) ? "old" : "new" } } = note(
        "newest",
        address,
        boundMs,
      );
      return nth<Newest>("newest", address, newest) ?? { tag: "newest", digest: "new" };
    },
    history: async (address, boundMs, take) => {
      const { history, historyMs = 0, entries = [] } = note("history", address, boundMs);
      await clock.sleep(historyMs);
      const now = frozen.has(address) ? history?.replace(" when it is frozen", "") : history;
      if (now === "failed") return { tag: "failed", message: "no answer" };
      if (now === "too-large") return { tag: "too-large", bytes: 1 };
      let bytes = 0;
      for (const entry of entries.map(bytesOf)) {
        bytes += costOf(entry);
        if (take(entry) === "enough") return { tag: "too-large", bytes };
      }
      return { tag: "history", entries: entries.length, bytes, digest: "old" };
    },
    join: async (address, _contact, boundMs, giveUp) => {
      const { join, hangs = 0, comesMs = 0, taken = { tag: "joined" } } = note("send for", address, boundMs);
      giveUp?.addEventListener("abort", () => calls.push(`give up ${nameAt(address)}`));
      const at = times.get(`hangs ${address}`) ?? 0;
      times.set(`hangs ${address}`, at + 1);
      if (at < hangs) return new Promise(() => {});
      await clock.sleep(comesMs);
      const before = nth<JoinEnd | undefined>("join", address, join);
      const call = expected.get(address);
      if (before !== undefined || call === undefined) return before ?? { tag: "unclear", message: "nobody" };
      frozen.add(address);
      call.arrive();
      const end = await call.ended;
      frozen.delete(address);
      if (end === "finished") return taken;
      await clock.sleep(10);
      calls.push(`over ${nameAt(address)}`);
      return { tag: "unclear", message: "refused" };
    },
    notify: async (address, { payload }, boundMs) => {
      const { refusesNews } = note("go live", address, boundMs);
      calls.push(`list ${listIn(payload).map(nameAt).join(" ")}`);
      return refusesNews === undefined ? { tag: "accepted" } : { tag: "failed", message: refusesNews };
    },
    release: () => {},
  };

  const expectPeer = (peer: string, first: Block): ExpectedPeer => {
    const name = nameAt(peer);
    lists[name] = listIn(first.payload).map(nameAt);
    given[name] = [];
    const arrival = Promise.withResolvers<"arrived">();
    const ending = Promise.withResolvers<"finished" | "refused">();
    expected.set(peer, { arrive: () => arrival.resolve("arrived"), ended: ending.promise });
    return {
      arrived: arrival.promise,
      send: async (blocks) => {
        const part = [...blocks].filter(({ kind }) => kind === "client");
        calls.push(`hand ${name} ${part.length}`);
        await clock.sleep(peers[name]?.takesMs ?? 0);
        given[name]?.push(...part.map(({ payload }) => new TextDecoder().decode(payload.subarray(0, 20))));
      },
      finish: () => {
        calls.push(`finish ${name}`);
        ending.resolve("finished");
      },
      refuse: () => {
        calls.push(`refuse ${name}`);
        ending.resolve("refused");
      },
    };
  };
  const seeds: Seeds = {
    open: async (use) => {
      calls.push(`open ${use}`);
      if (seedAddress === "") return { tag: "failed", message: "the port is taken" };
      const close = (): void => void calls.push("close");
      return { tag: "open", seed: { address: seedAddress, expect: expectPeer, allow: () => {}, close } };
    },
  };

  const store = createMemoryContacts(clock);
  let marked = 0;
  let tokens = 0;
  const podOf = (name: string): Pod => {
    const { uid, address, incarnation } = contactNamed(name);
    return podNamed(name, { uid, address, incarnation });
  };
  const all = settingsOf(changes);
  const base: Deps = {
    contacts: {
      ...store,
      mark: (...args) => {
        const [, , ms, intent] = args;
        calls.push(`mark ${ms} ${JSON.stringify(intent)}`);
        const answer = marks[marked];
        marked += 1;
        return answer === undefined ? store.mark(...args) : Promise.resolve(answer);
      },
    },
    lightpeer: lightpeer as Lightpeer,
    seeds,
    cluster: {
      getPod: pods ?? (({ name }) => Promise.resolve({ tag: "pod", pod: podOf(name) })),
    } as Deps["cluster"],
    clock: {
      now: () => clock.now(),
      sleep: async (ms, stop) => {
        const timer = [ms] as const;
        running.add(timer);
        const over = Promise.withResolvers<void>();
        stop?.addEventListener("abort", () => over.resolve());
        await Promise.race([clock.sleep(ms), over.promise]);
        running.delete(timer);
      },
    },
    turns: createTurns(),
    histories: histories ?? createMemoryBudget(all.historyLimit, clock),
    newToken: () => `t-${(tokens += 1)}`,
    log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
    settings: all,
  };
  const from = clock.now();
  const lease: Lease = { network: NETWORK, token: "step", until: from + 15_000 };
  const begun = store.begin(NETWORK, "step", 15_000);
  const deps = tamper(base, lease, clock);
  const contactOf = (name: string): Contact => contacts.get(name) ?? contactNamed(name);
  const looked = { from: from - lookedMs, to: from - lookedMs };
  const participants = {
    members: members.map(contactOf),
    joiners: joiners.map(contactOf),
    leavers: leavers.map(contactOf),
    looked,
    carry,
  };
  const end = await clock.run(begun.then(() => run(deps, lease, participants)));
  return { end, calls, ms: clock.now() - from, given, lists, bounds, running: [...running].flat() };
}

/** What the longest entry that peers can pass on is shorter than. */
export const TOO_LONG = new Uint8Array(MAX_ENTRY_BYTES + 1);
/** Settings with room for it. */
export const ROOM = { historyLimit: 64 * 1_024 * 1_024 };

export const at = (name: string): string => contactNamed(name).address;

/** How it ended, in one line. */
export function told({ end }: Reformed): string {
  if (end.tag === "held") {
    const { outcome, touched } = end;
    const { reason, message, network, retryAfterS } = outcome;
    return `${touched ? "touched" : "untouched"} ${reason} ${network} ${retryAfterS}: ${message}`;
  }
  const { list, leftOut, uncome, entries } = end;
  const names = (those: readonly { readonly name: string }[]): string =>
    those.map(({ name }) => name).join(" ");
  const without = leftOut.map(({ name, why }) => ` without ${name}: ${why}`).join("");
  const gone = uncome.length === 0 ? "" : ` uncome ${uncome.join(" ")}`;
  return `${names(list)}, ${entries} entries${without}${gone}`;
}

/** Those calls that begin so. */
export const calls = (
  { calls: all }: Pick<Reformed, "calls">,
  ...kinds: readonly string[]
): readonly string[] => all.filter((call) => kinds.some((kind) => call.startsWith(kind)));
