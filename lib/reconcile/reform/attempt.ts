import { held } from "../../outcome.ts";
import type { Contact } from "../../store/contacts.ts";
import { newestOf } from "./newest-entries.ts";
import { freeze, type Freezing } from "./freeze.ts";
import { measure } from "./gather.ts";
import { goLive, liveMs } from "./go-live.ts";
import { handOver } from "./hand-over.ts";
import {
  allOf,
  attemptAgain,
  namesOf,
  type Participants,
  partMs,
  type Reforming,
  type StayedOut,
  type Stopped,
  stoppedBy,
  withBytes,
} from "./reforming.ts";
import { stillThereSince } from "./still-there.ts";

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
  /** Who lives, and could not take part to the end. */
  readonly out: readonly StayedOut[];
}

/** How often newest entries are compared: an application may be storing again. */
const COMPARISONS = 4;
const COMPARE_PAUSE_MS = 50;

/** One attempt: measure, freeze, wait, gather, hand over, go live, check. However it ends, no peer still waits. */
export async function attempt(reforming: Reforming, participants: Participants): Promise<Whole | Stopped> {
  const { deps } = reforming;
  if (participants.members.length + participants.joiners.length === 0) {
    return attemptAgain([], "nobody is left to re-form");
  }
  const measured = await measure(reforming, participants);
  if (measured.tag !== "measured") return measured;
  const giveBack = await deps.histories.take(measured.bytes, deps.settings.waitMs);
  if (giveBack === undefined) return noRoom(reforming, measured.bytes);
  try {
    // Reading a long history, waiting for memory or an attempt before this one takes time.
    const { network } = reforming.lease;
    const old = await stillThereSince(deps, network, allOf(participants), participants.looked.from);
    if (old) return stoppedBy(old, false);
    const end = await moveAll(reforming, participants, measured.bytes);
    return end.tag === "whole" ? end : { ...end, largest: measured.bytes };
  } finally {
    giveBack();
  }
}

/** `largest`: what the longest history costs to hold, bytes; each peer tells as much and takes it in. */
async function moveAll(
  reforming: Reforming,
  participants: Participants,
  largest: number,
): Promise<Whole | Stopped> {
  const { deps } = reforming;
  const { members, joiners, leavers } = participants;
  const bytes = largest * (members.length + joiners.length + leavers.length);
  // To tell, to take in, and for whoever waits for one that does not.
  const timeoutMs = 2 * partMs(deps, bytes) + withBytes(0, bytes);
  // A word with the store while the network is frozen would keep it so for longer.
  const lost = await reforming.ensure(timeoutMs + liveMs(reforming, { largest }));
  if (lost) return stoppedBy(lost, false);
  const since = deps.clock.now();
  const freezing: Freezing = {
    token: deps.newToken(),
    largest,
    bytes,
    until: since + timeoutMs,
    frozen: [],
    since,
  };
  const end =
    (await freeze(reforming, participants, freezing)) ?? (await handOver(reforming, participants, freezing));
  if (end.tag !== "handed-over") {
    for (const { call } of freezing.frozen) call.refuse();
    await Promise.all(freezing.frozen.map(({ joining }) => joining));
    return end;
  }
  const { entries, out } = end;
  const list = [...members, ...joiners].filter(
    (each) => !out.some(({ participant }) => participant === each),
  );
  const late = await goLive(reforming, list, freezing);
  if (late) return late;
  const refusedMs = deps.clock.now() - freezing.since;
  return checkNewest(reforming, largest, { list, entries, refusedMs, out });
}

function noRoom({ lease: { network } }: Reforming, bytes: number): Stopped {
  const message = `the history of ${network} takes ${bytes} bytes, and other networks are being re-formed with that memory now`;
  return stoppedBy(held("HistoriesBusy", message, { network }), false);
}

/** The network is live. Its newest entries must be equal, but for one that is just on its way. */
async function checkNewest(
  { deps }: Reforming,
  largest: number,
  made: Omit<Whole, "tag" | "newest">,
): Promise<Whole | Stopped> {
  const timeoutMs = withBytes(deps.settings.probeTimeoutMs, largest);
  for (let left = COMPARISONS; ; left -= 1) {
    const { digests, silent } = await newestOf(deps, made.list, timeoutMs);
    if (silent.length > 0) return attemptAgain(silent, `${namesOf(silent)} did not answer afterwards`);
    const [digest = "", ...others] = digests;
    if (others.length === 0) return { tag: "whole", newest: digest, ...made };
    if (left === 1) return attemptAgain([], "newest entries differ afterwards");
    await deps.clock.sleep(COMPARE_PAUSE_MS);
  }
}
