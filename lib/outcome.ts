import type { Reason } from "./reasons.ts";

/** What names a pod: enough to find it again, nothing that may have changed since. */
export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** A pod that can be told something: a later one of that name is another. */
export interface PodLife extends PodName {
  readonly uid: string;
}

/** The pod and network that an outcome is about, where they are known. */
export interface Subject {
  readonly pod?: PodName;
  /** Network key: `NAMESPACE/ID`, or `ID` with `KLIGHT_SCOPE=cluster`. */
  readonly network?: string;
}

type Of<Name extends string, Extra = unknown> = Subject & {
  readonly name: Name;
  readonly reason: Reason<Name>;
  /** One sentence with the names and values of this case; never a secret. */
  readonly message: string;
  /** Pods that it is about, too, and that are told. */
  readonly beside?: readonly PodLife[];
} & Extra;

/**
 * How one step ended. Every step ends in exactly one of these; none is thrown.
 *
 * - `ignored`: nothing to do for this event, nothing was called.
 * - `member`: the peer is in its network already.
 * - `founded`: the peer stands alone and is the first contact of its network.
 * - `joined`: one plain JoinNetwork put it in.
 * - `reformed`: the network was re-formed, with the peer in it if there was one.
 * - `left`: the pod is off the stack.
 * - `refused`: klight will not do it with these settings; asking again changes nothing before `retryAfterS` seconds, if ever.
 * - `held`: nothing is changed now; come back after `retryAfterS` seconds.
 */
export type Outcome =
  | Of<"ignored">
  | Of<"member">
  | Of<"founded", { readonly generation: number }>
  | Of<"joined", { readonly via: string; readonly generation: number }>
  | Of<"reformed", { readonly generation: number }>
  | Of<"left">
  | Of<"refused", { readonly retryAfterS?: number }>
  | Of<"held", { readonly retryAfterS: number }>;

/** A step that changes nothing now. */
export type Held = Extract<Outcome, { name: "held" }>;

/** A step that changes nothing now. `retryAfterS` is what Retry-After tells the sender, in seconds. */
export const held = (
  reason: Reason<"held">,
  message: string,
  subject: Subject = {},
  retryAfterS = 2,
): Extract<Outcome, { name: "held" }> => ({ ...subject, name: "held", reason, message, retryAfterS });

/** The pod and the network of an outcome, for another one about the same. */
export const subjectOf = ({ pod, network }: Outcome): Subject => ({
  ...(pod && { pod }),
  ...(network !== undefined && { network }),
});
