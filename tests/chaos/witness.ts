import type { PeerCalls, PeerHost } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";

/** How long after a change of klight's a peer may forget something because of it, ms. */
const AFTERMATH_MS = 1_000;

/** What is known of an entry that was acknowledged. */
interface Acknowledged {
  readonly at: number;
  /** Where it was stored. */
  readonly by: string;
  /** Why nobody can have it any more: all that held it died, or forgot it by themselves. */
  excuse?: string;
  /** Who forgot it while klight was changing the network. */
  readonly trail: string[];
}

/** A peer as the witness sees it. */
interface Watched {
  host?: PeerHost;
  calls?: PeerCalls;
  /** Id of the newest block when its chain was looked at last, and all entries in it. */
  head: string;
  entries: Set<string>;
}

/**
 * Sees the chains of one network's peers and keeps account of what was acknowledged; touches nothing. An entry is lost
 * only if somebody who held it lived on: what lightpeers lose by dying, or by racing with each other, nobody can keep.
 */
export class Witness {
  readonly #peers = new Map<string, Watched>();
  readonly #acknowledged = new Map<string, Acknowledged>();
  /** Calls of klight's under way that change peers, and when the last one ended. */
  #changing = 0;
  #changedAt = 0;

  /** Watches a peer that is about to start; `started` tells which it is. */
  expect(): { seen(calls: PeerCalls): PeerCalls; started(host: PeerHost): void } {
    const watched: Watched = { head: "", entries: new Set() };
    return {
      seen: (calls) => {
        Object.assign(watched, { calls, head: "", entries: new Set() } satisfies Watched);
        return this.#watch(watched, calls);
      },
      started: (host) => {
        watched.host = host;
        this.#peers.set(host.address, watched);
      },
    };
  }

  get count(): number {
    return this.#acknowledged.size;
  }

  stored(entry: string, by: string): void {
    const known: Acknowledged = { at: Date.now(), by, trail: [] };
    this.#acknowledged.set(entry, known);
    if (!this.#isHeld(entry)) known.excuse = "all that held it died before it was acknowledged";
  }

  /** Before a peer's process dies: what only it holds dies with it. */
  dying(address: string): void {
    const watched = this.#peers.get(address);
    if (watched === undefined) return;
    this.#look(watched);
    this.#lose(watched, watched.entries, `only ${address} held it, and died`);
  }

  gone(address: string): void {
    this.#peers.delete(address);
  }

  /** Acknowledged entries that are not in this history: those that somebody could have kept, and the others. */
  missing(history: readonly string[]): {
    readonly lost: readonly string[];
    readonly excused: readonly string[];
  } {
    const kept = new Set(history);
    const missing = [...this.#acknowledged].filter(([entry]) => !kept.has(entry));
    const { lost = [], excused = [] } = Object.groupBy(missing, ([, { excuse }]) =>
      excuse === undefined ? "lost" : "excused",
    );
    return { lost: lost.map(describe), excused: excused.map(describe) };
  }

  #watch(watched: Watched, calls: PeerCalls): PeerCalls {
    const looking = async <Reply>(answer: () => Promise<Reply>, isChange = false): Promise<Reply> => {
      this.#look(watched);
      if (isChange) this.#changing += 1;
      try {
        return await answer();
      } finally {
        if (isChange) {
          this.#changing -= 1;
          this.#changedAt = Date.now();
        }
        this.#look(watched);
      }
    };
    return {
      // Nobody but klight tells a peer to join, comes in as a guest that is no peer, or names its blocks so.
      joinNetwork: (ctx, contact) => looking(() => calls.joinNetwork(ctx, contact), true),
      connectNewPeer: (ctx, guest, take) =>
        looking(() => calls.connectNewPeer(ctx, guest, take), !this.#peers.has(guest)),
      notifyNewBlock: (ctx, block) =>
        looking(() => calls.notifyNewBlock(ctx, block), /^klight-(?!fresh)/u.test(block.id)),
      persist: (ctx, payload) => looking(() => calls.persist(ctx, payload)),
      query: (ctx, take) => looking(() => calls.query(ctx, take)),
      check: (ctx) => looking(() => calls.check(ctx)),
    };
  }

  #look(watched: Watched): void {
    const { host, calls } = watched;
    if (host === undefined || calls === undefined) return;
    const { head } = host.state;
    if (head.id === watched.head) return;
    const isGrown = head.prevId === watched.head;
    watched.head = head.id;
    if (isGrown) {
      if (head.kind === "client") watched.entries.add(textOf(head.payload));
      return;
    }
    const before = watched.entries;
    watched.entries = entriesOf(calls);
    const forgotten = new Set([...before].filter((entry) => !watched.entries.has(entry)));
    if (forgotten.size > 0) this.#forgot(watched, host.address, forgotten);
  }

  #forgot(watched: Watched, address: string, entries: ReadonlySet<string>): void {
    const isOfKlight = this.#changing > 0 || Date.now() - this.#changedAt < AFTERMATH_MS;
    if (!isOfKlight) this.#lose(watched, entries, `${address} forgot it by itself`);
    for (const entry of isOfKlight ? entries : []) {
      this.#acknowledged.get(entry)?.trail.push(`${address} forgot it at ${clockOf(Date.now())}`);
    }
  }

  #lose(watched: Watched, entries: ReadonlySet<string>, why: string): void {
    for (const entry of entries) {
      const known = this.#acknowledged.get(entry);
      if (known !== undefined && !this.#isHeld(entry, watched)) known.excuse ??= why;
    }
  }

  /** By anybody who lives; a peer that hangs keeps what it has. */
  #isHeld(entry: string, but?: Watched): boolean {
    return [...this.#peers.values()].some((watched) => {
      if (watched === but || watched.host?.status === "dead") return false;
      this.#look(watched);
      return watched.entries.has(entry);
    });
  }
}

const textOf = (payload: Uint8Array): string => Buffer.from(payload).toString();

/** Past the network, and whatever the process is doing: the double reads its chain before it first waits. */
function entriesOf(calls: PeerCalls): Set<string> {
  const entries = new Set<string>();
  void calls.query(new Context(), (payload) => entries.add(textOf(payload)));
  return entries;
}

const clockOf = (ms: number): string => new Date(ms).toISOString().slice(11, 23);

function describe([entry, { at, by, trail, excuse }]: readonly [string, Acknowledged]): string {
  const known = [
    `acknowledged at ${clockOf(at)} by ${by}`,
    ...trail,
    ...(excuse === undefined ? [] : [excuse]),
  ];
  return `"${entry}" (${known.join("; ")})`;
}
