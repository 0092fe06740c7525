import type { NetworkRecord } from "../store/contacts.ts";
import type { Purpose } from "./plan.ts";
import type { Deps } from "../deps.ts";
import type { Lease } from "../lease.ts";
import type { Pod } from "../pod/pod.ts";
import type { Scene } from "./scene.ts";

/** What a step is to bring about. */
export interface Wish extends Purpose {
  /** The pod whose peer should be in. */
  readonly joiner?: Pod;
  /** Addresses of peers that hung in the network that the joiner comes from: it may be waiting for them. */
  readonly shadows?: readonly string[];
  /** Addresses of the others in that network: it may be waiting for one that hangs, though nobody knows yet. */
  readonly suspects?: readonly string[];
  /** A leaver that is not a member any more. */
  readonly hasLeft?: { readonly address: string };
  /** False: what the joiner holds belongs to the network that it comes from. Default true. */
  readonly carry?: boolean;
}

/** A step that has the lease and has looked. */
export interface Step {
  readonly deps: Deps;
  readonly wish: Wish;
  readonly lease: Lease;
  readonly record: NetworkRecord;
  readonly scene: Scene;
}
