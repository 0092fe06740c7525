import { setTimeout as sleep } from "node:timers/promises";
import type { Dialer, PeerHost } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import type { PeerLife, StoredFigures } from "./peers-calls.ts";

/** Mean time between two Persists, ms. */
const EVERY_MS = 150;

interface Around {
  readonly network: string;
  readonly random: () => number;
  readonly hostAt: (address: string) => PeerHost | undefined;
  /** Where a peer is reached from within its network. */
  readonly wayTo: (address: string) => string;
  readonly onStored: (entry: string, by: string) => void;
}

/** Whether an entry is of a network: what its application stores, or the proof at the end. */
export const isOf = (network: string, entry: string): boolean =>
  entry.startsWith(`${network} `) || entry.startsWith("whole-");

/**
 * The one writer of a network: it stores one entry after the other at a peer whose pod says that it is joined, and goes
 * on at another one when that peer dies or is joined no more. As applications are told, it gives Persist no deadline.
 */
export class Application {
  joined: readonly PeerLife[] = [];
  readonly #around: Around;
  readonly #dialer: Dialer;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #home: PeerLife | undefined;
  #figures = { refused: 0, longestPauseMs: 0 };
  #lastAt: number | undefined;

  constructor(around: Around) {
    this.#around = around;
    this.#dialer = grpcDialer({ wayTo: around.wayTo });
    this.#running = this.#run();
  }

  get figures(): Pick<StoredFigures, "refused" | "longestPauseMs"> {
    return this.#figures;
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { random } = this.#around;
    const { signal } = this.#stopping;
    for (let count = 1; !signal.aborted; count += 1) {
      this.#home = this.#stays(this.#home) ?? this.joined[Math.floor(random() * this.joined.length)];
      if (this.#home !== undefined) await this.#store(this.#home, count);
      await sleep(EVERY_MS * (0.5 + random()), undefined, { signal }).catch(() => undefined);
    }
  }

  #stays(home: PeerLife | undefined): PeerLife | undefined {
    return this.joined.find(({ address, life }) => address === home?.address && life === home.life);
  }

  async #store({ address, life }: PeerLife, count: number): Promise<void> {
    const { network, hostAt, onStored } = this.#around;
    const host = hostAt(address);
    // It lives in the peer's pod, and is up when that is: it knows of a restart before the API server does.
    if (host === undefined || host.lives !== life || host.status !== "running") return;
    const entry = `${network} ${count}`;
    const reply = await this.#dialer.dial(address).persist(new Context(), Buffer.from(entry));
    if (reply.tag === "failed") {
      this.#figures.refused += 1;
      return;
    }
    // Taken by a process that came in between and stands alone: nobody was told to store there.
    if (host.lives !== life) return;
    onStored(entry, address);
    this.#pause();
  }

  #pause(): void {
    const now = performance.now();
    const pause = now - (this.#lastAt ?? now);
    this.#lastAt = now;
    this.#figures.longestPauseMs = Math.max(this.#figures.longestPauseMs, Math.round(pause));
  }
}
