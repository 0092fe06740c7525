import { type Cause, cause } from "./cause.ts";
import type { NetworkRecord } from "./contacts/contacts.ts";
import type { Settings } from "./deps.ts";
import type { Held } from "./lease.ts";
import { networkBefore } from "./before.ts";
import type { Freshness, Newest } from "./lightpeer/lightpeer.ts";
import { held } from "./outcome.ts";
import type { Joiner, Scene, Seen } from "./scene.ts";

/** Why a step is taken. */
export interface Purpose {
  readonly network: string;
  /** A peer that goes to another network. */
  readonly leaver?: { readonly address: string; readonly incarnation: string; readonly name: string };
  /** Re-form in any case. */
  readonly cause?: Cause;
  /** A quiet network with a death may be visited. */
  readonly mayVisit?: boolean;
}

type HoldOrReform =
  { readonly tag: "hold"; readonly outcome: Held } | { readonly tag: "reform"; readonly cause: Cause };

/** What a step does next. `ask`: the joiner and a contact, then decide again; `rest`: nothing but to write it down. */
export type Move =
  | HoldOrReform
  | { readonly tag: "found" | "ask"; readonly joiner: Joiner }
  | { readonly tag: "visit" | "rest" };

/** `join`: plainly; `newest` is the digest of the contact's newest entry before it. */
export type JoinMove = HoldOrReform | { readonly tag: "join"; readonly newest: string };

/** What the joiner and the contact said before a join. */
export interface Answers {
  readonly joiner: Freshness;
  /** Not asked where the network has one member: that one may be fresh. */
  readonly contact: Freshness | undefined;
  readonly newest: Newest;
}

const hold = (...args: Parameters<typeof held>): HoldOrReform => ({ tag: "hold", outcome: held(...args) });

/** The first decision, from what was seen; pure. */
export function decide(purpose: Purpose, scene: Scene, record: NetworkRecord, settings: Settings): Move {
  const { network } = purpose;
  const { joiner, members, hung } = scene;
  const subject = { network, ...(joiner && { pod: joiner.pod }) };
  const [silent] = hung;
  if (silent) {
    const message = `${silent.namespace}/${silent.name} at ${silent.address} does not answer, its pod looks well`;
    return hold("MemberHung", message, subject, 5);
  }
  if (joiner && joiner.probe !== "serving") {
    const message = `the peer at ${joiner.peer.address} says ${joiner.probe} to a health check`;
    return hold("JoinerNotServing", message, subject, 5);
  }
  const must = causeOf(purpose, scene, record);
  if (must) return reformOr(must, subject, settings);
  if (!joiner)
    return purpose.mayVisit && record.deaths && members.length > 1 ? { tag: "visit" } : { tag: "rest" };
  if (members.length > 0) return { tag: "ask", joiner };
  // It stands alone, but not as a process that never was in a network: others may still be on its list.
  const before = networkBefore(joiner.pod);
  if (before !== undefined && !(before === network && joiner.pod.joined?.status === "True")) {
    return reformOr(cause("was-elsewhere", `${joiner.peer.name} was in a network before`), subject, settings);
  }
  return { tag: "found", joiner };
}

/** Why the network must be re-formed before anything else, if it must. */
function causeOf(purpose: Purpose, scene: Scene, { intent }: NetworkRecord): Cause | undefined {
  const [lost] = scene.lost;
  const [moved] = scene.moved;
  const { leaver } = purpose;
  if (intent)
    return cause("half-done", `a ${intent.kind} for ${intent.pod ?? "the network"} was left half-done`);
  if (lost) return cause("given-up", `${lost.namespace}/${lost.name} has not answered for too long`);
  if (moved) return cause("moved-away", `${moved.namespace}/${moved.name} has gone to another network`);
  if (leaver && scene.members.length > 0)
    return cause("moved-away", `${leaver.name} goes to another network`);
  return purpose.cause;
}

/** The second decision, from what the peers said; pure. */
export function decideJoin(
  { network }: Purpose,
  scene: Scene,
  record: NetworkRecord,
  { settings, joiner, answers }: { settings: Settings; joiner: Joiner; answers: Answers },
): JoinMove {
  const { pod, peer } = joiner;
  const subject = { network, pod };
  const contact = scene.members.at(-1)?.contact.name ?? "";
  if (answers.joiner === "silent") {
    return hold("PeerNotAnswering", `${peer.address} does not say whether it is fresh`, subject);
  }
  const wasIn = answers.joiner === "unimplemented" && networkBefore(pod) !== undefined;
  if (answers.joiner === "chained" || wasIn) {
    return reformOr(cause("has-chain", `${peer.name} has a chain already`), subject, settings);
  }
  if (answers.contact === "fresh")
    return reformOr(cause("lost-chain", `${contact} has lost its chain`), subject, settings);
  if (answers.contact === "silent" || answers.newest.tag === "failed") {
    return hold("PeerNotAnswering", `the contact ${contact} does not answer a question`, subject);
  }
  const { digest } = answers.newest;
  if (settings.reform === "on" && scene.members.length > 1) {
    if (settings.joinMode === "reform") {
      return { tag: "reform", cause: cause("configured", "KLIGHT_JOIN makes every join a re-form") };
    }
    if (settings.joinMode === "auto" && record.newest !== digest) {
      return { tag: "reform", cause: cause("storing", "an application stores in it") };
    }
  }
  return { tag: "join", newest: digest };
}

function reformOr(why: Cause, subject: Parameters<typeof held>[2], settings: Settings): HoldOrReform {
  if (settings.reform === "on") return { tag: "reform", cause: why };
  return hold("NeedsReform", `${why.text}, and KLIGHT_REFORM is off`, subject, 30);
}

/** Contacts in the order in which they are tried: newest first, those being deleted late, the oldest last. */
export function contactsToTry({ members, joiner }: Scene): readonly Seen[] {
  const [oldest, ...others] = members.filter(({ contact }) => contact.address !== joiner?.peer.address);
  const newestFirst = others.toReversed();
  const staying = newestFirst.filter(({ pod }) => !pod?.deleting);
  const leaving = newestFirst.filter(({ pod }) => pod?.deleting);
  return [...staying, ...leaving, ...(oldest ? [oldest] : [])];
}
