import { factsOf } from "../reasons.ts";
import type { Pod } from "./pod.ts";

/**
 * The network that this life of the peer was in last, as its condition tells; undefined: none. A peer that was in a
 * network is never joined plainly again, since nobody knows who still lists it.
 */
export function networkBefore({ joined, incarnation }: Pod): string | undefined {
  if (joined?.incarnation !== incarnation) return undefined;
  return joined.status === "True" || factsOf(joined.reason)?.wasIn ? joined.network : joined.was;
}

/** The network that ended when this life of the peer left it, and whose history it alone has; undefined: none. */
export const carriedBy = (pod: Pod | undefined): string | undefined =>
  pod && pod.joined?.incarnation === pod.incarnation ? pod.joined.carries : undefined;

/** Was this life of the peer last in another network than this one? */
export function wasElsewhere(pod: Pod, network: string): boolean {
  const before = networkBefore(pod);
  return before !== undefined && before !== network;
}
