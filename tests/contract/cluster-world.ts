import type { IPod } from "kubernetes-models/v1/Pod";
import type { Clock } from "../../lib/clock.ts";
import type { Cluster, OwnEvents } from "../../lib/cluster/cluster.ts";
import type { Log } from "../../lib/log.ts";
import type { PodRules } from "../../lib/pod/pod.ts";
import type { KubeletStore } from "../harness/api-server/kubelet.ts";
import type { StoredEvent } from "../harness/api-server/new-event.ts";
import type { PodObject } from "../harness/api-server/objects.ts";
import type { Named } from "../harness/api-server/pod-store.ts";
import type { Recorder } from "../harness/recorder.ts";

export const plainRules: PodRules = { scope: "namespace", namespaces: [], defaultPort: 9081 };
/** The namespace of klight's own kubeconfigs. */
export const OWN_NAMESPACE = "contract";
export const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };

export interface ClusterOptions {
  readonly rules?: Partial<PodRules>;
  readonly clock?: Clock;
  /** Whose token it brings: klight's own; that of an account without rights; one that nobody has given out. */
  readonly who?: "klight" | "stranger" | "nobody";
}

/** An API server, the double or a real one, with those who change pods there and klight's way to it. */
export interface ClusterWorld {
  /** Stands between klight and the API server. */
  readonly recorder: Recorder;
  cluster(options?: ClusterOptions): Promise<Cluster & OwnEvents>;
  newNamespace(): Promise<string>;
  create(manifest: IPod, namespace: string): Promise<PodObject>;
  /** Undefined: there is none. */
  get(pod: Named): Promise<PodObject | undefined>;
  /** What the kubelet does, as the functions of `harness/api-server/kubelet.ts` do it. */
  kubelet(pod: Named, act: (store: KubeletStore) => unknown): Promise<void>;
  relabel(pod: Named, labels: Readonly<Record<string, string>>): Promise<void>;
  /** Somebody asks for the pod's end. */
  delete(pod: Named): Promise<void>;
  /** The kubelet ends it: gone, unless a finalizer is there. */
  remove(pod: Named): Promise<void>;
  /** Takes its finalizers away. */
  finalize(pod: Named): Promise<void>;
  events(namespace: string): Promise<readonly StoredEvent[]>;
  /** Lists that were begun cannot be gone on with. */
  expireLists(): Promise<void>;
  /** While on, klight is answered 429. */
  throttle(on: boolean): Promise<void>;
}
