import type { Block } from "../../../lib/peers/lightpeer.ts";
import type { Context } from "./context.ts";
import type { Reply } from "./status.ts";

/** What a lightpeer answers. A caller and the peer itself have the same six calls; a transport lies between them. */
export interface PeerCalls {
  joinNetwork(ctx: Context, contact: string): Promise<Reply>;
  /** `take` gets the chain, newest block first, while the call runs. */
  connectNewPeer(ctx: Context, guest: string, take: (block: Block) => void): Promise<Reply>;
  persist(ctx: Context, payload: Uint8Array): Promise<Reply>;
  /** `take` gets the stored payloads, newest first. */
  query(ctx: Context, take: (payload: Uint8Array) => void): Promise<Reply>;
  notifyNewBlock(ctx: Context, block: Block): Promise<Reply>;
  /** The health check; ok: SERVING. */
  check(ctx: Context): Promise<Reply>;
}

/** How somebody reaches peers. Every call goes over a connection of its own, as a lightpeer's do. */
export interface Dialer {
  dial(address: string): PeerCalls;
}

/** How a lightpeer is started. */
export interface PeerOptions {
  /** Services that a custom lightpeer does not have. */
  readonly lacks?: Lacks;
  /** What the peer calls itself, where that is not its address. */
  readonly name?: string;
  /**
   * When its first round of health checks begins, ms after each start; by chance within one period by default.
   * Peers whose rounds are in step race to clean up after every death.
   */
  readonly firstRoundMs?: number;
}

/** One JoinNetwork that a peer was asked for; without an end: under way, or its process died in it. */
export interface JoinRecord {
  /** Which life of the process, from 1. */
  readonly life: number;
  readonly contact: string;
  /** Ms since 1970. */
  readonly at: number;
  end?: Reply;
}

/** What the process has in memory now. */
export interface PeerState {
  readonly network: readonly string[];
  readonly head: Block;
}

/** Which services a peer has; a custom lightpeer may lack some and answers UNIMPLEMENTED there. */
export interface Lacks {
  readonly notifyNewBlock?: boolean;
  readonly check?: boolean;
}

/** A place where a lightpeer runs, one process life after the other, always at the same address. */
export interface PeerHost {
  readonly address: string;
  /** How many processes ran here. */
  readonly lives: number;
  readonly status: "running" | "hung" | "dead";
  readonly state: PeerState;
  /** Every JoinNetwork that was asked for here, in all lives, oldest first. */
  readonly joins: readonly JoinRecord[];
  /** SIGKILL: connections are reset, then refused. */
  kill(): Promise<void>;
  /** SIGSTOP: connections are taken, nothing is answered, nothing goes on. */
  hang(): void;
  /** SIGCONT. */
  wake(): void;
  /** A new process at the same address that knows nothing; kills the old one if there is one. */
  restart(): Promise<void>;
}
