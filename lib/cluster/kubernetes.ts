import { type Clock, systemClock } from "../clock.ts";
import { JOINED_CONDITION } from "../pod/condition.ts";
import type { Log } from "../log.ts";
import type { PodName } from "../outcome.ts";
import { isNamespace, isNetworkId } from "../pod/names.ts";
import { type PodRules, readPod } from "../pod/pod.ts";
import { failureOf, isDone, isForAnotherLife } from "./answers.ts";
import { accountAccess } from "./access.ts";
import { type ApiAnswer, type Send, sendTo } from "./api-requests.ts";
import type { Cluster, ClusterEvent, Written } from "./cluster.ts";
import { getPod, type Listing, listPods, pathIn, podPath, unknownSize } from "./read-pods.ts";

export interface KubernetesOptions {
  readonly rules: PodRules;
  /** Path of a kubeconfig file. */
  readonly kubeconfig?: string;
  /** Where there is no such file, the service account of klight's own pod; absent: this is no pod. */
  readonly account?: { readonly server: string; readonly directory: string };
  /** For each request, with all that it needs before it. */
  readonly timeoutMs: number;
  readonly log: Log;
  readonly clock?: Clock;
}

/** The API server that a kubeconfig file or the service account leads to. */
export function createKubernetesCluster(options: KubernetesOptions): Cluster {
  const { rules, clock = systemClock } = options;
  const [send, size] = [lazySender(options), unknownSize()];
  return {
    listPods: (where) => listSome({ send, rules, size }, where),
    getPod: (name) => getPod(send, rules, name),
    setCondition: async (pod, { status, reason, message }) => {
      // Left out of the patch, the time stays what it is; it tells since when the status is so, not since when we say it.
      const changed = pod.joined?.status !== status;
      const condition = {
        type: JOINED_CONDITION,
        status,
        reason,
        message,
        ...(changed && { lastTransitionTime: eventTime(clock) }),
      };
      const answer = await send({
        method: "PATCH",
        path: `${podPath(pod)}/status`,
        query: writeOptions,
        body: {
          contentType: "application/strategic-merge-patch+json",
          json: { metadata: { uid: pod.uid }, status: { conditions: [condition] } },
        },
      });
      const done = writtenOr(`patch pods/status in namespace ${pod.namespace}`, answer);
      const patched = isDone(answer) && answer.tag === "answer" ? readPod(answer.body, rules) : undefined;
      return patched?.tag === "pod" ? { ...done, pod: patched.pod } : done;
    },
    recordEvent: async (pod, event) => {
      const answer = await send({
        method: "POST",
        path: pathIn(pod.namespace, "events"),
        query: writeOptions,
        body: { contentType: "application/json", json: eventObject(pod, event, eventTime(clock)) },
      });
      return writtenOr(`create events in namespace ${pod.namespace}`, answer);
    },
  };
}

function listSome(
  to: Omit<Listing, "selector">,
  { namespace, networkId, ip }: Parameters<Cluster["listPods"]>[0],
): ReturnType<Cluster["listPods"]> {
  // No pod is in a namespace, or has a label, of which Kubernetes takes no such name.
  const canBe = (namespace === undefined || isNamespace(namespace)) && isNetworkId(networkId ?? "any");
  if (!canBe) return Promise.resolve({ tag: "pods", pods: [] });
  const labelSelector = networkId === undefined ? "klight.networkId" : `klight.networkId=${networkId}`;
  const selector = { labelSelector, ...(ip !== undefined && { fieldSelector: `status.podIP=${ip}` }) };
  return listPods({ ...to, selector }, namespace === undefined ? to.rules.namespaces : [namespace]);
}

/** Strict: the API server refuses what it does not know, instead of dropping it with a warning nobody reads. */
const writeOptions = { fieldManager: "klight", fieldValidation: "Strict" } as const;

/** Kubernetes writes its times in whole seconds. */
const eventTime = (clock: Clock): string => new Date(clock.now()).toISOString().replace(/\.\d+Z$/u, "Z");

/** Looks for the way to the API server at the first request; where there is none, the next request looks again. */
function lazySender({ kubeconfig, account, timeoutMs, log }: KubernetesOptions): Send {
  let opened: Promise<Send> | undefined;
  const open = async (): Promise<Send> => {
    if (kubeconfig !== undefined) {
      const { kubeconfigAccess } = await import("./kubeconfig.ts");
      return sendTo(kubeconfigAccess(kubeconfig), timeoutMs);
    }
    if (account === undefined) throw new Error("not in a cluster, and no KUBECONFIG");
    return sendTo(accountAccess(account.server, account.directory), timeoutMs);
  };
  return async (request) => {
    opened ??= open();
    try {
      const send = await opened;
      return await send(request);
    } catch (error) {
      opened = undefined;
      const message = error instanceof Error ? error.message : String(error);
      log.error({ reason: message }, "no way to the API server");
      return { tag: "unreachable", message };
    }
  };
}

const writtenOr = (what: string, answer: ApiAnswer): Written =>
  isDone(answer) || isForAnotherLife(answer) ? { tag: "written" } : failureOf(what, answer);

/** The API server takes more, but kubectl's table does not. */
const EVENT_MESSAGE_CHARACTERS = 1024;

const eventObject = (
  { namespace, name, uid }: PodName & { readonly uid: string },
  { type, reason, message }: ClusterEvent,
  time: string,
): unknown => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { generateName: `${name}.`, namespace },
  involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name, uid },
  type,
  reason,
  message: message.slice(0, EVENT_MESSAGE_CHARACTERS),
  source: { component: "klight" },
  reportingComponent: "klight",
  reportingInstance: "klight",
  firstTimestamp: time,
  lastTimestamp: time,
  count: 1,
});
