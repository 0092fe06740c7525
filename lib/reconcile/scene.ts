import type { Contact } from "../store/contacts.ts";
import type { Probe } from "../peers/lightpeer.ts";
import type { Peer } from "../pod/peer.ts";
import type { Pod } from "../pod/pod.ts";
import { GIVE_UP_MS } from "../timing.ts";

/** A contact with its pod as the list of the API server shows it; undefined: not listed. */
export interface Seen {
  readonly contact: Contact;
  readonly pod: Pod | undefined;
}

/**
 * What has become of a contact.
 *
 * - `living`: in the network and answering.
 * - `dead`: its process is gone; the others will notice by themselves, or have.
 * - `hung`: it does not answer, though its pod looks well. A join now would break the network.
 * - `lost`: it has not answered for so long that it is given up; the others cannot notice, they wait for it.
 * - `replaced`: it is gone, and somebody else answers at its address: the others may never notice, and keep it on their
 *   lists. A join would tell that one of a block that it does not take.
 * - `moved`: it lives, but its pod is not of this network any more.
 */
export type Verdict = "living" | "dead" | "hung" | "lost" | "replaced" | "moved";

/** The pod that a step is for, as it is now. */
export interface Joiner {
  readonly pod: Pod;
  readonly peer: Peer;
  readonly probe: Probe;
}

/** How old a look is; ms of the clock. */
export interface Looked {
  readonly from: number;
  readonly to: number;
}

/** The state of a network when a step looked at it. */
export interface Scene {
  /** Pods of this network. */
  readonly pods: readonly Pod[];
  readonly joiner: Joiner | undefined;
  /** Contacts that live, oldest first. */
  readonly members: readonly Seen[];
  readonly dead: readonly Contact[];
  readonly hung: readonly Contact[];
  readonly lost: readonly Contact[];
  readonly replaced: readonly Contact[];
  readonly moved: readonly Contact[];
  /** Addresses of contacts that did not answer, whatever has become of them. */
  readonly silent: readonly string[];
  /** Addresses of peers that the network has gone on without while they hung. */
  readonly shadows: readonly string[];
  /** One of them does not hang any more, which may have disturbed the others. */
  readonly stirred: boolean;
  /** When the pods were read, and when the last probes had been answered, ms of the clock. */
  readonly looked: Looked;
  /** The store had lost the stack, and it is put together again from the pods' conditions. */
  readonly restored: boolean;
}

/** What is known of one contact when it is judged. */
export interface Evidence {
  /** `same`: this life is there; `gone`: proven not to be; `elsewhere`: this life, without this network's label. */
  readonly life: "same" | "gone" | "elsewhere";
  readonly pod: Pod | undefined;
  readonly probe: Probe;
  /** For how long it has been known not to answer, ms. */
  readonly silentMs: number;
  readonly now: number;
}

/** Judges one contact; pure. */
export function judge({ life, pod, probe, silentMs, now }: Evidence): Verdict {
  if (probe === "refused") return "dead";
  // Whoever runs at its address now keeps the others waiting, and they may have it on their lists.
  if (life === "gone") return probe === "silent" ? "lost" : "replaced";
  if (life === "elsewhere") return "moved";
  if (probe === "serving") return "living";
  const unreadyMs = pod?.unreadySince === undefined ? 0 : now - pod.unreadySince;
  return Math.max(silentMs, unreadyMs) >= GIVE_UP_MS ? "lost" : "hung";
}
