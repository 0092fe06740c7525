import { Lightpeer } from "../harness/lightpeer/peer.ts";
import type { JoinRecord, PeerState } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { Life } from "../harness/lightpeer/life.ts";
import type { Timers } from "../harness/timers.ts";
import type { Wire } from "./wire.ts";

export type JoinSeen = (process: PeerProcess, join: Omit<JoinRecord, "life">) => void;

interface Surroundings {
  readonly timers: Timers;
  readonly wire: Wire;
  readonly onJoin: JoinSeen;
  /** When its first round of health checks begins, ms after its start. */
  readonly firstRoundMs: number;
}

/** One life of a lightpeer in a container. */
export class PeerProcess {
  readonly address: string;
  readonly containerId: string;
  readonly life = new Life();
  readonly startedAt: number;
  /** When it was stopped last and when it was woken last, ms since 1970; undefined: never. */
  hungAt: number | undefined;
  wokeAt: number | undefined;
  readonly #timers: Timers;
  readonly #peer: Lightpeer;

  constructor(address: string, containerId: string, around: Surroundings) {
    const { timers, wire, onJoin, firstRoundMs } = around;
    this.address = address;
    this.containerId = containerId;
    this.startedAt = timers.now();
    this.#timers = timers;
    this.#peer = new Lightpeer({
      address,
      dialer: wire.dialer(this.life, true),
      clock: timers,
      newId: () => wire.newBlockId(),
      life: this.life,
      onJoin: (join) => {
        onJoin(this, join);
      },
    });
    wire.listen(address, { life: this.life, calls: this.#peer });
    void this.#peer.watch(firstRoundMs);
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
    return this.life.status === "hung" || this.#timers.now() - (this.wokeAt ?? 0) < ms;
  }

  hang(): void {
    if (this.life.status !== "running") return;
    this.life.hang();
    this.hungAt = this.#timers.now();
  }

  wake(): void {
    if (this.life.status !== "hung") return;
    this.wokeAt = this.#timers.now();
    this.life.wake();
  }

  /** What it has stored, newest first, read past the network and whatever its process is doing. */
  entries(): readonly string[] {
    const entries: string[] = [];
    void this.#peer.query(new Context(), (payload) => entries.push(Buffer.from(payload).toString("latin1")));
    return entries;
  }
}
