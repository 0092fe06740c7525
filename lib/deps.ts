import type { Cause } from "./reconcile/cause.ts";
import type { Clock } from "./clock.ts";
import type { Cluster } from "./cluster/cluster.ts";
import type { Contacts } from "./store/contacts.ts";
import type { Lightpeer, Seeds } from "./peers/lightpeer.ts";
import type { Log } from "./log.ts";
import type { MemoryBudget } from "./memory-budget.ts";
import type { Turns } from "./keyed-queue.ts";

/** The settings that a step reads; times in ms, sizes in bytes. */
export interface Settings {
  readonly joinMode: "auto" | "plain" | "reform";
  readonly reform: "on" | "off";
  readonly historyLimit: number;
  readonly probeTimeoutMs: number;
  readonly joinTimeoutMs: number;
  /** How long a step waits for its turn. */
  readonly waitMs: number;
}

/** All that a step needs from outside. */
export interface Deps {
  readonly contacts: Contacts;
  readonly lightpeer: Lightpeer;
  readonly seeds: Seeds;
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Steps of one network in this process wait for each other here, before they ask for the lease. */
  readonly turns: Turns;
  /** For histories of networks that are re-formed, `historyLimit` for all at once. */
  readonly histories: MemoryBudget;
  /** A new random token; no two are the same. */
  readonly newToken: () => string;
  readonly log: Log;
  readonly settings: Settings;
  /** Told of every re-form when it has ended, for whoever counts them. */
  readonly onReform?: (reform: ReformTold) => void;
}

/** How a re-form ended. */
export interface ReformTold {
  readonly cause: Cause;
  readonly isWhole: boolean;
  readonly ms: number;
  /** For how long, in ms, nobody could store in the network; 0: it did not come to that, or is not known to have ended. */
  readonly refusedMs: number;
}
