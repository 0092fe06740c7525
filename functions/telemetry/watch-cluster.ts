import type { Cluster, ClusterFailure } from "../../lib/cluster/cluster.ts";
import type { PodName } from "../../lib/outcome.ts";
import type { AnswerAttributes, RecordedCall, Recorder } from "./recorder.ts";

const clusterAnswer = (
  said: { readonly tag: "pods" | "pod" | "written" } | ClusterFailure,
): AnswerAttributes =>
  said.tag === "failed" ? { answer: said.tag, error: said.kind } : { answer: said.tag };

const clusterCall = (what: string, details: RecordedCall["details"] = {}): RecordedCall<"clusterCalls"> => ({
  name: what,
  metric: "clusterCalls",
  attributes: { "klight.cluster.call": what },
  details,
});

const about = ({ namespace, name }: PodName): RecordedCall["details"] => ({
  "k8s.namespace.name": namespace,
  "k8s.pod.name": name,
});

/** The API server, each call a span and a time. Calls are named by verb and resource, as RBAC names them. */
export const watchCluster = (recorder: Recorder, cluster: Cluster): Cluster => ({
  listPods: (where) => {
    const { namespace, networkId = where.mentioning } = where;
    const details = {
      ...(namespace !== undefined && { "k8s.namespace.name": namespace }),
      ...(networkId !== undefined && { "klight.network.id": networkId }),
    };
    return recorder.call(clusterCall("list pods", details), () => cluster.listPods(where), clusterAnswer);
  },
  getPod: (pod) =>
    recorder.call(clusterCall("get pods", about(pod)), () => cluster.getPod(pod), clusterAnswer),
  setCondition: (pod, condition) =>
    recorder.call(
      clusterCall("patch pods/status", { ...about(pod), "klight.reason": condition.reason }),
      () => cluster.setCondition(pod, condition),
      clusterAnswer,
    ),
  recordEvent: (pod, event) =>
    recorder.call(
      clusterCall("create events", { ...about(pod), "klight.reason": event.reason }),
      () => cluster.recordEvent(pod, event),
      clusterAnswer,
    ),
});
