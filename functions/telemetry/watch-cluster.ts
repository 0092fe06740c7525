import type { Cluster, ClusterFailure } from "../../lib/cluster/cluster.ts";
import type { PodName } from "../../lib/outcome.ts";
import type { Answer, Call, Recorder } from "./recorder.ts";

const answered = (said: { readonly tag: string } | ClusterFailure): Answer =>
  "kind" in said ? { answer: said.tag, error: said.kind } : { answer: said.tag };

const call = (what: string, details: Call["details"] = {}): Call<"clusterCalls"> => ({
  name: what,
  metric: "clusterCalls",
  attributes: { "klight.cluster.call": what },
  details,
});

const about = ({ namespace, name }: PodName): Call["details"] => ({
  "k8s.namespace.name": namespace,
  "k8s.pod.name": name,
});

/** The API server, each call a span and a time. Calls are named by verb and resource, as RBAC names them. */
export const watchCluster = (recorder: Recorder, cluster: Cluster): Cluster => ({
  listPods: (where) => {
    const { namespace, networkId } = where;
    const details = {
      ...(namespace !== undefined && { "k8s.namespace.name": namespace }),
      ...(networkId !== undefined && { "klight.network.id": networkId }),
    };
    return recorder.call(call("list pods", details), () => cluster.listPods(where), answered);
  },
  getPod: (pod) => recorder.call(call("get pods", about(pod)), () => cluster.getPod(pod), answered),
  setCondition: (pod, condition) =>
    recorder.call(
      call("patch pods/status", { ...about(pod), "klight.reason": condition.reason }),
      () => cluster.setCondition(pod, condition),
      answered,
    ),
  recordEvent: (pod, event) =>
    recorder.call(
      call("create events", { ...about(pod), "klight.reason": event.reason }),
      () => cluster.recordEvent(pod, event),
      answered,
    ),
});
