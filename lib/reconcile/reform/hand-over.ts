import { covers } from "../../lease.ts";
import { UNDER_WAY_AT_MOST_MS, UNDER_WAY_MS } from "../../timing.ts";
import { bodyOf } from "./chain.ts";
import type { Freezing, Frozen } from "./freeze.ts";
import { gather, type Gathered } from "./gather.ts";
import { again, type Participants, missed, type Reforming, type Stopped, stoppedBy } from "./reforming.ts";

interface Times {
  /** How long a peer may take to tell what it holds, ms. */
  readonly gatherMs: number;
  /** What comes after this needs so much of the lease, ms. */
  readonly liveMs: number;
}

/**
 * Gathers what the frozen peers hold and gives it to all of them. The moment their streams end they are on the new
 * chain, and that only if nothing was stored since the gathering: a Persist that began before its peer was frozen may
 * end late, and a health check may bring an old list back.
 */
export async function handOver(
  reforming: Reforming,
  participants: Participants,
  { token, frozen }: Freezing,
  { gatherMs, liveMs }: Times,
): Promise<Stopped | { readonly tag: "handed-over"; readonly entries: number }> {
  const { deps, lease } = reforming;
  const [lost] = await Promise.all([reforming.renew(liveMs), waitForPersists(reforming, frozen)]);
  // A store that is away tells nothing, and the lease may be long enough all the same.
  if (lost?.reason === "LeaseLost") return stoppedBy(lost);
  const gathered = await gather(reforming, participants, frozen, gatherMs);
  if (gathered.tag !== "gathered") return gathered;
  const { entries, held } = gathered;
  const shared = bodyOf(token, entries);
  const bodies = frozen.map((peer) =>
    peer.token === token ? shared : bodyOf(peer.token, held.get(peer.participant)?.entries ?? []),
  );
  await Promise.all(frozen.map(({ call }, index) => call.send(bodies[index] ?? [])));
  const changed = await changedSince(reforming, gathered);
  if (changed) return again([], `${changed} has stored or is silent since it was asked`);
  if (!covers(deps, lease, liveMs)) return again([], "the lease ran short");
  for (const { call } of frozen) call.finish();
  const ends = await Promise.all(frozen.map(({ joining }) => joining));
  const failed = frozen.flatMap(({ participant }, index) => {
    const end = ends[index];
    return end?.tag === "joined"
      ? []
      : [missed(participant, `${participant.address} did not take its chain: ${end?.message}`)];
  });
  const [first] = failed;
  if (first === undefined) return { tag: "handed-over", entries: entries.length };
  return { ...first, missing: failed.flatMap(({ missing }) => missing) };
}

/**
 * For what was under way when its peer was frozen. A Persist tells one member after the other, so peers that are slow to
 * answer now get longer.
 */
async function waitForPersists({ deps }: Reforming, frozen: readonly Frozen[]): Promise<void> {
  const { clock, lightpeer, settings } = deps;
  const from = clock.now();
  await Promise.all(
    frozen.map(({ participant }) => lightpeer.probe(participant.address, settings.probeTimeoutMs)),
  );
  const tookMs = clock.now() - from;
  const enoughMs = Math.min((frozen.length + 1) * tookMs, UNDER_WAY_AT_MOST_MS);
  await clock.sleep(Math.max(UNDER_WAY_MS, enoughMs) - tookMs);
}

/** The address of a peer whose newest entry is not what it was. */
async function changedSince({ deps }: Reforming, { held }: Gathered): Promise<string | undefined> {
  const { lightpeer, settings } = deps;
  const same = await Promise.all(
    [...held].map(async ([{ address }, { digest }]) => {
      const newest = await lightpeer.newest(address, settings.probeTimeoutMs);
      return newest.tag === "newest" && newest.digest === digest ? [] : [address];
    }),
  );
  return same.flat()[0];
}
