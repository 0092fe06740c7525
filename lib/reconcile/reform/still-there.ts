import type { Deps } from "../../deps.ts";
import { held, type Held } from "../../outcome.ts";
import { LOOK_RECENT_MS } from "../../timing.ts";
import { clusterHeld } from "../../cluster/cluster-held.ts";
import type { Participant } from "./reforming.ts";

/**
 * An address may go to another pod at once, and whoever is there then must not be touched, nor be told anything of this
 * network. Only the API server knows who is where. Undefined: each of these lives is still at its address.
 */
export async function stillThere(
  { cluster }: Pick<Deps, "cluster">,
  network: string,
  those: readonly Participant[],
): Promise<Held | undefined> {
  const asked = await Promise.all(those.map((participant) => cluster.getPod(participant)));
  const failed = asked.find((answer) => answer.tag === "failed");
  if (failed) return clusterHeld(failed, network);
  const gone = those.find(({ uid, incarnation, address }, index) => {
    const answer = asked[index];
    const pod = answer?.tag === "pod" ? answer.pod : undefined;
    const isIt = pod?.uid === uid && pod.incarnation === incarnation && (pod.address ?? "") === address;
    return !isIt || pod.finished;
  });
  if (gone === undefined) return undefined;
  const message = `${gone.name} is not what it was at ${gone.address} when the pods of ${network} were read`;
  return held("LookTooOld", message, { network });
}

/** The same, not asked where the pods were read just now, `from` ms since 1970. */
export async function stillThereSince(
  deps: Pick<Deps, "cluster" | "clock">,
  network: string,
  those: readonly Participant[],
  from: number,
): Promise<Held | undefined> {
  return deps.clock.now() - from <= LOOK_RECENT_MS ? undefined : stillThere(deps, network, those);
}
