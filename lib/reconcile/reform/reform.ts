import type { Contact } from "../../store/contacts.ts";
import type { Deps } from "../../deps.ts";
import { covers, type Lease, renew, tooOld } from "../../lease.ts";
import { held, type Held } from "../../outcome.ts";
import { QUIET_MS } from "../../timing.ts";
import { attempt, type Whole } from "./attempt.ts";
import { type Participant, type Participants, partMs, type Reforming, withBytes } from "./reforming.ts";

/** How often a re-form is tried before it is left for later. */
const ATTEMPTS = 3;

/** Who was to take part, and the network has gone on without it. */
export type LeftOut = Contact & { readonly why: string };

/** `touched`: peers may have been changed already, so the intent must stay. */
export type ReformEnd =
  | (Omit<Whole, "out"> & {
      readonly leftOut: readonly LeftOut[];
      /** Addresses of leavers that could not be frozen. */
      readonly uncome: readonly string[];
    })
  | { readonly tag: "held"; readonly outcome: Held; readonly touched: boolean };

/**
 * Brings a network back together: every living member and joiner gets one history and one list. Safe to repeat after
 * a crash at any point: no peer ever holds less than it did, and none of them calls another. `pod`: whom it is for.
 */
export async function reform(
  deps: Deps,
  lease: Lease,
  participants: Participants,
  pod?: Pick<Contact, "uid" | "namespace" | "name">,
): Promise<ReformEnd> {
  const { network } = lease;
  const at = new Date(deps.clock.now()).toISOString();
  const opened = await deps.seeds.open("reform");
  if (opened.tag === "failed") {
    return { tag: "held", outcome: held("SeedUnreachable", opened.message, { network }), touched: false };
  }
  const { seed } = opened;
  const about = pod && { pod: `${pod.namespace}/${pod.name}`, uid: pod.uid };
  const intent = { kind: "reform", at, seed: seed.address, ...about } as const;
  const extend = (ms: number): Promise<Held | undefined> => renew(deps, lease, intent, ms);
  const ensure = async (ms: number): Promise<Held | undefined> =>
    covers(deps, lease, ms) ? undefined : extend(ms);
  try {
    const lost = await extend(4 * partMs(deps));
    const late = lost ?? tooOld(deps, lease, participants.looked);
    if (late) return { tag: "held", outcome: late, touched: false };
    return await tryToReform({ deps, lease, seed, ensure, renew: extend }, participants);
  } finally {
    seed.close();
  }
}

async function tryToReform(reforming: Reforming, first: Participants): Promise<ReformEnd> {
  const { network } = reforming.lease;
  const failures: Failures = new Map();
  const leftOut: LeftOut[] = [];
  const uncome: string[] = [];
  let participants = first;
  let touched = false;
  let why = "";
  for (let number = 1; number <= ATTEMPTS; number += 1) {
    const end = await attempt(reforming, participants);
    if (end.tag === "whole") return ended(end, participants, { leftOut, uncome });
    touched ||= end.touched;
    if (end.tag === "held") return { ...end, touched };
    why = end.message;
    for (const part of end.missing) countFailure(failures, part);
    await reforming.deps.clock.sleep(QUIET_MS);
    const timeoutMs = withBytes(reforming.deps.settings.probeTimeoutMs, end.largest ?? 0);
    const absent = await absentOf(reforming, participants, { failures, timeoutMs });
    if (absent.tag === "refused") return { tag: "held", outcome: refusedHeld(network, absent.by), touched };
    leftOut.push(...absent.those.map((contact) => ({ ...contact, why: "it did not answer" })));
    // One that has failed may be another process next time; and what it stores alone, the others refuse by then.
    const leavers = participants.leavers.filter(
      ({ address }) => !end.missing.some((part) => part.address === address),
    );
    uncome.push(
      ...participants.leavers.filter((leaver) => !leavers.includes(leaver)).map(({ address }) => address),
    );
    participants = { ...withoutAbsent(participants, absent.those), leavers };
  }
  const message = `${network} is not whole after ${ATTEMPTS} attempts: ${why}`;
  return { tag: "held", outcome: held("ReformFailed", message, { network }), touched };
}

/** Who stayed out of the last attempt is left out, too. */
function ended(
  { list, newest, entries, refusedMs, out }: Whole,
  { members, joiners, leavers }: Participants,
  before: { readonly leftOut: readonly LeftOut[]; readonly uncome: readonly string[] },
): ReformEnd {
  const whyOf = (participant: Participant): string | undefined =>
    out.find((each) => each.participant === participant)?.why;
  const stayedOut = [...members, ...joiners].flatMap((contact) => {
    const why = whyOf(contact);
    return why === undefined ? [] : [{ ...contact, why }];
  });
  const uncome = leavers.filter((leaver) => whyOf(leaver) !== undefined).map(({ address }) => address);
  return {
    tag: "whole",
    list,
    newest,
    entries,
    refusedMs,
    leftOut: [...before.leftOut, ...stayedOut],
    uncome: [...before.uncome, ...uncome],
  };
}

/** A frozen network cannot wait for those who have failed so often, by missing their part or a health check after it. */
const FAILURES = 2;

/** How often each has failed, by incarnation. */
type Failures = Map<string, number>;

const countFailure = (failures: Failures, { incarnation }: Participant): void => {
  failures.set(incarnation, (failures.get(incarnation) ?? 0) + 1);
};

/**
 * Who has failed too often; one that was slow once is not left out. `refused`: a connection to this one is, which is no
 * death, and not for a re-form to judge: the pods must be read again.
 */
async function absentOf(
  { deps }: Reforming,
  participants: Participants,
  { failures, timeoutMs }: { readonly failures: Failures; readonly timeoutMs: number },
): Promise<
  | { readonly tag: "absent"; readonly those: readonly Contact[] }
  | { readonly tag: "refused"; readonly by: Participant }
> {
  const parts = [...participants.members, ...participants.joiners];
  const probes = await Promise.all(parts.map(({ address }) => deps.lightpeer.probe(address, timeoutMs)));
  const refused = parts.find((_, index) => probes[index] === "refused");
  if (refused) return { tag: "refused", by: refused };
  for (const [index, part] of parts.entries()) if (probes[index] !== "serving") countFailure(failures, part);
  return {
    tag: "absent",
    those: parts.filter((part) => (failures.get(part.incarnation) ?? 0) >= FAILURES),
  };
}

const refusedHeld = (network: string, { name, address }: Participant): Held =>
  held("LookTooOld", `connections to ${name} at ${address} are refused, while ${network} is re-formed`, {
    network,
  });

const withoutAbsent = (participants: Participants, absent: readonly Contact[]): Participants => ({
  ...participants,
  members: participants.members.filter((part) => !absent.includes(part)),
  joiners: participants.joiners.filter((part) => !absent.includes(part)),
});
