import type { PeerCalls, PeerHost } from "../harness/lightpeer/calls.ts";
import type { Reply } from "../harness/lightpeer/status.ts";
import { WatchedChain } from "./watched-chain.ts";

/** How long after a change of klight's a peer may forget something because of it, ms. */
const AFTERMATH_MS = 1_000;

/** What is known of an entry. */
interface Entry {
  /** When it was acknowledged, and where; absent: not yet. */
  acknowledged?: { readonly at: number; readonly by: string };
  /** Why nobody can have it any more: all that held it died, or forgot it by themselves. */
  excuse?: string;
  /** Who forgot it while klight was changing the network. */
  readonly trail: string[];
}

/** Acknowledged entries that are in no history, each with what is known of it. */
interface Missing {
  /** Somebody who held them lived on. */
  readonly lost: readonly string[];
  /** Nobody could keep them. */
  readonly excused: readonly string[];
}

/**
 * Sees the chains of one network's peers and keeps account of what was acknowledged; touches nothing. An entry is lost
 * only if somebody who held it lived on. What lightpeers lose by dying, or by racing with each other, nobody can keep;
 * nor what the first peer of a network stores in the very moment in which it takes the second one in.
 */
export class Witness {
  readonly #isOwn: (entry: string) => boolean;
  readonly #foreign = new Set<string>();
  readonly #peers = new Map<string, WatchedChain>();
  readonly #entries = new Map<string, Entry>();
  /** When the last call of klight's that changes peers ended. */
  #changedAt = 0;

  /** `isOwn`: whether an entry is of this network; any other one proves that networks have met. */
  constructor(isOwn: (entry: string) => boolean) {
    this.#isOwn = isOwn;
  }

  /** What was ever at a peer and is of another network. */
  get foreign(): readonly string[] {
    for (const chain of this.#peers.values()) this.#look(chain);
    return [...this.#foreign];
  }

  /** Watches a peer that is about to start; `started` tells which it is. */
  expect(): { seen(calls: PeerCalls): PeerCalls; started(host: PeerHost): void } {
    const chain = new WatchedChain();
    return {
      seen: (calls) => {
        chain.begin(calls);
        return this.#watch(chain, calls);
      },
      started: (host) => {
        chain.host = host;
        this.#peers.set(host.address, chain);
      },
    };
  }

  get count(): number {
    return this.#acknowledged.length;
  }

  stored(entry: string, by: string): void {
    const known = this.#entry(entry);
    known.acknowledged = { at: Date.now(), by };
    if (!this.#isHeld(entry) && known.trail.length === 0)
      known.excuse ??= "all that held it died before it was acknowledged";
  }

  /** Before a peer's process dies: what only it holds dies with it. */
  dying(address: string): void {
    const chain = this.#peers.get(address);
    if (chain === undefined) return;
    this.#look(chain);
    this.#lose(chain, chain.entries, `only ${address} held it, and died`);
  }

  gone(address: string): void {
    this.#peers.delete(address);
  }

  missing(history: readonly string[]): Missing {
    const kept = new Set(history);
    const missing = this.#acknowledged.filter(([entry]) => !kept.has(entry));
    const { lost = [], excused = [] } = Object.groupBy(missing, ([, { excuse }]) =>
      excuse === undefined ? "lost" : "excused",
    );
    return { lost: lost.map(describe), excused: excused.map(describe) };
  }

  get #acknowledged(): readonly (readonly [string, Entry])[] {
    return [...this.#entries].filter(([, { acknowledged }]) => acknowledged !== undefined);
  }

  #entry(entry: string): Entry {
    const known = this.#entries.get(entry) ?? { trail: [] };
    this.#entries.set(entry, known);
    return known;
  }

  #watch(chain: WatchedChain, calls: PeerCalls): PeerCalls {
    const looking = async (answer: () => Promise<Reply>, isChange = false): Promise<Reply> => {
      this.#look(chain);
      if (isChange) chain.changing += 1;
      const reply = await answer();
      if (isChange) {
        chain.changing -= 1;
        if (!isCut(reply)) this.#changedAt = Date.now();
      }
      this.#look(chain);
      return reply;
    };
    return {
      // Nobody but klight tells a peer to join, comes in as a guest that is no peer, or names its blocks so.
      joinNetwork: (ctx, contact) => looking(() => calls.joinNetwork(ctx, contact), true),
      connectNewPeer: async (ctx, guest, take) => {
        const isFirst = chain.host?.state.network.length === 1;
        if (isFirst) chain.firstGuests += 1;
        const isKlight = !this.#peers.has(guest);
        const reply = await looking(() => calls.connectNewPeer(ctx, guest, take), isKlight);
        if (isFirst) chain.firstGuests -= 1;
        return reply;
      },
      notifyNewBlock: (ctx, block) =>
        looking(() => calls.notifyNewBlock(ctx, block), /^klight-(?!fresh)/u.test(block.id)),
      persist: (ctx, payload) => looking(() => calls.persist(ctx, payload)),
      query: (ctx, take) => looking(() => calls.query(ctx, take)),
      check: (ctx) => looking(() => calls.check(ctx)),
    };
  }

  #look(chain: WatchedChain): void {
    const before = chain.head;
    const forgotten = chain.look();
    const address = chain.host?.address ?? "";
    if (chain.head !== before)
      for (const entry of chain.entries)
        if (!this.#isOwn(entry)) this.#foreign.add(`"${entry}" was at ${address}`);
    if (forgotten.size === 0) return;
    const isOfKlight = this.#isChanging;
    if (chain.firstGuests > 0)
      this.#lose(chain, forgotten, `${address} forgot it, which stood alone, in a race with its first guest`);
    else if (!isOfKlight) this.#lose(chain, forgotten, `${address} forgot it by itself`);
    else
      for (const entry of forgotten)
        this.#entry(entry).trail.push(`${address} forgot it at ${clockOf(Date.now())}`);
  }

  get #isChanging(): boolean {
    const alive = [...this.#peers.values()].filter(({ host }) => host?.status !== "dead");
    return alive.some(({ changing }) => changing > 0) || Date.now() - this.#changedAt < AFTERMATH_MS;
  }

  #lose(chain: WatchedChain, entries: ReadonlySet<string>, why: string): void {
    for (const entry of entries) if (!this.#isHeld(entry, chain)) this.#entry(entry).excuse ??= why;
  }

  /** By anybody who lives; a peer that hangs keeps what it has. */
  #isHeld(entry: string, but?: WatchedChain): boolean {
    return [...this.#peers.values()].some((chain) => {
      if (chain === but || chain.host?.status === "dead") return false;
      this.#look(chain);
      return chain.entries.has(entry);
    });
  }
}

/**
 * A klight that dies in the middle has handed over nothing yet: its peers drop its seed as a member that has died, and
 * what they forget over that, they forget by themselves.
 */
const isCut = (reply: Reply): boolean =>
  reply.tag === "failed" && / code = Unavailable /u.test(reply.message);

const clockOf = (ms: number): string => new Date(ms).toISOString().slice(11, 23);

function describe([entry, { acknowledged, trail, excuse }]: readonly [string, Entry]): string {
  const { at = 0, by = "nobody" } = acknowledged ?? {};
  const known = [
    `acknowledged at ${clockOf(at)} by ${by}`,
    ...trail,
    ...(excuse === undefined ? [] : [excuse]),
  ];
  return `"${entry}" (${known.join("; ")})`;
}
