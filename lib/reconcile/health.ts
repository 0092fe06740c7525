import type { Contact } from "../store/contacts.ts";
import type { Probe } from "../peers/lightpeer.ts";
import type { Pod } from "../pod/pod.ts";
import { GIVE_UP_MS } from "../timing.ts";

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
export type Health = "living" | "dead" | "hung" | "lost" | "replaced" | "moved";

/** All that is known of one contact. */
export interface Signs {
  /** `same`: this life is there; `gone`: proven not to be; `elsewhere`: this life, without this network's label. */
  readonly life: "same" | "gone" | "elsewhere";
  readonly pod: Pod | undefined;
  /** What its address said; undefined: not asked, since another process has that address now. */
  readonly probe: Probe | undefined;
  /** For how long it has been known not to answer, ms. */
  readonly silentMs: number;
  readonly now: number;
}

/** What has become of a contact of which this is known; pure. */
export function healthOf({ life, pod, probe, silentMs, now }: Signs): Health {
  if (probe === undefined) return "replaced";
  if (probe === "refused") return "dead";
  // Whoever runs at its address now keeps the others waiting, and they may have it on their lists.
  if (life === "gone") return probe === "silent" ? "lost" : "replaced";
  if (life === "elsewhere") return "moved";
  if (probe === "serving") return "living";
  const unreadyMs = pod?.unreadySince === undefined ? 0 : now - pod.unreadySince;
  return Math.max(silentMs, unreadyMs) >= GIVE_UP_MS ? "lost" : "hung";
}

/**
 * An address belongs to one process: has a younger one this contact's? `younger`: contacts that came after it, and the
 * joiner. Pure.
 */
export const isAddressTaken = (
  contact: Contact,
  younger: readonly Pick<Contact, "uid" | "incarnation" | "address">[],
): boolean =>
  younger.some(
    ({ uid, incarnation, address }) =>
      address === contact.address && (uid !== contact.uid || incarnation !== contact.incarnation),
  );
