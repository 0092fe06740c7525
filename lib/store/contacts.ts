/** A member as the stack has it. */
export interface Contact {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly address: string;
  readonly incarnation: string;
  /** Name of the pod that it was joined through; null for a founder and for one that came in by a re-form. */
  readonly via: string | null;
  /** RFC 3339, UTC. */
  readonly joinedAt: string;
}

/** What a lease holder is about to do, written before it does it. Found again, it means: half-done, settle. */
export interface Intent {
  readonly kind: "join" | "reform" | "visit";
  /** `NAMESPACE/NAME` of the pod that the step was for; absent for a step without one. */
  readonly pod?: string;
  /** Its uid. Version 0.1.0 did not write it. */
  readonly uid?: string;
  /** Name of the contact of a join. */
  readonly contact?: string;
  /** Where klight's seed was, `host:port`, of a re-form or a visit: it may still be on lists. */
  readonly seed?: string;
  /** RFC 3339, UTC. */
  readonly at: string;
}

/** What the store knows of one network. */
export interface NetworkRecord {
  /** Newest first. */
  readonly stack: readonly Contact[];
  readonly intent: Intent | undefined;
  /** How often the network was re-formed. */
  readonly generation: number;
  /** How long the last known death must still be waited out, in ms; 0: it is quiet. */
  readonly quietMs: number;
  /** Digest of the newest entry at the last change; undefined: not known. */
  readonly newest: string | undefined;
  /** Members that do not answer, by incarnation: for how many ms that has been known. */
  readonly hung: Readonly<Record<string, number>>;
  /**
   * Peers that the network has gone on without while they hung, by address, for how many ms: its members may be in the
   * middle of a health check of them, and wait.
   */
  readonly waitedFor: Readonly<Record<string, number>>;
  /** A member died since the last join, re-form or visit. */
  readonly deaths: boolean;
}

/** One line of a network's log of outcomes. */
export interface LogEntry {
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly pod?: string;
  readonly outcome: string;
  readonly reason: string;
  readonly message: string;
}

/** A store that is away, slow, or answers what the decoder does not know. Nothing may be concluded from it. */
export interface StoreFailure {
  readonly tag: "failed";
  readonly message: string;
}

/**
 * The pod that a step is for. A peer is brought into one network at a time: of which one, the store knows from the moment
 * a step begins for a pod that `joins`, until it is off that network's stack. `life`: asked whether it is a member already.
 */
export type StepPod =
  | {
      readonly how: "joins";
      readonly uid: string;
      readonly life?: Pick<Contact, "incarnation" | "address">;
    }
  | { readonly how: "leaves"; readonly uid: string };

/** `elsewhere`: the pod that would join is in that other network, or a step is about to bring it in there. */
export type Begun =
  | { readonly tag: "member" }
  | { readonly tag: "elsewhere"; readonly network: string }
  | { readonly tag: "busy"; readonly remainingMs: number }
  | { readonly tag: "leased"; readonly record: NetworkRecord }
  | StoreFailure;

export type Marked = { readonly tag: "marked" } | { readonly tag: "lost" } | StoreFailure;

/** `late`: another holder has taken the lease meanwhile; nothing was written. */
export type Committed = { readonly tag: "committed" } | { readonly tag: "late" } | StoreFailure;

export type Departed = { readonly tag: "left" } | { readonly tag: "absent" } | StoreFailure;

/** What a step changes in the store, all at once. What is absent stays as it is. */
export interface Change {
  /** Members off the stack, by incarnation and uid. */
  readonly drop?: readonly Pick<Contact, "uid" | "incarnation">[];
  /** On top of the stack; takes the place of an older life of the same pod. */
  readonly push?: Contact;
  /** The whole stack, newest first: after a re-form, or brought back from conditions. */
  readonly stack?: readonly Contact[];
  /** True: the intent stays, for the next holder to settle. */
  readonly keepIntent?: boolean;
  readonly generation?: number;
  readonly newest?: string;
  /** A death that nobody has waited out yet: how long it takes, in ms. */
  readonly quietMs?: number;
  /** True: a member died. False: what died before is mended. */
  readonly deaths?: boolean;
  /** Incarnations that do not answer now; those known before keep their time, all others are forgotten. */
  readonly hung?: readonly string[];
  /** Addresses of peers that the network has gone on without while they hung; likewise. */
  readonly waitedFor?: readonly string[];
  readonly log?: LogEntry;
}

/** Where the next sweep begins; undefined: at the first network. */
export type PlaceAnswer = { readonly tag: "place"; readonly network: string | undefined } | StoreFailure;

/** What a page wants to know of one network. */
export interface NetworkView extends NetworkRecord {
  readonly network: string;
  /** Another step holds the lease now. */
  readonly leased: boolean;
  /** Newest first, at most 20. */
  readonly log: readonly LogEntry[];
}

/**
 * The stack of contacts of every network, with the right to change it. One round trip a call.
 *
 * Every call may be sent twice (clients re-send on network errors): the token makes the second the same as the first.
 * No call throws; a failure is a value.
 */
export interface Contacts {
  /**
   * Takes the lease of a network for `leaseMs` ms and tells what is known of it. No lease for a pod that would join: where
   * it is a member in this life, at this address; and where it is in another network.
   */
  begin(network: string, token: string, leaseMs: number, pod?: StepPod): Promise<Begun>;
  /** Writes an intent and renews the lease to `leaseMs` ms from now. `lost`: somebody else has it; do nothing. */
  mark(network: string, token: string, leaseMs: number, intent: Intent): Promise<Marked>;
  /** Writes a change, clears the intent, gives the lease back. Works also when the lease ran out and nobody took it. */
  commit(network: string, token: string, change: Change): Promise<Committed>;
  /** Takes every life of a pod off the stack and notes the death, to be waited out for `quietMs` ms. Needs no lease. */
  leave(network: string, uid: string, quietMs: number): Promise<Departed>;
  /** Keys of all networks that the store knows of. */
  networks(): Promise<{ readonly tag: "networks"; readonly networks: readonly string[] } | StoreFailure>;
  /** What is known of some networks, without a lease. */
  read(
    networks: readonly string[],
  ): Promise<{ readonly tag: "read"; readonly views: readonly NetworkView[] } | StoreFailure>;
  /** The network that a sweep has been left at; known for a day after it was asked for last. */
  sweepPlace(): Promise<PlaceAnswer>;
  /** Where the next sweep should begin; undefined: at the first network. */
  keepSweepPlace(network: string | undefined): Promise<{ readonly tag: "kept" } | StoreFailure>;
}
