import type { Clock } from "../../../lib/clock.ts";
import type { Dialer, JoinRecord, Lacks, PeerCalls, PeerState } from "./calls.ts";
import { Life } from "./life.ts";
import { Lightpeer } from "./peer.ts";
import { failed } from "./status.ts";

interface Surroundings {
  readonly address: string;
  /** What the peer calls itself; default: its address. */
  readonly name?: string | undefined;
  readonly clock: Clock;
  readonly newId: () => string;
  /** How long it takes to write a block to its file, ms. */
  readonly writeMs: () => number;
  /** How a process of this life reaches others. */
  readonly dialerFor: (life: Life) => Dialer;
  readonly lacks: Lacks;
  /** When the first round of health checks of a process begins, ms after its start. */
  readonly firstRoundMs: number;
}

/** Where one lightpeer process runs after the other, whatever the transport. */
export class Machine {
  readonly #around: Surroundings;
  #address: string;
  readonly #joins: JoinRecord[] = [];
  #lives = 0;
  #life = new Life();
  #peer: Lightpeer;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#address = around.address;
    this.#peer = this.#boot();
  }

  get address(): string {
    return this.#address;
  }

  get lives(): number {
    return this.#lives;
  }

  get life(): Life {
    return this.#life;
  }

  get state(): PeerState {
    return this.#peer.state;
  }

  get joins(): readonly JoinRecord[] {
    return this.#joins;
  }

  /** What the process now running answers. */
  get calls(): PeerCalls {
    return without(this.#peer, this.#around.lacks);
  }

  /** A new process that knows nothing, at the address that its host has by now; the old one must be dead. */
  reboot(address = this.#address): void {
    this.#address = address;
    this.#peer = this.#boot();
  }

  #boot(): Lightpeer {
    const address = this.#address;
    const { name = address, clock, newId, writeMs, dialerFor, firstRoundMs } = this.#around;
    const life = new Life();
    this.#life = life;
    this.#lives += 1;
    const number = this.#lives;
    const peer = new Lightpeer({
      address: name,
      clock,
      newId,
      writeMs,
      life,
      dialer: dialerFor(life),
      onJoin: (join) => {
        // The record stays the peer's own object: its end is written when the join ends.
        this.#joins.push(Object.assign(join, { life: number }));
      },
    });
    void peer.watch(firstRoundMs);
    return peer;
  }
}

const unimplemented = (method: string) => async (): Promise<ReturnType<typeof failed>> =>
  failed("UNIMPLEMENTED", `unknown method ${method}`);

const without = (peer: Lightpeer, lacks: Lacks): PeerCalls => ({
  joinNetwork: (ctx, contact) => peer.joinNetwork(ctx, contact),
  connectNewPeer: (ctx, guest, take) => peer.connectNewPeer(ctx, guest, take),
  persist: (ctx, payload) => peer.persist(ctx, payload),
  query: (ctx, take) => peer.query(ctx, take),
  notifyNewBlock: lacks.notifyNewBlock
    ? unimplemented("NotifyNewBlock")
    : (ctx, block) => peer.notifyNewBlock(ctx, block),
  check: lacks.check ? unimplemented("Check") : () => peer.check(),
});
