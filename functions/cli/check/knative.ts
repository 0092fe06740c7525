import * as z from "zod";
import { APPLY, type CheckResult, type CheckPlace, unknown, well, wrong } from "./finding.ts";
import {
  listOf,
  metadata,
  notReady,
  type Reading,
  readObject,
  type Resource,
  resource,
} from "./cluster-objects.ts";

const parts = [
  {
    what: "Knative Serving",
    group: "serving.knative.dev/v1",
    crd: "services.serving.knative.dev",
    isNeeded: true,
  },
  {
    what: "Knative's sources",
    group: "sources.knative.dev/v1",
    crd: "apiserversources.sources.knative.dev",
    isNeeded: true,
  },
  {
    what: "Knative Eventing",
    group: "eventing.knative.dev/v1",
    crd: "brokers.eventing.knative.dev",
    isNeeded: true,
  },
] as const;

/** Are Knative's kinds there, and of which version? */
export async function checkKinds({ kube }: CheckPlace): Promise<readonly CheckResult[]> {
  return Promise.all(
    parts.map(async ({ what, group, crd }) => {
      const kinds = await readObject(kube, `/apis/${group}`, z.object({ groupVersion: z.string() }));
      if (kinds.tag === "unread") return unknown(what, kinds.message);
      if (kinds.tag === "absent") {
        const cure = "Install Knative Serving and Eventing: https://knative.dev/docs/install";
        return wrong(what, `the cluster has no ${group}`, cure);
      }
      const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${crd}`;
      const kind = await readObject(kube, path, z.object({ metadata }));
      const version =
        kind.tag === "found" ? kind.value.metadata.labels?.["app.kubernetes.io/version"] : undefined;
      return well(what, version === undefined ? `${group} is there` : `version ${version}`);
    }),
  );
}

const resources = listOf(resource);

/** A namespace may have more than what is klight's, which is called so in its manifests. */
const isCalled =
  (name: string) =>
  (object: Resource): boolean =>
    object.metadata.name === name;

/** The Broker, its channel and its Triggers. None is needed where the sources go straight to the function. */
export async function checkBroker({ kube, namespace }: CheckPlace): Promise<readonly CheckResult[]> {
  const inNamespace = (group: string, kind: string): string =>
    `/apis/${group}/namespaces/${namespace}/${kind}`;
  const [brokers, triggers] = await Promise.all([
    readObject(kube, inNamespace("eventing.knative.dev/v1", "brokers"), resources),
    readObject(kube, inNamespace("eventing.knative.dev/v1", "triggers"), resources),
  ]);
  if (brokers.tag === "unread") return [unknown("Broker", brokers.message)];
  const broker = brokers.tag === "found" ? brokers.value.find(isCalled("klight")) : undefined;
  if (broker === undefined) {
    return [well("Broker", "there is none: the sources must go straight to the function")];
  }
  return [...(await brokerResults({ kube, namespace }, broker)), ...triggerResults(triggers)];
}

const IN_MEMORY = "MTChannelBasedBroker";
const ASYNC = "messaging.knative.dev/async-handler";

async function brokerResults(
  { kube, namespace }: CheckPlace,
  broker: Resource,
): Promise<readonly CheckResult[]> {
  const { name, annotations } = broker.metadata;
  const what = `Broker ${name}`;
  const problem = notReady(broker);
  const ready =
    problem === undefined
      ? well(what, "it is ready")
      : wrong(what, problem, `kubectl -n ${namespace} describe broker ${name}`);
  if ((annotations?.["eventing.knative.dev/broker.class"] ?? IN_MEMORY) !== IN_MEMORY) return [ready];
  const path = `/apis/messaging.knative.dev/v1/namespaces/${namespace}/inmemorychannels`;
  const channels = await readObject(kube, path, resources);
  const its = channels.tag === "found" ? channels.value.filter((each) => isOf(each, name)) : [];
  return [ready, ...waiting(broker, channels.tag === "unread" ? channels.message : its)];
}

const isOf = ({ metadata: { labels } }: Resource, broker: string): boolean =>
  labels?.["eventing.knative.dev/broker"] === broker;

/** A channel that waits for its subscriber lets one pod whose event is tried again stop all pod events. */
function waiting(broker: Resource, channels: readonly Resource[] | string): readonly CheckResult[] {
  const { name } = broker.metadata;
  const what = `Broker ${name}, one event beside another`;
  const isAsync = ({ metadata: { annotations } }: Resource): boolean => annotations?.[ASYNC] === "true";
  if (!isAsync(broker)) {
    const cure = `kubectl annotate broker ${name} ${ASYNC}=true, then restart the channel's dispatcher`;
    return [wrong(what, `it lacks the annotation ${ASYNC}: one held pod stops all others`, cure)];
  }
  if (typeof channels === "string") return [unknown(what, channels)];
  const late = channels.filter((channel) => !isAsync(channel));
  if (channels.length === 0) return [well(what, "it has the annotation, and no channel yet")];
  if (late.length === 0) return [well(what, "its channel does not wait for the function")];
  const cure = `kubectl annotate inmemorychannel ${late[0]?.metadata.name} ${ASYNC}=true, and restart imc-dispatcher`;
  return [wrong(what, "its channel is older than the annotation and still waits for the function", cure)];
}

function triggerResults(triggers: Listed): readonly CheckResult[] {
  if (triggers.tag === "unread") return [unknown("Trigger", triggers.message)];
  const found = triggers.tag === "found" ? triggers.value : [];
  const toFunction = found.filter(({ spec }) => subscriber.safeParse(spec).success);
  if (toFunction.length === 0) {
    return [wrong("Trigger", "no Trigger leads to the function", APPLY)];
  }
  return toFunction.map((trigger) => readiness("Trigger", trigger));
}

const subscriber = z.object({
  subscriber: z.object({ ref: z.object({ kind: z.literal("Service"), name: z.literal("klight") }) }),
});

export function readiness(kind: string, object: Resource): CheckResult {
  const { name, namespace } = object.metadata;
  const problem = notReady(object);
  const what = `${kind} ${name}`;
  if (problem === undefined) return well(what, "it is ready");
  return wrong(what, problem, `kubectl -n ${namespace ?? "klight"} describe ${kind.toLowerCase()} ${name}`);
}

/** What sends pod events, and what begins sweeps. */
export async function checkSources({ kube, namespace }: CheckPlace): Promise<readonly CheckResult[]> {
  const path = (kind: string): string => `/apis/sources.knative.dev/v1/namespaces/${namespace}/${kind}`;
  const [pods, pings] = await Promise.all([
    readObject(kube, path("apiserversources"), resources),
    readObject(kube, path("pingsources"), resources),
  ]);
  return [
    sourceResult("ApiServerSource", pick(pods, "klight"), "no events of pods come in"),
    sourceResult(
      "PingSource",
      pick(pings, "klight-sweep"),
      "nothing begins a sweep, so what events missed stays so",
    ),
  ];
}

type Listed = Reading<readonly Resource[]>;

function pick(reading: Listed, name: string): Reading<Resource> {
  if (reading.tag !== "found") return reading;
  const value = reading.value.find(isCalled(name));
  return value === undefined ? { tag: "absent" } : { tag: "found", value };
}

function sourceResult(kind: string, source: Reading<Resource>, without: string): CheckResult {
  switch (source.tag) {
    case "unread":
      return unknown(kind, source.message);
    case "absent":
      return wrong(kind, `there is none: ${without}`, APPLY);
    case "found":
      return readiness(kind, source.value);
  }
}
