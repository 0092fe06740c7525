import type { Contact } from "../../store/contacts.ts";
import type { Deps } from "../../deps.ts";
import { covers, type Held, type Lease, renew, tooOld } from "../../lease.ts";
import { held } from "../../outcome.ts";
import { QUIET_MS } from "../../timing.ts";
import { attempt, type Whole } from "./attempt.ts";
import { type Participants, partMs, type Participant, type Reforming } from "./reforming.ts";

/** How often a re-form is tried before it is left for later. */
const ATTEMPTS = 3;

/** No attempt begins so long after the look at the network: addresses may have gone to other pods by then. */
const ATTEMPTS_MS = 8_000;

/** `touched`: peers may have been changed already, so the intent must stay. */
export type ReformEnd =
  | (Whole & {
      readonly leftOut: readonly Contact[];
      /** Addresses of leavers that could not be frozen. */
      readonly uncome: readonly string[];
    })
  | { readonly tag: "held"; readonly outcome: Held; readonly touched: boolean };

/**
 * Brings a network back in participant: every living member and joiner gets one history and one list. Safe to repeat after
 * a crash at any point: no peer ever holds less than it did, and none of them calls another. `pod` is whom it is for.
 */
export async function reform(
  deps: Deps,
  lease: Lease,
  participants: Participants,
  pod?: string,
): Promise<ReformEnd> {
  const { network } = lease;
  const at = new Date(deps.clock.now()).toISOString();
  const opened = await deps.seeds.open("reform");
  if (opened.tag === "failed") {
    return { tag: "held", outcome: held("SeedUnreachable", opened.message, { network }), touched: false };
  }
  const { seed } = opened;
  const intent = { kind: "reform", at, seed: seed.address, ...(pod !== undefined && { pod }) } as const;
  const extend = (ms: number): Promise<Held | undefined> => renew(deps, lease, intent, ms);
  const ensure = async (ms: number): Promise<Held | undefined> =>
    covers(deps, lease, ms) ? undefined : extend(2 * ms);
  try {
    const lost = await extend(4 * partMs(deps, 0));
    const late = lost ?? tooOld(deps, lease, participants.looked);
    if (late) return { tag: "held", outcome: late, touched: false };
    return await tryToReform({ deps, lease, seed, ensure, renew: extend }, participants);
  } finally {
    seed.close();
  }
}

async function tryToReform(reforming: Reforming, first: Participants): Promise<ReformEnd> {
  const failures: Failures = new Map();
  const leftOut: Contact[] = [];
  const uncome: string[] = [];
  let participants = first;
  let touched = false;
  let why = "";
  for (let number = 1; number <= ATTEMPTS; number += 1) {
    const old = number > 1 && reforming.deps.clock.now() - participants.looked.from > ATTEMPTS_MS;
    if (old) return tooLate(reforming, why);
    const end = await attempt(reforming, participants);
    if (end.tag === "whole") return { ...end, leftOut, uncome };
    touched ||= end.touched;
    if (end.tag === "held") return { ...end, touched };
    why = end.message;
    for (const part of end.missing) fail(failures, part);
    await reforming.deps.clock.sleep(QUIET_MS);
    const absent = await absentOf(reforming, participants, failures);
    leftOut.push(...absent);
    // One that has failed may be another process next time; and what it stores alone, the others refuse by then.
    const leavers = participants.leavers.filter(
      ({ address }) => !end.missing.some((part) => part.address === address),
    );
    uncome.push(
      ...participants.leavers.filter((leaver) => !leavers.includes(leaver)).map(({ address }) => address),
    );
    participants = { ...without(participants, absent), leavers };
  }
  const { network } = reforming.lease;
  const message = `${network} is not whole after ${ATTEMPTS} attempts: ${why}`;
  return { tag: "held", outcome: held("ReformFailed", message, { network }), touched };
}

function tooLate({ lease: { network } }: Reforming, why: string): ReformEnd {
  const message = `the re-form of ${network} took more than ${ATTEMPTS_MS} ms: ${why}`;
  return { tag: "held", outcome: held("LookTooOld", message, { network }), touched: true };
}

/** A frozen network cannot wait for those who have failed so often, by missing their part or a health check after it. */
const FAILURES = 2;

/** How often each has failed, by incarnation. */
type Failures = Map<string, number>;

const fail = (failures: Failures, { incarnation }: Participant): void => {
  failures.set(incarnation, (failures.get(incarnation) ?? 0) + 1);
};

/** Who is gone, or has failed too often; one that was slow once is not left out. */
async function absentOf(
  { deps }: Reforming,
  participants: Participants,
  failures: Failures,
): Promise<readonly Contact[]> {
  const parts = [...participants.members, ...participants.joiners];
  const timeoutMs = deps.settings.probeTimeoutMs;
  const probes = await Promise.all(parts.map(({ address }) => deps.lightpeer.probe(address, timeoutMs)));
  for (const [index, part] of parts.entries()) if (probes[index] !== "serving") fail(failures, part);
  return parts.filter(
    (part, index) => probes[index] === "refused" || (failures.get(part.incarnation) ?? 0) >= FAILURES,
  );
}

const without = (participants: Participants, absent: readonly Contact[]): Participants => ({
  ...participants,
  members: participants.members.filter((part) => !absent.includes(part)),
  joiners: participants.joiners.filter((part) => !absent.includes(part)),
});
