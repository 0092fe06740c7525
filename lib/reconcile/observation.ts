import type { Looked } from "../lease.ts";
import type { PodLife } from "../outcome.ts";
import type { Probe } from "../peers/lightpeer.ts";
import type { Peer } from "../pod/peer.ts";
import type { Pod } from "../pod/pod.ts";
import type { Contact } from "../store/contacts.ts";

/** A contact with its pod as the list of the API server shows it; undefined: not listed. */
export interface KnownContact {
  readonly contact: Contact;
  readonly pod: Pod | undefined;
}

/** The pod that a step is for, as it is now. */
export interface Joiner {
  readonly pod: Pod;
  readonly peer: Peer;
  readonly probe: Probe;
  /** No other pod has its address, and it calls itself what its pod is called, or could not be asked. */
  readonly isIdentified?: true;
}

/** The state of a network when a step looked at it. */
export interface Observation {
  /** Pods of this network. */
  readonly pods: readonly Pod[];
  readonly joiner: Joiner | undefined;
  /** Contacts that live, oldest first. */
  readonly members: readonly KnownContact[];
  /** Contacts of every other health; what these are is told in health.ts. */
  readonly dead: readonly Contact[];
  readonly replaced: readonly Contact[];
  readonly lost: readonly Contact[];
  readonly hung: readonly Contact[];
  readonly givenUp: readonly Contact[];
  readonly unreachable: readonly Contact[];
  readonly readdressed: readonly Contact[];
  readonly moved: readonly Contact[];
  /** With the younger pod that has the same address. */
  readonly shared: readonly { readonly contact: Contact; readonly other: PodLife }[];
  /** For how long at least each one that is unreachable has been known to be, ms; Infinity where none is. */
  readonly unreachableMs: number;
  /** Addresses of contacts that did not answer, whatever has become of them. */
  readonly silent: readonly string[];
  /** Addresses of peers that the network has gone on without while they hung. */
  readonly waitedFor: readonly string[];
  /** One of them does not hang any more, which may have disturbed the others. */
  readonly stirred: boolean;
  readonly looked: Looked;
  /** The store had lost the stack, and it is put together again from the pods' conditions. */
  readonly restored: boolean;
}
