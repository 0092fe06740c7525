import type { PodName } from "../outcome.ts";
import type { JoinedCondition } from "../pod/condition.ts";
import type { Pod } from "../pod/pod.ts";

export interface ClusterFailure {
  readonly tag: "failed";
  /** `forbidden`: RBAC; the message names verb and resource. */
  readonly kind: "unavailable" | "forbidden";
  readonly message: string;
}

export interface ClusterEvent {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export type Written = { readonly tag: "written" } | ClusterFailure;

/** `pod`: as it is now, which shows whether its label has changed; absent where it is gone or cannot be seen. */
export type ConditionWritten = { readonly tag: "written"; readonly pod?: Pod } | ClusterFailure;

/**
 * What klight asks of the API server and tells it. No call throws. A failure is never an empty list.
 */
export interface Cluster {
  /**
   * Labelled pods, of one network id or all; or those with one IP, labelled or not. In one namespace or all that klight
   * looks after; paged inside. `mentioning`: pods whose label and conditions do not have this network id in them may be
   * left out, and need not be such as can be read.
   */
  listPods(
    where: { readonly namespace?: string } & (
      | { readonly networkId?: string; readonly mentioning?: never; readonly ip?: never }
      | { readonly networkId?: never; readonly mentioning: string; readonly ip?: never }
      | { readonly networkId?: never; readonly mentioning?: never; readonly ip: string }
    ),
  ): Promise<{ readonly tag: "pods"; readonly pods: readonly Pod[] } | ClusterFailure>;
  /** One pod as it is now; undefined: there is none. */
  getPod(name: PodName): Promise<{ readonly tag: "pod"; readonly pod: Pod | undefined } | ClusterFailure>;
  /**
   * Writes the condition `klight.dev/joined`; the uid keeps a later pod of that name untouched, and a pod that is
   * gone counts as written. `joined`: what the condition says now, so that its time moves only with its status.
   */
  setCondition(
    pod: PodName & { readonly uid: string; readonly joined?: { readonly status: string } },
    condition: JoinedCondition,
  ): Promise<ConditionWritten>;
  /** Records a Kubernetes Event about the pod. */
  recordEvent(pod: PodName & { readonly uid: string }, event: ClusterEvent): Promise<Written>;
}

/** What klight tells of itself. */
export interface OwnEvents {
  /**
   * Records a Kubernetes Event about klight's own Knative Service, in its own namespace. Where nothing tells which that is,
   * as with a kubeconfig that names none, nothing is recorded and nothing has failed.
   */
  recordOwnEvent(event: ClusterEvent): Promise<Written>;
}
