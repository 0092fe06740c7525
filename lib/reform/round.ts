import type { Contact } from "../contacts/contacts.ts";
import { newestOf } from "../newest.ts";
import { chainOf } from "./chain.ts";
import { freeze } from "./freeze.ts";
import { mergeHistories } from "./history.ts";
import {
  again,
  bytesOf,
  type Cast,
  type Entries,
  namesOf,
  partMs,
  sendToSeed,
  type Stage,
  type Stopped,
  stoppedBy,
  tooLarge,
} from "./stage.ts";

/** A network as one round has made it. */
export interface Whole {
  readonly tag: "whole";
  /** The new list, oldest first. */
  readonly list: readonly Contact[];
  /** Digest of the newest entry. */
  readonly newest: string;
  readonly entries: number;
  /** How long the network refused writes, ms. */
  readonly refusedMs: number;
}

/** How often newest entries are compared: an application may be storing again. */
const COMPARISONS = 4;
const COMPARE_PAUSE_MS = 50;

/**
 * One round: freeze, wait, query, move, go live, check. While the first of the new list (B) has not taken the whole
 * chain nobody can store; in the moment it has, the network is live and whole.
 */
export async function playRound(stage: Stage, cast: Cast): Promise<Whole | Stopped> {
  const [a, b, ...rest] = [...cast.members, ...cast.joiners];
  if (a === undefined) return again([], "nobody is left to re-form");
  const { clock } = stage.deps;
  // A word with the store while the network is frozen would keep it so for longer.
  const lost = await stage.ensure(gatherMs(stage));
  if (lost) return stoppedBy(lost, false);
  let since = clock.now();
  let held: readonly Entries[] = [];
  let unasked: readonly Contact[] = cast.carry || cast.members.includes(a) ? [a] : [];
  if (b !== undefined) {
    const frozen = await freeze(stage, cast, a, b);
    if (frozen.tag !== "frozen") return frozen;
    since = clock.now();
    held = frozen.histories;
    unasked = [b, ...rest].filter((part) => !frozen.peers.some(({ place }) => place === part));
  }
  const gathered = await gather(stage, unasked, held);
  if (gathered.tag !== "gathered") return gathered;
  const list = b === undefined ? [a] : [b, a, ...rest];
  const stopped = await move(stage, list, gathered.entries);
  if (stopped) return stopped;
  const refusedMs = clock.now() - since;
  return check(stage, list, { entries: gathered.entries.length, refusedMs });
}

/** A little more than the limit: the network is frozen already, and stopping would keep it so. */
const takenAtMost = ({ deps }: Stage): number => 2 * deps.settings.historyLimit;
const gatherMs = (stage: Stage): number => partMs(stage.deps, takenAtMost(stage));

/** Everything that is stored, now that nobody can store any more. */
async function gather(
  stage: Stage,
  parts: readonly Contact[],
  held: readonly Entries[],
): Promise<{ readonly tag: "gathered"; readonly entries: Entries } | Stopped> {
  const { deps } = stage;
  const limit = takenAtMost(stage);
  const timeoutMs = gatherMs(stage);
  const lost = await stage.ensure(timeoutMs);
  if (lost) return stoppedBy(lost);
  const histories = await Promise.all(
    parts.map(({ address }) => deps.lightpeer.history(address, limit, timeoutMs)),
  );
  const missing = parts.filter((_, index) => histories[index]?.tag === "failed");
  if (missing.length > 0) return again(missing, `no history from ${namesOf(missing)}`);
  const large = parts.find((_, index) => histories[index]?.tag === "too-large");
  if (large) return tooLarge(stage, large, true);
  const read = histories.flatMap((history) => (history.tag === "history" ? [history.entries] : []));
  return { tag: "gathered", entries: mergeHistories([...held, ...read]) };
}

/** All but the first take the whole chain at once, then the first. */
async function move(stage: Stage, list: readonly Contact[], entries: Entries): Promise<Stopped | undefined> {
  const [first, ...others] = list;
  const chain = chainOf(
    stage.deps.newToken(),
    entries,
    list.map(({ address }) => address),
  );
  const timeoutMs = partMs(stage.deps, bytesOf(entries));
  for (const group of [others, first === undefined ? [] : [first]]) {
    for (const { address } of group) stage.seed.serve(address, chain);
    const ends = await Promise.all(group.map((part) => sendToSeed(stage, part, timeoutMs)));
    const lost = ends.find((end) => end?.tag === "held" && end.outcome.reason !== "SeedUnreachable");
    if (lost) return lost;
    const missing = group.filter((_, index) => ends[index] !== undefined);
    if (missing.length > 0) return again(missing, `${namesOf(missing)} did not take the chain`);
  }
  return undefined;
}

async function check(
  stage: Stage,
  list: readonly Contact[],
  counted: Pick<Whole, "entries" | "refusedMs">,
): Promise<Whole | Stopped> {
  const { clock } = stage.deps;
  for (let left = COMPARISONS; ; left -= 1) {
    const { digests, silent } = await newestOf(stage.deps, list);
    if (silent.length > 0) return again(silent, `${namesOf(silent)} did not answer afterwards`);
    const [digest = "", ...others] = digests;
    if (others.length === 0) return { tag: "whole", list, newest: digest, ...counted };
    if (left === 1) return again([], "newest entries differ afterwards");
    await clock.sleep(COMPARE_PAUSE_MS);
  }
}
