import { setTimeout as sleep } from "node:timers/promises";
import type { IPod } from "kubernetes-models/v1/Pod";
import { JOINED_CONDITION } from "../../lib/pod/condition.ts";
import type { Api, ApiObject } from "../harness/api-client.ts";
import type { ApiObjects } from "../harness/api-objects.ts";
import { klightIn, secretIn, workloadIn } from "./install.ts";

/** Where klight is tried, and with what. */
export interface Run {
  readonly api: Api;
  readonly objects: ApiObjects;
  readonly namespace: string;
  readonly images: { readonly lightpeer: string; readonly function: string; readonly application: string };
  /** Nodes that are ready; known after the first step. */
  nodes: number;
  /** The namespace is this run's own. */
  isMade: boolean;
}

/** One thing that is tried. */
export interface Step {
  readonly title: string;
  /** What is not there that it needs; undefined: nothing. */
  readonly needs?: (it: Run) => string | undefined;
  /** Resolves with what was seen; a failure is thrown, with what was wrong. */
  readonly run: (it: Run) => Promise<string>;
}

/** Without nodes nobody runs pods, and nobody can see what comes of them. */
const aNode = ({ nodes }: Run): string | undefined =>
  nodes > 0 ? undefined : "no node is ready here: nothing runs pods";

/** Images have to be pulled, claims to be bound, ms. */
const START_MS = 300_000;

/** Reads again until it is so; throws, with what was read last, where the time is over. */
async function until<Value>(
  what: string,
  read: () => Promise<Value>,
  { isIt, ms = START_MS }: { readonly isIt: (value: Value) => boolean; readonly ms?: number },
): Promise<number> {
  const begun = performance.now();
  for (;;) {
    const value = await read();
    const passed = performance.now() - begun;
    if (isIt(value)) return passed / 1000;
    if (passed > ms) throw new Error(`${what}: not so after ${ms / 1000} s, but ${JSON.stringify(value)}`);
    await sleep(1000);
  }
}

const seconds = (passed: number): string => `${passed.toFixed(0)} s`;

async function list<Item>({ api }: Run, path: string): Promise<readonly Item[]> {
  const { items } = await api.ask<{ readonly items: readonly Item[] }>({ method: "GET", path });
  return items;
}

const pods = (it: Run, selector: string): Promise<readonly IPod[]> =>
  list<IPod>(it, `/api/v1/namespaces/${it.namespace}/pods?labelSelector=${encodeURIComponent(selector)}`);

const isTrue = ({ status }: IPod, type: string): boolean =>
  status?.conditions?.some((each) => each.type === type && each.status === "True") === true;

/** The workload's pods that are not on their way out, each with whether klight says that it is in. */
async function members(it: Run): Promise<Readonly<Record<string, string>>> {
  const there = await pods(it, "klight.networkId=ledger");
  return Object.fromEntries(
    there
      .filter(({ metadata }) => metadata?.deletionTimestamp === undefined)
      .map((pod) => {
        const condition = pod.status?.conditions?.find(({ type }) => type === JOINED_CONDITION);
        const says =
          condition?.status === "True" ? "" : ` ${condition?.reason ?? ""} ${condition?.message ?? ""}`;
        return [pod.metadata?.name ?? "", `${condition?.status ?? "nothing yet"}${says}`.trim()];
      }),
  );
}

const areIn =
  (count: number) =>
  (found: Readonly<Record<string, string>>): boolean =>
    Object.keys(found).length === count && Object.values(found).every((says) => says === "True");

const functionPods = async (it: Run): Promise<number> =>
  (await pods(it, "serving.knative.dev/service=klight")).filter(
    ({ metadata }) => metadata?.deletionTimestamp === undefined,
  ).length;

interface WithConditions extends ApiObject {
  readonly status?: {
    readonly conditions?: readonly {
      readonly type: string;
      readonly status: string;
      readonly message?: string;
    }[];
  };
}

/** `True`, or why not. */
async function readiness(it: Run, object: ApiObject): Promise<string> {
  const found = await it.api.ask<WithConditions>({ method: "GET", path: await it.objects.pathOf(object) });
  const ready = found.status?.conditions?.find(({ type }) => type === "Ready");
  return ready?.status === "True" ? "True" : (ready?.message ?? "nothing yet");
}

const scale = async (it: Run, replicas: number): Promise<void> =>
  merge(it, workloadIn(it.namespace, it.images), { spec: { replicas } });

async function merge(it: Run, object: ApiObject, body: unknown): Promise<void> {
  const path = await it.objects.pathOf(object);
  await it.api.ask({ method: "PATCH", path, body, contentType: "application/merge-patch+json" });
}

const manifests = ({ namespace, images }: Run): readonly ApiObject[] => klightIn(namespace, images.function);

/** The first of its kind, which for a Service is Knative's. */
const named = (it: Run, kind: string): ApiObject => {
  const found = manifests(it).find((each) => each.kind === kind && each.apiVersion !== "v1");
  if (found === undefined) throw new Error(`klight's manifests have no ${kind}`);
  return found;
};

/** Nothing of klight's own kinds may miss, and Knative's must be there. */
async function look(it: Run): Promise<string> {
  const { gitVersion } = await it.api.ask<{ readonly gitVersion: string }>({
    method: "GET",
    path: "/version",
  });
  for (const object of manifests(it)) await it.objects.pathOf(object);
  const nodes = await list<WithConditions>(it, "/api/v1/nodes");
  it.nodes = nodes.filter(({ status }) =>
    status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True"),
  ).length;
  return `Kubernetes ${gitVersion}, Knative's kinds, ${it.nodes} ready nodes`;
}

async function install(it: Run): Promise<string> {
  const { namespace } = it;
  const path = `/api/v1/namespaces/${namespace}`;
  const there = await it.api.send({ method: "GET", path });
  if (there.status !== 404)
    throw new Error(`the namespace ${namespace} is there already, and not this run's`);
  await it.objects.applied({ apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } });
  it.isMade = true;
  const all = [...manifests(it), secretIn(namespace)];
  for (const object of all) await it.objects.applied(object);
  return `${all.length} objects in ${namespace}`;
}

async function becomeReady(it: Run): Promise<string> {
  const kinds = ["Service", "Broker", "Trigger", "ApiServerSource", "PingSource"];
  const objects = kinds.map((kind) => named(it, kind));
  const read = async (): Promise<Readonly<Record<string, string>>> => {
    const said = await Promise.all(objects.map((each) => readiness(it, each)));
    return Object.fromEntries(objects.map(({ kind = "" }, index) => [kind, said[index] ?? ""]));
  };
  const isIt = (all: Readonly<Record<string, string>>): boolean =>
    Object.values(all).every((says) => says === "True");
  return `function, Broker, Trigger and sources, after ${seconds(await until("ready", read, { isIt }))}`;
}

async function joinThree(it: Run): Promise<string> {
  const passed = await until("3 pods joined", () => members(it), { isIt: areIn(3) });
  const events = await list<{ readonly reason: string }>(it, `/api/v1/namespaces/${it.namespace}/events`);
  const founded = events.filter(({ reason }) => reason === "Founded").length;
  if (founded !== 1) throw new Error(`${founded} networks were founded where one was wanted`);
  return `3 pods in one network, after ${seconds(passed)}`;
}

async function zeroAndBack(it: Run): Promise<string> {
  const down = await until("no instance of klight", () => functionPods(it), { isIt: (count) => count === 0 });
  await scale(it, 4);
  const back = await until("the fourth pod joined", () => members(it), { isIt: areIn(4) });
  return `no instance after ${seconds(down)}; a fourth pod in ${seconds(back)} after it was asked for`;
}

async function rollingUpdate(it: Run): Promise<string> {
  const old = Object.keys(await members(it));
  const annotations = { "klight.dev/e2e": new Date().toISOString() };
  await merge(it, workloadIn(it.namespace, it.images), { spec: { template: { metadata: { annotations } } } });
  const isIt = (found: Readonly<Record<string, string>>): boolean =>
    areIn(4)(found) && old.every((name) => !(name in found));
  const passed = await until("4 new pods joined", () => members(it), { isIt, ms: 2 * START_MS });
  const there = await pods(it, "klight.networkId=ledger");
  const unready = there.filter((pod) => !isTrue(pod, "Ready")).map(({ metadata }) => metadata?.name);
  return `4 new pods for 4 old ones in ${seconds(passed)}${unready.length > 0 ? `; not ready yet: ${unready.join(", ")}` : ""}`;
}

/** Without its source nothing tells klight of a new pod but the sweep. */
async function sweep(it: Run): Promise<string> {
  const source = named(it, "ApiServerSource");
  await it.api.ask({ method: "DELETE", path: await it.objects.pathOf(source) });
  await until("the source is gone", () => pods(it, "eventing.knative.dev/sourceName=klight"), {
    isIt: (all) => all.length === 0,
    ms: 90_000,
  });
  await scale(it, 5);
  const ping = named(it, "PingSource");
  await merge(it, ping, { spec: { schedule: "* * * * *" } });
  const passed = await until("the fifth pod joined", () => members(it), { isIt: areIn(5) });
  await it.objects.applied(source);
  return `a pod that no event told of, in after ${seconds(passed)}`;
}

export const steps: readonly Step[] = [
  { title: "the cluster", run: look },
  { title: "install", run: install },
  { title: "ready", needs: aNode, run: becomeReady },
  {
    title: "start pods",
    run: async (it) => {
      await it.objects.applied(workloadIn(it.namespace, it.images));
      return `a Deployment of 3 with ${it.images.lightpeer}`;
    },
  },
  { title: "joined", needs: aNode, run: joinThree },
  { title: "to zero and back", needs: aNode, run: zeroAndBack },
  { title: "rolling update", needs: aNode, run: rollingUpdate },
  { title: "sweep", needs: aNode, run: sweep },
];

/** The namespace takes everything with it. */
export const cleanUp: Step = {
  title: "clean up",
  needs: ({ isMade }) => (isMade ? undefined : "nothing was made"),
  async run(it) {
    const path = `/api/v1/namespaces/${it.namespace}`;
    await it.api.send({ method: "DELETE", path });
    if (it.nodes === 0) return "asked for; nothing here ends namespaces";
    const read = async (): Promise<number> => (await it.api.send({ method: "GET", path })).status;
    return `${it.namespace} gone after ${seconds(await until("the namespace is gone", read, { isIt: (status) => status === 404 }))}`;
  },
};
