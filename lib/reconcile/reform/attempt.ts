import type { Contact } from "../../store/contacts.ts";
import { newestOf } from "../newest-entries.ts";
import { freeze, type Freezing } from "./freeze.ts";
import { measure } from "./gather.ts";
import { goLive, liveMs } from "./go-live.ts";
import { handOver } from "./hand-over.ts";
import {
  again,
  type Participants,
  namesOf,
  partMs,
  type Reforming,
  type Stopped,
  stoppedBy,
} from "./reforming.ts";

/** A network as one attempt has made it. */
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

/** One attempt: measure, freeze, wait, gather, hand over, go live, check. However it ends, no peer still waits. */
export async function attempt(reforming: Reforming, participants: Participants): Promise<Whole | Stopped> {
  const { deps } = reforming;
  const list = [...participants.members, ...participants.joiners];
  if (list.length === 0) return again([], "nobody is left to re-form");
  const measured = await measure(reforming, participants);
  if (measured.tag !== "measured") return measured;
  const times = { gatherMs: partMs(deps, measured.bytes), liveMs: liveMs(reforming) };
  const timeoutMs = partMs(deps, 2 * measured.bytes) + times.gatherMs;
  // A word with the store while the network is frozen would keep it so for longer.
  const lost = await reforming.ensure(timeoutMs + times.liveMs);
  if (lost) return stoppedBy(lost, false);
  const freezing: Freezing = { token: deps.newToken(), timeoutMs, frozen: [], since: deps.clock.now() };
  const end =
    (await freeze(reforming, participants, freezing)) ??
    (await handOver(reforming, participants, freezing, times));
  if (end.tag !== "handed-over") {
    for (const { call } of freezing.frozen) call.refuse();
    await Promise.all(freezing.frozen.map(({ joining }) => joining));
    return end;
  }
  const late = await goLive(reforming, list, freezing.token);
  if (late) return late;
  const refusedMs = deps.clock.now() - freezing.since;
  return check(reforming, list, { entries: end.entries, refusedMs });
}

/** The network is live. Its newest entries must be equal, but for one that is just on its way. */
async function check(
  reforming: Reforming,
  list: readonly Contact[],
  counted: Pick<Whole, "entries" | "refusedMs">,
): Promise<Whole | Stopped> {
  const { clock } = reforming.deps;
  for (let left = COMPARISONS; ; left -= 1) {
    const { digests, silent } = await newestOf(reforming.deps, list);
    if (silent.length > 0) return again(silent, `${namesOf(silent)} did not answer afterwards`);
    const [digest = "", ...others] = digests;
    if (others.length === 0) return { tag: "whole", list, newest: digest, ...counted };
    if (left === 1) return again([], "newest entries differ afterwards");
    await clock.sleep(COMPARE_PAUSE_MS);
  }
}
