import { held, type Held } from "../../outcome.ts";
import { LOOK_GOOD_MS } from "../../timing.ts";
import { clusterHeld } from "../../cluster/cluster-held.ts";
import type { Participant, Participants, Reforming } from "./reforming.ts";

/**
 * Reading a long history, waiting for memory or a failed attempt takes time, in which an address may have gone to another
 * pod: whoever is there now must not be touched. So after some seconds the API server is asked once more for everybody
 * who takes part. Undefined: all of them are still at their addresses.
 */
export async function stillThere(
  { deps, lease: { network } }: Reforming,
  { members, joiners, leavers, looked }: Participants,
): Promise<Held | undefined> {
  if (deps.clock.now() - looked.from <= LOOK_GOOD_MS) return undefined;
  const those: readonly Participant[] = [...members, ...joiners, ...leavers];
  const asked = await Promise.all(those.map((participant) => deps.cluster.getPod(participant)));
  const failed = asked.find((answer) => answer.tag === "failed");
  if (failed) return clusterHeld(failed, network);
  const gone = those.find(({ uid, incarnation, address }, index) => {
    const answer = asked[index];
    const pod = answer?.tag === "pod" ? answer.pod : undefined;
    return pod?.uid !== uid || pod.incarnation !== incarnation || pod.address !== address;
  });
  if (gone === undefined) return undefined;
  const message = `${gone.name} is not what it was at ${gone.address} when the pods of ${network} were read`;
  return held("LookTooOld", message, { network });
}
