import type { Wall } from "../harness/lightpeer/tcp-front.ts";

/** One life of a lightpeer: where it runs, and the how manieth process there, from 1. */
export interface PeerLife {
  readonly address: string;
  readonly life: number;
}

/** How late an event loop was with its timers, ms: who is late makes healthy peers look hung. */
export interface Lateness {
  readonly p99: number;
  readonly max: number;
}

/** What has become of a network, and of what its application has stored in it. */
export interface Proof {
  /** Why its peers are not one network with one history; absent: they are. */
  readonly broken?: string;
  readonly stored: StoredFigures;
  /** Acknowledged entries that are in no history though somebody who held them lived on, each with what is known. */
  readonly lost: readonly string[];
  /** The same, but nobody could keep them: all that held them died, or forgot them by themselves. */
  readonly excused: readonly string[];
  /** What was ever at one of its peers and is of another network, and where. */
  readonly foreign: readonly string[];
}

export interface StoredFigures {
  readonly acknowledged: number;
  /** Persists that failed. */
  readonly refused: number;
  /** The longest time between two acknowledged entries, ms. */
  readonly longestPauseMs: number;
}

/** What the process that runs the peers of one network, and its application, is told to do. */
export interface PeersCalls {
  /** A new lightpeer, at this port where one is given; resolves with its address. */
  start(port?: number): Promise<string>;
  /** SIGKILL, for good. */
  kill(address: string): Promise<void>;
  /** SIGKILL, and a new process at the same address `downMs` ms later. */
  restart(address: string, downMs: number): Promise<void>;
  hang(address: string): Promise<void>;
  wake(address: string): Promise<void>;
  /** Nobody outside this network gets through to it; null: the way is free again. */
  wall(address: string, wall: Wall | null): Promise<void>;
  /** The peers whose pods say that they are joined: the application stores there and nowhere else. */
  joined(peers: readonly PeerLife[]): Promise<void>;
  /** Resolves when the last Persist has ended. */
  stopStoring(): Promise<void>;
  prove(addresses: readonly string[]): Promise<Proof>;
  lateness(): Promise<Lateness>;
}

/** Over the channel between the two processes. */
export interface PeersRequest {
  readonly id: number;
  readonly name: keyof PeersCalls;
  readonly args: readonly unknown[];
}

export interface PeersReply {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}
