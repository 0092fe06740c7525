import type { Clock } from "../../../lib/clock.ts";
import type { Block } from "../../../lib/peers/lightpeer.ts";
import type { Dialer, JoinRecord, PeerCalls, PeerState } from "./calls.ts";
import { Chain } from "./chain.ts";
import { Context } from "./context.ts";
import type { Life } from "./life.ts";
import { readList, writeList } from "./network-list.ts";
import { failed, goText, ok, type Failure, type Reply } from "./status.ts";

/** How long a peer sleeps between two rounds of health checks. */
export const healthPeriodMs = 500;

export interface PeerDeps {
  /** What the peer calls itself, `host:port`. */
  readonly address: string;
  readonly dialer: Dialer;
  readonly clock: Clock;
  /** A new block id; no two are the same. */
  readonly newId: () => string;
  readonly life: Life;
  /**
   * How long it takes to write a block to its file, ms, asked for each block. A block is checked before it is written
   * and is the head after it, so two that come in at once may both pass. Absent: no time at all, no such race.
   */
  readonly writeMs?: () => number;
  /** Told of every JoinNetwork when it comes in. */
  readonly onJoin: (join: Omit<JoinRecord, "life">) => void;
}

/**
 * One process life of the Go lightpeer. It has no lock: calls interleave at every await, and what a call read before
 * it may be stale after it. That is on purpose, and where the Go peer writes blindly this one does too.
 */
export class Lightpeer implements PeerCalls {
  readonly #deps: PeerDeps;
  readonly #chain = new Chain();
  #network: readonly string[];

  constructor(deps: PeerDeps) {
    this.#deps = deps;
    this.#network = [deps.address];
  }

  get state(): PeerState {
    return { network: this.#network, head: this.#chain.head };
  }

  async joinNetwork(ctx: Context, contact: string): Promise<Reply> {
    const record: Omit<JoinRecord, "life"> = { contact, at: this.#deps.clock.now() };
    this.#deps.onJoin(record);
    record.end = await this.#join(ctx, contact);
    return record.end;
  }

  async connectNewPeer(ctx: Context, guest: string, take: (block: Block) => void): Promise<Reply> {
    const end = await this.#publish(ctx, [...this.#network, guest]);
    if (end.tag === "failed") return end;
    return this.#chain.read(take);
  }

  async persist(ctx: Context, payload: Uint8Array): Promise<Reply> {
    return this.#append(ctx, "client", payload);
  }

  async query(_ctx: Context, take: (payload: Uint8Array) => void): Promise<Reply> {
    return this.#chain.read((block) => {
      if (block.kind === "client") take(block.payload);
    });
  }

  async notifyNewBlock(_ctx: Context, block: Block): Promise<Reply> {
    if (block.prevId !== this.#chain.head.id) return failed("UNKNOWN", "new block links to invalid parent");
    await this.#write();
    this.#chain.append(block);
    if (block.kind === "client") return ok;
    const list = readList(block.payload);
    if (list.tag === "failed") return failed("UNKNOWN", `could not unmarshal network block: ${list.message}`);
    this.#network = list.network;
    return ok;
  }

  async check(): Promise<Reply> {
    return ok;
  }

  /** Rounds of health checks for as long as the process lives, the first one in `firstMs` ms. */
  async watch(firstMs = 0): Promise<never> {
    await this.#deps.life.gate(this.#deps.clock.sleep(firstMs));
    for (;;) {
      await this.#round();
      await this.#deps.life.gate(this.#deps.clock.sleep(healthPeriodMs));
    }
  }

  async #join(ctx: Context, contact: string): Promise<Reply> {
    const { life, dialer, address } = this.#deps;
    const arrived: Arrived = { listed: false };
    const end = await life.gate(
      dialer.dial(contact).connectNewPeer(ctx, address, (block) => {
        life.whenRunning(() => {
          this.#take(arrived, block);
        });
      }),
    );
    if (arrived.bad) return arrived.bad;
    if (end.tag === "failed") return failed("UNKNOWN", joinText(end));
    if (!arrived.first) return this.#crash();
    this.#chain.moveTo(arrived.first);
    if (arrived.listed) return ok;
    return badStream("no network update blocks found, network state might be invalid");
  }

  #take(arrived: Arrived, block: Block): void {
    if (arrived.bad) return;
    this.#chain.store(block);
    arrived.first ??= block;
    if (arrived.listed || block.kind !== "network") return;
    const list = readList(block.payload);
    if (list.tag === "failed") {
      arrived.bad = badStream(`could not unmarshal network block: ${list.message}`);
      return;
    }
    // Taken while the old head still stands: a stream cut from here on leaves the two apart.
    this.#network = list.network;
    arrived.listed = true;
  }

  /** The Go peer dereferences a nil block here, and its whole process ends. */
  #crash(): Promise<never> {
    this.#deps.life.kill();
    return new Promise(() => {});
  }

  async #publish(ctx: Context, network: readonly string[]): Promise<Reply> {
    const end = await this.#append(ctx, "network", writeList(network));
    if (end.tag === "ok") this.#network = network;
    return end;
  }

  async #append(ctx: Context, kind: Block["kind"], payload: Uint8Array): Promise<Reply> {
    const block: Block = { id: this.#deps.newId(), payload, prevId: this.#chain.head.id, kind };
    const refusal = await this.#notify(ctx, block);
    if (refusal) return failed("UNKNOWN", `could not send new block notifications: ${refusal}`);
    await this.#write();
    // Blindly: another block may have come in while the members were told of this one.
    this.#chain.append(block);
    return ok;
  }

  async #write(): Promise<void> {
    const { writeMs, clock, life } = this.#deps;
    if (writeMs) await life.gate(clock.sleep(writeMs()));
  }

  async #notify(ctx: Context, block: Block): Promise<string | undefined> {
    const { life, dialer, address } = this.#deps;
    for (const member of this.#network) {
      if (member === address) continue;
      const reply = await life.gate(dialer.dial(member).notifyNewBlock(ctx, block));
      if (reply.tag === "failed" && reply.code === "UNKNOWN") {
        return `could not notify new block for ${member}: ${goText(reply)}`;
      }
    }
    return undefined;
  }

  async #round(): Promise<void> {
    const { life, dialer, address } = this.#deps;
    const before = this.#network;
    const alive: string[] = [];
    for (const member of before) {
      if (member === address) {
        alive.push(member);
        continue;
      }
      const reply = await life.gate(dialer.dial(member).check(new Context()));
      if (reply.tag === "ok") alive.push(member);
    }
    if (alive.length === before.length) return;
    this.#network = alive;
    const end = await this.#publish(new Context(), alive);
    if (end.tag === "failed") this.#network = before;
  }
}

/** What a join has been sent so far. */
interface Arrived {
  first?: Block;
  listed: boolean;
  bad?: Failure;
}

const badStream = (text: string): Failure => failed("UNKNOWN", `could not process block stream: ${text}`);

const joinText = (end: Failure): string =>
  end.unsent
    ? `connect new peer request failed: ${goText(end)}`
    : `could not process block stream: error while receiving messages: ${goText(end)}`;
