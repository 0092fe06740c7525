import type { Change, Intent, NetworkRecord, StepPod } from "./store/contacts.ts";
import type { Deps } from "./deps.ts";
import { type Held, held, type Subject } from "./outcome.ts";
import { LEASE_MARGIN_MS, LOOK_GOOD_MS, LOOK_LEASE_MS, PROBES_GOOD_MS } from "./timing.ts";

/** The right to change one network, for a while. */
export interface Lease {
  readonly network: string;
  readonly token: string;
  /** Until when nobody else can have it, in ms of the clock port. Counted from before the request was sent. */
  until: number;
}

type Taken =
  | { readonly tag: "leased"; readonly lease: Lease; readonly record: NetworkRecord }
  | { readonly tag: "member" }
  | { readonly tag: "elsewhere"; readonly network: string }
  | { readonly tag: "held"; readonly outcome: Held };

/** First pause between two tries for a lease that another process has; it doubles up to the second one. */
const FIRST_PAUSE_MS = 25;
const LONGEST_PAUSE_MS = 200;

/** Takes the lease of a network, waiting for another holder up to `KLIGHT_WAIT_MS`. */
export async function takeLease(deps: Deps, network: string, pod?: StepPod): Promise<Taken> {
  const { contacts, clock, settings } = deps;
  const token = deps.newToken();
  const giveUp = clock.now() + settings.waitMs;
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
    const sent = clock.now();
    const begun = await contacts.begin(network, token, LOOK_LEASE_MS, pod);
    switch (begun.tag) {
      case "leased":
        return {
          tag: "leased",
          lease: { network, token, until: sent + LOOK_LEASE_MS },
          record: begun.record,
        };
      case "member":
      case "elsewhere":
        return begun;
      case "failed":
        return { tag: "held", outcome: held("StoreUnavailable", begun.message, { network }) };
      case "busy":
        if (clock.now() + pause > giveUp) {
          const message = `another step has had the lease of ${network} for all of ${settings.waitMs} ms`;
          return { tag: "held", outcome: held("NetworkBusy", message, { network }) };
        }
        await clock.sleep(pause);
    }
  }
}

/**
 * Writes what is about to be done and makes sure that the lease covers `ms` of it. Undefined: go on, but start
 * nothing that may take longer. Else somebody else may have the network: change nothing more.
 */
export async function renew(deps: Deps, lease: Lease, intent: Intent, ms: number): Promise<Held | undefined> {
  const { contacts, clock } = deps;
  const subject: Subject = { network: lease.network };
  for (let attempt = 0; attempt < 3; attempt += 1) {
    const sent = clock.now();
    const marked = await contacts.mark(lease.network, lease.token, ms + LEASE_MARGIN_MS, intent);
    if (marked.tag === "failed") return held("StoreUnavailable", marked.message, subject);
    if (marked.tag === "lost") break;
    lease.until = sent + ms + LEASE_MARGIN_MS;
    if (covers(deps, lease, ms)) return undefined;
  }
  return held("LeaseLost", `another step has taken over ${lease.network}`, subject);
}

/** When the pods of a network were read, and when the last probes had been answered; ms of the clock. */
export interface Looked {
  readonly from: number;
  readonly to: number;
}

/** A change that begins too long after the look would begin blindly. Undefined: it is fresh enough. */
export function tooOld({ clock }: Deps, { network }: Lease, { from, to }: Looked): Held | undefined {
  const now = clock.now();
  if (now - to <= PROBES_GOOD_MS && now - from <= LOOK_GOOD_MS) return undefined;
  const [pods, probes] = [from, to].map((at) => `${Math.round(now - at)} ms`);
  const message = `${pods} have passed since the look at the pods of ${network}, ${probes} since the last probes`;
  return held("LookTooOld", message, { network });
}

/** Does the lease still cover something that takes `ms`? Asked right before every call that changes a peer. */
export const covers = (deps: Deps, lease: Lease, ms: number): boolean => deps.clock.now() + ms <= lease.until;

/** Writes the change and gives the lease back. Undefined: written. */
export async function giveBack(deps: Deps, lease: Lease, change: Change): Promise<Held | undefined> {
  const done = await deps.contacts.commit(lease.network, lease.token, change);
  const subject: Subject = { network: lease.network };
  if (done.tag === "failed") return held("StoreUnavailable", done.message, subject);
  if (done.tag === "late") return held("LeaseLost", `another step has taken over ${lease.network}`, subject);
  return undefined;
}
