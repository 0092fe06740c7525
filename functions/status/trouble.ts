import type { LogEntry, NetworkView } from "../../lib/store/contacts.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { sharedInWords, sharerOf } from "../../lib/pod/shared-address.ts";
import { factsOf, type ReasonFacts } from "../../lib/reasons.ts";

export const podKey = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/** A step that changed nothing, and why. */
export const isStop = ({ outcome }: LogEntry): boolean => outcome === "held" || outcome === "refused";

/** A reason with the names and values of its case. */
export interface Finding {
  readonly reason: string;
  readonly message: string;
  /** Since when at the latest, RFC 3339; absent where nothing tells. */
  readonly since?: string;
}

/** What is not as it should be, for somebody who does not know klight. */
export interface Trouble extends Finding {
  /** What the reason means. */
  readonly says: string;
  readonly cure: string;
  /** True: it passes by itself, as far as klight can tell. */
  readonly mendsItself: boolean;
  /** It has lasted for longer than it may: somebody should look. */
  readonly needsHelp: boolean;
}

/** A reason that somebody else has written into the condition. */
const foreign: ReasonFacts = {
  says: "klight does not know this reason; somebody else has written it.",
  cure: "Look who writes the condition klight.dev/joined of this pod.",
  mendsItself: false,
  transient: false,
  mayLastMs: 0,
};

/** Another of these pods has this one's address; undefined: none has. */
export function addressShared(pod: Pod | undefined, pods: readonly Pod[]): Finding | undefined {
  const other = pod && sharerOf(pod, pods);
  return other && { reason: "AddressShared", message: sharedInWords(pod, other) };
}

/** A finding with what its reason means, and whether somebody should look. `now`: ms since 1970. */
export function explained(finding: Finding, now: number): Trouble {
  const { says, cure, mendsItself } = factsOf(finding.reason) ?? foreign;
  return { ...finding, says, cure, mendsItself, needsHelp: needsHelp(finding, now) };
}

/**
 * Should somebody look? The one place where that is decided, for page, command line and metrics: by the reason, and by
 * how long it has lasted. Where no time is known, only what may not last at all needs help.
 */
export function needsHelp({ reason, since }: Finding, now: number): boolean {
  const { mayLastMs } = factsOf(reason) ?? foreign;
  const lastedMs = since === undefined ? 0 : now - Date.parse(since);
  return lastedMs >= mayLastMs;
}

/**
 * A hold of the network that no sweep has told of again for so long, ms, is over: three periods of the sweep. What ends
 * it need not be written down.
 */
const HOLD_STANDS_MS = 15 * 60_000;

/** What is not as it should be in a network itself, beside pods that are not in. `now`: ms since 1970. */
export function troublesOf(view: NetworkView, now: number): readonly Trouble[] {
  const { intent, leased } = view;
  const hold = heldSince(view, now);
  const halfDone: Finding | undefined =
    intent && !leased
      ? { reason: "HalfDone", message: `a ${intent.kind} was left half-done`, since: intent.at }
      : undefined;
  const own = hold ?? halfDone;
  return [...silentMembers(view, now), ...(own ? [own] : [])].map((finding) => explained(finding, now));
}

/** Whether a member hangs or klight alone does not reach it, the store does not tell; the newest hold does. */
export const isUnreachable = ({ log: [newest] }: NetworkView): boolean =>
  newest !== undefined && isStop(newest) && newest.reason === "MemberUnreachable";

const silentMembers = (view: NetworkView, now: number): readonly Finding[] =>
  view.stack.flatMap((contact) => {
    const { hung } = view;
    const silentMs = hung[contact.incarnation];
    if (silentMs === undefined) return [];
    const message = `${podKey(contact)} at ${contact.address} does not answer`;
    const reason = isUnreachable(view) ? "MemberUnreachable" : "MemberHung";
    return [{ reason, message, since: new Date(now - silentMs).toISOString() }];
  });

/** The newest hold that is about no single pod, and since when there has been nothing else. */
function heldSince({ log }: NetworkView, now: number): Finding | undefined {
  const end = log.findIndex((entry) => !isStop(entry));
  const holds = (end < 0 ? log : log.slice(0, end)).filter(({ pod }) => pod === undefined);
  const [newest] = holds;
  if (newest === undefined || now - Date.parse(newest.at) > HOLD_STANDS_MS) return undefined;
  const { at: since } = oldestOf(holds, newest);
  return { reason: newest.reason, message: newest.message, since };
}

/** The beginning of the run of the same reason; log is newest first. */
function oldestOf(holds: readonly LogEntry[], newest: LogEntry): LogEntry {
  const other = holds.findIndex(({ reason }) => reason !== newest.reason);
  return holds[(other < 0 ? holds.length : other) - 1] ?? newest;
}
