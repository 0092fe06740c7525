import type { Contact } from "../../lib/store/contacts.ts";
import type { Outcome } from "../../lib/outcome.ts";

/** One call of the function: an event, a sweep, somebody who asks for a re-form. */
export interface StepFact {
  readonly id: number;
  readonly what: string;
  readonly startedAt: number;
  /** Undefined: it never ended. */
  endedAt?: number;
  outcomes: readonly Outcome[];
  /** It threw. */
  error?: unknown;
  /** Its instance was stopped for a while in it, or died in it. */
  disturbed: "no" | "paused" | "died";
  /** When it sent its last health check, and its last question to the API server. */
  lastProbeAt: number;
  lastReadAt: number;
}

/** A JoinNetwork of klight's that came in at a peer. */
export interface JoinFact {
  readonly at: number;
  readonly step: number;
  readonly joiner: string;
  readonly contact: string;
  /** Through a member, not through klight's seed. */
  readonly plain: boolean;
  /** The contact's list had this life of the joiner already. */
  readonly listed: boolean;
  /** Members on the contact's list that had been hanging since before the step's last health checks. */
  readonly hanging: readonly string[];
  /** Members on the contact's list that had died within the quiet time before the step's last health checks. */
  readonly dead: readonly string[];
  /** The contact never was of the joiner's network as the API server last showed that, and ran there before the step's last health checks. */
  readonly foreign: boolean;
}

/** Two steps that changed one network at the same time. */
export interface ClashFact {
  readonly at: number;
  readonly first: string;
  readonly second: string;
}

/** A contact that was taken off a stack. */
export interface DropFact {
  readonly at: number;
  readonly network: string;
  readonly contact: Contact;
  readonly how: string;
  /** Why that is right; undefined: its peer was alive and well, and its pod of that network. */
  readonly because: string | undefined;
}

/** A contact that was the first on its stack. */
export interface FoundingFact {
  readonly at: number;
  readonly network: string;
  readonly contact: Contact;
  /** Other pods that say that they are in that network and are not proven to be gone. */
  readonly beside: readonly string[];
}

/** An entry that a Persist acknowledged. */
export interface EntryFact {
  readonly network: string;
  readonly entry: string;
  readonly at: number;
  /** Why nobody can have it any more: all that held it died. */
  lost?: string;
}

/** An entry that came to a peer of another network. */
export interface StrangerFact {
  readonly at: number;
  readonly entry: string;
  readonly pod: string;
  readonly network: string;
}

/** An entry that klight has sent to somebody who is not of its network. */
export interface LeakFact {
  readonly at: number;
  readonly entry: string;
  /** A pod, or an address that is none's. */
  readonly to: string;
}

/** A pod of a network in which nothing went wrong, that waited to be in, as others did not let it. */
export interface WaitFact {
  readonly pod: string;
  readonly network: string;
  readonly ms: number;
}

/** What a network has become, after the last sweep. */
export interface NetworkFact {
  readonly network: string;
  /** Addresses of the peers that should be in. */
  readonly members: readonly string[];
  /** Why these do not form one network with one history; undefined: they do. */
  readonly broken: string | undefined;
  /** All lists that its members have, one a line. */
  readonly lists: readonly (readonly string[])[];
  readonly entries: ReadonlySet<string>;
  /** `UID INCARNATION` of members and of contacts. */
  readonly lives: readonly string[];
  readonly stack: readonly string[];
}

/** What is known of one run, seen in the world and not in klight. */
export interface Facts {
  readonly steps: StepFact[];
  readonly joins: JoinFact[];
  readonly clashes: ClashFact[];
  readonly drops: DropFact[];
  readonly foundings: FoundingFact[];
  readonly entries: EntryFact[];
  /** Networks to which relabelled pods have brought an entry: whoever is alone takes its history along. */
  readonly carried: Map<string, Set<string>>;
  readonly strangers: StrangerFact[];
  readonly leaks: LeakFact[];
  readonly waits: WaitFact[];
  readonly networks: NetworkFact[];
}

export const noFacts = (): Facts => ({
  steps: [],
  joins: [],
  clashes: [],
  drops: [],
  foundings: [],
  entries: [],
  carried: new Map(),
  strangers: [],
  leaks: [],
  waits: [],
  networks: [],
});
