/** A block of a lightpeer's chain. */
export interface Block {
  readonly id: string;
  readonly payload: Uint8Array;
  /** Empty: the first block of a chain. */
  readonly prevId: string;
  readonly kind: "network" | "client";
}

/**
 * What a health check said. `serving`: SERVING, or UNIMPLEMENTED (a peer without the health service).
 * `refused`: nobody listens there. `silent`: no answer within the deadline.
 */
export type Probe = "serving" | "not-serving" | "refused" | "silent";

/** `fresh`: a process without a chain. `chained`: it has one. `unimplemented`: a custom peer that cannot be asked. */
export type Freshness = "fresh" | "chained" | "unimplemented" | "silent";

interface Failed {
  readonly tag: "failed";
  readonly message: string;
}

/**
 * How a JoinNetwork ended. `unreachable`: the joiner could not reach the contact, and nothing has changed anywhere.
 * `denied`: the contact (klight's seed) refused this peer, and nothing has changed. `unclear`: anything else; the
 * network may be broken.
 */
export type JoinEnd =
  | { readonly tag: "joined" }
  | { readonly tag: "unreachable" | "denied" | "unclear"; readonly message: string };

/** Digest of a newest entry; the same at two peers: the same newest entry. `"empty"` where nothing is stored. */
export type Newest = { readonly tag: "newest"; readonly digest: string } | Failed;

/** Stored payloads, newest first. */
export type History =
  | { readonly tag: "history"; readonly entries: readonly Uint8Array[]; readonly digest: string }
  | { readonly tag: "too-large"; readonly bytes: number }
  | Failed;

/** What ConnectNewPeer at a member told: its newest block, a NETWORK block that lists the guest too. */
export type Visited =
  | { readonly tag: "visited"; readonly head: Block; readonly list: readonly string[] }
  | { readonly tag: "broken"; readonly message: string }
  | Failed;

/** The calls to lightpeers that klight makes. No call throws; every call ends within its deadline. */
export interface Lightpeer {
  probe(address: string, timeoutMs: number): Promise<Probe>;
  /** Asks "are you fresh?"; at a fresh peer it leaves a NETWORK block that lists just the peer itself. */
  askFresh(address: string, timeoutMs: number): Promise<Freshness>;
  newest(address: string, timeoutMs: number): Promise<Newest>;
  history(address: string, limitBytes: number, timeoutMs: number): Promise<History>;
  /** JoinNetwork at `address`, through `contact`. */
  join(address: string, contact: string, timeoutMs: number): Promise<JoinEnd>;
  /** ConnectNewPeer at `address` for `guest`; reads the newest block and hangs up. */
  visit(address: string, guest: string, timeoutMs: number): Promise<Visited>;
  /** NotifyNewBlock. */
  notify(address: string, block: Block, timeoutMs: number): Promise<{ readonly tag: "accepted" } | Failed>;
  /** Closes the connections that no call uses now. */
  release(): void;
}

/** A place where peers come to be re-formed: a ConnectNewPeer of klight's own. */
export interface Seed {
  /** Where peers reach it, `host:port`. */
  readonly address: string;
  /** From now on the peer that names itself `peer` gets this chain, newest block first; it must not be empty. */
  serve(peer: string, chain: readonly Block[]): void;
  /** From now on that peer is denied again. */
  deny(peer: string): void;
  close(): Promise<void>;
}

export interface Seeds {
  /** Opens the seed; several networks of one process may share its port. */
  open(): Promise<{ readonly tag: "open"; readonly seed: Seed } | Failed>;
}
