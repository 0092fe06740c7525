import { type Clock, systemClock } from "../clock.ts";
import { FIELD_MANAGER, JOINED_CONDITION } from "../pod/condition.ts";
import type { Log } from "../log.ts";
import { isNamespace, isNetworkId } from "../pod/names.ts";
import { type PodRules, readPod } from "../pod/pod.ts";
import { failureOf, isDone, isForAnotherLife } from "./answers.ts";
import { accountAccess, type ApiServerAccess } from "./access.ts";
import { type JsonAnswer, type Send, sendTo } from "../json-requests.ts";
import type { Cluster, ClusterEvent, ConditionWritten, OwnEvents, Written } from "./cluster.ts";
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
  /** Name of klight's own Knative Service. */
  readonly service?: string;
}

/** The API server that a kubeconfig file or the service account leads to. */
export function createKubernetesCluster(options: KubernetesOptions): Cluster & OwnEvents {
  const { rules, clock = systemClock, service = "klight" } = options;
  const { send, namespace: ownNamespace } = lazyApi(options);
  const size = unknownSize();
  const record = async (about: About, event: ClusterEvent): Promise<Written> => {
    const answer = await send({
      method: "POST",
      path: pathIn(about.namespace, "events"),
      query: writeOptions,
      body: { contentType: "application/json", json: eventObject(about, event, eventTime(clock)) },
    });
    return writtenOr(`create events in namespace ${about.namespace}`, answer);
  };
  return {
    listPods: (where) => listSome({ send, rules, size }, where),
    getPod: (name) => getPod(send, rules, name),
    setCondition: (pod, condition) => patchCondition({ send, rules, clock }, pod, condition),
    recordEvent: ({ namespace, name, uid }, event) =>
      record({ apiVersion: "v1", kind: "Pod", namespace, name, uid }, event),
    recordOwnEvent: async (event) => {
      const namespace = await ownNamespace();
      if (namespace === undefined) return { tag: "written" };
      return record(
        { apiVersion: "serving.knative.dev/v1", kind: "Service", namespace, name: service },
        event,
      );
    },
  };
}

async function patchCondition(
  { send, rules, clock }: { readonly send: Send; readonly rules: PodRules; readonly clock: Clock },
  pod: Parameters<Cluster["setCondition"]>[0],
  { status, reason, message }: Parameters<Cluster["setCondition"]>[1],
): Promise<ConditionWritten> {
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
  return done.tag === "written" && patched?.tag === "pod" ? { ...done, pod: patched.pod } : done;
}

function listSome(
  to: Omit<Listing, "selector" | "mentioning">,
  { namespace, networkId, mentioning, ip }: Parameters<Cluster["listPods"]>[0],
): ReturnType<Cluster["listPods"]> {
  // No pod is in a namespace, or has a label, of which Kubernetes takes no such name.
  const canBe = (namespace === undefined || isNamespace(namespace)) && isNetworkId(networkId ?? "any");
  if (!canBe) return Promise.resolve({ tag: "pods", pods: [] });
  const labelSelector = networkId === undefined ? "klight.networkId" : `klight.networkId=${networkId}`;
  // A pod that has lost its label keeps its address, and its peer runs on.
  const selector = ip === undefined ? { labelSelector } : { fieldSelector: `status.podIP=${ip}` };
  return listPods(
    { ...to, selector, mentioning },
    namespace === undefined ? to.rules.namespaces : [namespace],
  );
}

/** Strict: the API server refuses what it does not know, instead of dropping it with a warning nobody reads. */
const writeOptions = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict" } as const;

/** Kubernetes writes its times in whole seconds. */
const eventTime = (clock: Clock): string => new Date(clock.now()).toISOString().replace(/\.\d+Z$/u, "Z");

interface LazyApi extends Pick<ApiServerAccess, "namespace"> {
  readonly send: Send;
}

/** Looks for the way to the API server at the first request; where there is none, the next request looks again. */
function lazyApi({ kubeconfig, account, timeoutMs, log }: KubernetesOptions): LazyApi {
  let opened: Promise<LazyApi> | undefined;
  const open = async (): Promise<LazyApi> => {
    const access = await wayTo({ kubeconfig, account });
    return { send: sendTo(access, timeoutMs), namespace: access.namespace };
  };
  const way = async (): Promise<LazyApi> => {
    const opening = (opened ??= open());
    try {
      return await opening;
    } catch (error) {
      if (opened === opening) opened = undefined;
      throw error;
    }
  };
  return {
    send: async (request) => {
      try {
        const { send } = await way();
        return await send(request);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        log.error({ reason: message }, "no way to the API server");
        return { tag: "unreachable", message };
      }
    },
    // Where there is no way there, requests tell so.
    namespace: async () => {
      try {
        const { namespace } = await way();
        return await namespace();
      } catch {
        return undefined;
      }
    },
  };
}

async function wayTo({
  kubeconfig,
  account,
}: {
  readonly kubeconfig: string | undefined;
  readonly account: KubernetesOptions["account"];
}): Promise<ApiServerAccess> {
  if (kubeconfig !== undefined) {
    const { kubeconfigAccess } = await import("./kubeconfig.ts");
    return kubeconfigAccess(kubeconfig);
  }
  if (account === undefined) throw new Error("not in a cluster, and no KUBECONFIG");
  return accountAccess(account.server, account.directory);
}

const writtenOr = (what: string, answer: JsonAnswer): Written =>
  isDone(answer) || isForAnotherLife(answer) ? { tag: "written" } : failureOf(what, answer);

/** The API server takes more, but kubectl's table does not. */
const EVENT_MESSAGE_CHARACTERS = 1024;

/** What an Event is about. */
interface About {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid?: string;
}

const eventObject = (about: About, { type, reason, message }: ClusterEvent, time: string): unknown => ({
  apiVersion: "v1",
  kind: "Event",
  metadata: { generateName: `${about.name}.`, namespace: about.namespace },
  involvedObject: about,
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
