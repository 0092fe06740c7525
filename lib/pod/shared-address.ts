import type { PodName } from "../outcome.ts";
import { networkBefore } from "./network-before.ts";
import { endedForGood, type Pod } from "./pod.ts";

/**
 * Another one of these pods that runs with the same address and port, of any network: as two on the host's network of one
 * node have, or as a defect of a network plugin makes. What answers there may be the process of either. One that has lost
 * its label counts, as long as this life of it was in a network.
 */
export const sharerOf = (
  { uid, address }: Pick<Pod, "uid" | "address">,
  pods: readonly Pod[],
): Pod | undefined =>
  address === undefined
    ? undefined
    : pods.find((each) => each.uid !== uid && each.address === address && runsForANetwork(each));

const runsForANetwork = (pod: Pod): boolean =>
  !endedForGood(pod) && (pod.network !== undefined || networkBefore(pod) !== undefined);

/** Both names, in the words that are the same wherever it is told. */
export const sharedInWords = (
  { namespace, name, address }: PodName & { readonly address?: string },
  other: PodName,
): string => `${namespace}/${name} at ${address} and ${other.namespace}/${other.name} have one address`;
