import type { Contact } from "../../store/contacts.ts";
import { covers } from "../../lease.ts";
import { liveBlockOf } from "./chain.ts";
import type { Freezing } from "./freeze.ts";
import { attemptAgain, missed, partMs, type Reforming, type Stopped } from "./reforming.ts";

/** How long the two notifications after another may take, ms. */
export const liveMs = ({ deps }: Reforming, { largest }: Pick<Freezing, "largest">): number =>
  2 * partMs(deps, largest);

/**
 * Takes the seed out of the list. All but the first are told of a list that begins with the first, and as long as that
 * one has not heard of it, it refuses what they store, and the seed what it stores. When it is told too, the network is
 * live and whole. A peer that is not on the chain that it was handed refuses the block. Undefined: all took it.
 */
export async function goLive(
  reforming: Reforming,
  list: readonly Contact[],
  { token, largest }: Freezing,
): Promise<Stopped | undefined> {
  const { deps, lease } = reforming;
  const block = liveBlockOf(
    token,
    list.map(({ address }) => address),
  );
  const timeoutMs = partMs(deps, largest);
  for (const group of [list.slice(1), list.slice(0, 1)]) {
    if (!covers(deps, lease, timeoutMs)) return attemptAgain([], "the lease ran short");
    const told = await Promise.all(
      group.map(async (part) => {
        const end = await deps.lightpeer.notify(part.address, block, timeoutMs);
        return end.tag === "accepted"
          ? []
          : [missed(part, `${part.name} is not on its chain: ${end.message}`)];
      }),
    );
    const [first, ...others] = told.flat();
    if (first) return { ...first, missing: [first, ...others].flatMap(({ missing }) => missing) };
  }
  return undefined;
}
