import type { PodName } from "./outcome.ts";
import type { Peer } from "./peer.ts";
import type { Reason } from "./reasons.ts";

/** What the pod's own condition `klight.dev/joined` says, parsed; parts that it does not name are absent. */
export interface Joined {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  readonly network?: string;
  readonly incarnation?: string;
  readonly via?: string;
  readonly generation?: number;
}

/** What klight reads from a pod object. */
export interface Pod extends PodName {
  readonly uid: string;
  /** Network key; absent where the label is absent or empty. */
  readonly network?: string;
  /** `host:port`; absent without an IP or with a bad port. */
  readonly address?: string;
  readonly incarnation: string;
  readonly deleting: boolean;
  /** The pod's condition Ready. */
  readonly ready: boolean;
  /** Since when the pod is not Ready, in ms since 1970; absent where it is Ready or has no such condition. */
  readonly unreadySince?: number;
  readonly joined?: Joined;
  /** May its peer be joined now? */
  readonly admission:
    | { readonly tag: "peer"; readonly peer: Peer }
    | { readonly tag: "ignored"; readonly reason: Reason<"ignored">; readonly message: string };
}

/** Which pods are read, and how. */
export interface PodRules {
  readonly scope: "namespace" | "cluster";
  /** Empty: all. */
  readonly namespaces: readonly string[];
  readonly defaultPort: number;
}

/** `invalid`: not a pod object; each problem names the path and the value received. */
export type PodReading =
  | { readonly tag: "pod"; readonly pod: Pod }
  | { readonly tag: "invalid"; readonly problems: readonly string[] };
