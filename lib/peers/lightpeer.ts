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

/**
 * What a peer calls itself. `unreachable`: it cannot reach the seed. `silent`: no answer in time, as of a peer that hangs
 * or whose way to the seed lets nothing through. `failed`: an answer that holds no name, as a custom peer may give.
 */
export type NameTold =
  | { readonly tag: "name"; readonly name: string }
  | { readonly tag: "unreachable" | "silent" | "failed"; readonly message: string };

/** Digest of a newest entry; the same at two peers: the same newest entry. `"empty"` where nothing is stored. */
export type Newest = { readonly tag: "newest"; readonly digest: string } | Failed;

/** The longest message that lightpeers take from each other and from their clients, bytes: gRPC's own default. */
export const MAX_MESSAGE_BYTES = 4 * 1_024 * 1_024;

/**
 * The longest entry that a block can carry, bytes. A peer stores one that is up to 75 bytes longer and acknowledges it,
 * but can pass it on to nobody: ids, types and times take 80 bytes of the message.
 */
export const MAX_ENTRY_BYTES = MAX_MESSAGE_BYTES - 80;

/** What an entry costs in memory besides its payload, bytes: without it, empty ones would be free. */
const ENTRY_COST_BYTES = 256;

/** What it costs to hold an entry in memory, bytes. */
export const costOf = ({ byteLength }: Uint8Array): number => byteLength + ENTRY_COST_BYTES;

/** Gets stored payloads, newest first, each its own to keep; `enough`: no more of them. */
export type Take = (payload: Uint8Array) => "more" | "enough";

/**
 * A history that was taken to its end, with the digest of its newest entry; `bytes`: what it costs to hold. `too-large`:
 * the taker had enough, or one entry was too long to be read.
 */
export type HistoryAnswer =
  | {
      readonly tag: "history";
      readonly entries: number;
      readonly bytes: number;
      readonly digest: string;
    }
  | { readonly tag: "too-large"; readonly bytes: number }
  | Failed;

/** What ConnectNewPeer at a member told: its newest block, a NETWORK block that lists the visitor too. */
export type Visited =
  | { readonly tag: "visited"; readonly head: Block; readonly list: readonly string[] }
  | { readonly tag: "broken"; readonly message: string }
  | Failed;

/** The calls to lightpeers that klight makes. No call throws; every call ends within its deadline. */
export interface Lightpeer {
  probe(address: string, timeoutMs: number): Promise<Probe>;
  /** Asks "are you fresh?"; at a fresh peer it leaves a NETWORK block that lists just the peer itself. */
  askFresh(address: string, timeoutMs: number): Promise<Freshness>;
  /**
   * Asks "who are you?": JoinNetwork at `address` through a seed that is open and has not sent for this peer. The seed
   * refuses before any block, which leaves the peer as it was, fresh or member. Nothing is remembered of a question, so
   * one that is late finds nobody who waits for it.
   */
  askName(address: string, seed: string, timeoutMs: number): Promise<NameTold>;
  newest(address: string, timeoutMs: number): Promise<Newest>;
  history(address: string, timeoutMs: number, take: Take): Promise<HistoryAnswer>;
  /**
   * JoinNetwork at `address`, through `contact`. Given up, a call under way is cancelled, and one that was not sent yet is
   * not sent any more; what the peer has done by then is unclear.
   */
  join(address: string, contact: string, timeoutMs: number, giveUp?: AbortSignal): Promise<JoinEnd>;
  /** ConnectNewPeer at `address` for `visitor`; reads the newest block and hangs up. */
  visit(address: string, visitor: string, timeoutMs: number): Promise<Visited>;
  /** NotifyNewBlock. */
  notify(address: string, block: Block, timeoutMs: number): Promise<{ readonly tag: "accepted" } | Failed>;
  /** Soon closes the connections that no call uses then. */
  release(): void;
}

/** A peer that is expected at the seed. Its ConnectNewPeer is one stream, which stays open until klight ends it. */
export interface ExpectedPeer {
  /** It has come, and its first block is on its way to it. Never rejects. */
  readonly arrived: Promise<"arrived">;
  /** More of its chain, newest first. Settles when all of it is on its way, or the peer has hung up; never rejects. */
  send(blocks: Iterable<Block>): Promise<void>;
  /** Ends the stream: the peer takes the first block as its newest one. */
  finish(): void;
  /** Ends the stream with an error, or denies the peer if it has not come: it stays on the chain that it has. */
  refuse(): void;
}

/** A place where peers come to be re-formed: a ConnectNewPeer of klight's own. */
export interface Seed {
  /** Where peers reach it, `host:port`. */
  readonly address: string;
  /** From now on the peer that names itself `peer` is served once: this block, and then what its call is sent. */
  expect(peer: string, first: Block): ExpectedPeer;
  /** While it visits a network: blocks on top of this one, and on top of those, are not refused. */
  allow(head: Block): void;
  /** Turns away whom it still expects. Refuses writes no longer; health checks are answered a moment longer. */
  close(): void;
}

/** What a seed is opened for: peers that are re-formed must not store; one that is visited or asked may. */
export type SeedUse = "reform" | "visit" | "question";

export interface Seeds {
  /**
   * Opens the seed; several networks of one process may share its port. NotifyNewBlock is refused there, so that no peer
   * with the seed on its list stores, except in networks that are visited.
   */
  open(use: SeedUse): Promise<{ readonly tag: "open"; readonly seed: Seed } | Failed>;
}
