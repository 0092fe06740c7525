import type { Contact } from "../store/contacts.ts";
import type { Probe } from "../peers/lightpeer.ts";
import type { Pod } from "../pod/pod.ts";
import { GIVE_UP_MS } from "../timing.ts";

/**
 * What has become of a contact. Where somebody answers is an address; who that is, only the API server says.
 *
 * - `living`: in the network and answering.
 * - `dead`: it is proven to be gone, and nobody listens at its address; the others will notice by themselves, or have.
 * - `replaced`: it is proven to be gone, and somebody else answers at its address: the others may never notice, and keep
 *   it on their lists. A join would tell that one of a block that it does not take.
 * - `lost`: it is proven to be gone, and at its address somebody hangs, for whom the others wait.
 * - `hung`: it does not answer, though its pod looks well. A join now would break the network.
 * - `given-up`: it has not answered for so long that the network may go on without it.
 * - `unreachable`: connections to it are refused, and its pod shows it running: a firewall, or a process that is about to
 *   be found dead. The others may reach it.
 * - `readdressed`: its pod has another address now; the others have it at the old one.
 * - `shared`: another pod that is proven to run, too, has its address: nobody knows which of them answers there.
 * - `moved`: it runs, but its pod is not of this network any more.
 */
export type Health =
  | "living"
  | "dead"
  | "replaced"
  | "lost"
  | "hung"
  | "given-up"
  | "unreachable"
  | "readdressed"
  | "shared"
  | "moved";

/** All that is known of one contact. */
export interface Signs {
  /**
   * What the API server says of this life. `running`: it is there, and proven to be of this network; `elsewhere`: it is
   * there, without this network's label; `gone`: its end is proven.
   */
  readonly life: "running" | "elsewhere" | "gone";
  /** Its pod; undefined: there is none. */
  readonly pod: Pod | undefined;
  /** Another pod has its address. */
  readonly isTaken: boolean;
  /** What was said at its address: at its pod's, where that is another one. */
  readonly probe: Probe;
  /** For how long it has been known not to answer, ms. */
  readonly silentMs: number;
  readonly now: number;
}

/** What has become of a contact of which this is known; pure. */
export function healthOf(contact: Pick<Contact, "address">, signs: Signs): Health {
  const { life, pod, isTaken, probe } = signs;
  if (life === "gone") return isTaken ? "replaced" : leftBehind(probe);
  if (life === "elsewhere") return "moved";
  const isWhereItWas = (pod?.address ?? contact.address) === contact.address;
  if (isTaken && isWhereItWas) return "shared";
  if (probe !== "serving") return withoutAnswer(signs);
  return isWhereItWas ? "living" : "readdressed";
}

/** Of an address whose process is gone: whoever runs there now may be on the others' lists. */
function leftBehind(probe: Probe): "dead" | "lost" | "replaced" {
  if (probe === "refused") return "dead";
  return probe === "silent" ? "lost" : "replaced";
}

function withoutAnswer(signs: Signs): "unreachable" | "given-up" | "hung" {
  if (signs.probe === "refused") return "unreachable";
  return silentFor(signs) >= GIVE_UP_MS ? "given-up" : "hung";
}

/**
 * For how long it has not answered, ms: since klight saw it first, or since its own container is not ready. The pod's
 * Ready tells nothing, for other containers and gates decide it, too.
 */
function silentFor({ pod, silentMs, now }: Signs): number {
  const since = pod?.containerUnreadySince;
  return since === undefined ? silentMs : Math.max(silentMs, now - since);
}

/** Who of those that came after a contact, and of the joiner, has its address? Pure. */
export const takerOf = <Life extends Pick<Contact, "uid" | "incarnation" | "address">>(
  contact: Contact,
  younger: readonly Life[],
): Life | undefined =>
  younger.find(
    ({ uid, incarnation, address }) =>
      address === contact.address && (uid !== contact.uid || incarnation !== contact.incarnation),
  );
