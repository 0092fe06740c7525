import { Lightpeer } from "../harness/lightpeer/peer.ts";
import type { JoinRecord, PeerCalls, PeerState } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { Life } from "../harness/lightpeer/life.ts";
import type { Reply } from "../harness/lightpeer/status.ts";
import type { Timers } from "../harness/timers.ts";
import type { Wire } from "./wire.ts";

export type JoinSeen = (process: PeerProcess, join: Omit<JoinRecord, "life">) => void;

/** Entries that are in a peer's chain and were not. */
export type Gained = (process: PeerProcess, entries: readonly string[]) => void;

/** Entries that were in a peer's chain and are not any more, though it lives. */
export type Forgot = (process: PeerProcess, entries: readonly string[]) => void;

interface Surroundings {
  readonly timers: Timers;
  readonly wire: Wire;
  readonly onJoin: JoinSeen;
  readonly onForgot: Forgot;
  readonly onGained: Gained;
  /** When its first round of health checks begins, ms after its start. */
  readonly firstRoundMs: number;
}

/** Where a peer is reached, what it calls itself, and whether somebody else answers there. */
interface Place {
  readonly address: string;
  readonly name: string;
  readonly isShadowed: boolean;
}

/** One life of a lightpeer in a container. */
export class PeerProcess {
  readonly name: string;
  readonly containerId: string;
  readonly life = new Life();
  readonly startedAt: number;
  /** When it was stopped last and when it was woken last, ms since 1970; undefined: never. */
  hungAt: number | undefined;
  wokeAt: number | undefined;
  #address: string;
  readonly #around: Surroundings;
  readonly #peer: Lightpeer;
  #head = "";
  #entries: ReadonlySet<string> = new Set();

  constructor({ address, name, isShadowed }: Place, containerId: string, around: Surroundings) {
    const { timers, wire, onJoin, firstRoundMs } = around;
    this.#around = around;
    this.#address = address;
    this.name = name;
    this.containerId = containerId;
    this.startedAt = timers.now();
    this.#peer = new Lightpeer({
      address: name,
      dialer: wire.dialer(this.life, "peer", () => this.#address),
      clock: timers,
      newId: () => wire.newBlockId(),
      life: this.life,
      onJoin: (join) => {
        onJoin(this, join);
      },
    });
    if (!isShadowed) this.#listen();
    void this.#peer.watch(firstRoundMs);
  }

  /** Where it is reached. */
  get address(): string {
    return this.#address;
  }

  /** From now on it is reached there; it does not notice. */
  moveTo(address: string): void {
    this.#address = address;
    this.#listen();
  }

  #listen(): void {
    const { wire } = this.#around;
    wire.listen(this.#address, { life: this.life, calls: this.#seen(this.#peer) });
  }

  get state(): PeerState {
    return this.#peer.state;
  }

  get isRunning(): boolean {
    return this.life.status === "running";
  }

  /** Does not answer, or did not a moment ago. */
  hungWithin(ms: number): boolean {
    if (this.hungAt === undefined) return false;
    return this.life.status === "hung" || this.#around.timers.now() - (this.wokeAt ?? 0) < ms;
  }

  hang(): void {
    if (this.life.status !== "running") return;
    this.life.hang();
    this.hungAt = this.#around.timers.now();
  }

  wake(): void {
    if (this.life.status !== "hung") return;
    this.wokeAt = this.#around.timers.now();
    this.life.wake();
  }

  /** What it has stored, read past the network and whatever its process is doing. */
  get entries(): ReadonlySet<string> {
    this.#look();
    return this.#entries;
  }

  /** The same answers, with a look at the chain before and after each. */
  #seen(peer: PeerCalls): PeerCalls {
    const look = (reply: Reply): Reply => {
      this.#look();
      return reply;
    };
    const looking = (answer: () => Promise<Reply>): Promise<Reply> => {
      this.#look();
      return answer().then(look);
    };
    return {
      joinNetwork: (ctx, contact) => looking(() => peer.joinNetwork(ctx, contact)),
      connectNewPeer: (ctx, guest, take) => looking(() => peer.connectNewPeer(ctx, guest, take)),
      persist: (ctx, payload) => looking(() => peer.persist(ctx, payload)),
      query: (ctx, take) => looking(() => peer.query(ctx, take)),
      notifyNewBlock: (ctx, block) => looking(() => peer.notifyNewBlock(ctx, block)),
      check: (ctx) => looking(() => peer.check(ctx)),
    };
  }

  #look(): void {
    const { head } = this.#peer.state;
    if (head.id === this.#head) return;
    const before = this.#entries;
    const grown = head.prevId === this.#head;
    this.#head = head.id;
    if (grown && head.kind === "network") return;
    this.#entries = grown ? new Set([...before, textOf(head.payload)]) : this.#read();
    const forgotten = grown ? [] : [...before].filter((entry) => !this.#entries.has(entry));
    if (forgotten.length > 0) this.#around.onForgot(this, forgotten);
    const gained = grown ? [textOf(head.payload)] : [...this.#entries].filter((entry) => !before.has(entry));
    if (gained.length > 0) this.#around.onGained(this, gained);
  }

  #read(): ReadonlySet<string> {
    const entries = new Set<string>();
    void this.#peer.query(new Context(), (payload) => entries.add(textOf(payload)));
    return entries;
  }
}

const textOf = (payload: Uint8Array): string => Buffer.from(payload).toString("latin1");
