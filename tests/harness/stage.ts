import type { TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { IPod } from "kubernetes-models/v1/Pod";
import { startApiServer, type ApiServer } from "./api-server/api-server.ts";
import { restartContainer, run } from "./api-server/kubelet.ts";
import type { PodObject } from "./api-server/objects.ts";
import { cloudEvent } from "./source.ts";
import { type Broker, shippedAnnotations, startBroker } from "./broker.ts";
import { type FunctionProcess, startFunction } from "./function-process.ts";
import { grpcDialer } from "./lightpeer/grpc-dialer.ts";
import { startGrpcPeer } from "./lightpeer/grpc-peer.ts";
import { Life } from "./lightpeer/life.ts";
import type { PeerHost } from "./lightpeer/calls.ts";
import { whole, type Wholeness } from "./lightpeer/whole.ts";
import { startSource, type Source } from "./source.ts";
import { startRedis, type TestRedis } from "./redis.ts";

/** A pod of the stage with its lightpeer. */
export interface StagePod {
  readonly namespace: string;
  readonly name: string;
  readonly network: string;
  readonly peer: PeerHost;
}

export interface StageOptions {
  /** Function processes; all share one store. Default 1. */
  readonly functions?: number;
  /** Environment of the functions, over the usual. */
  readonly env?: Readonly<Record<string, string>>;
  /** False: the memory store, and one function. Default true. */
  readonly redis?: boolean;
  /** Where the source sends its events. Default: a Broker, as klight ships it, with its Trigger. */
  readonly sink?: "broker" | "function";
  /** Before a Broker's first retry, ms; doubles with each of eight. Default 100. */
  readonly backoffMs?: number;
}

interface NewPod {
  readonly name: string;
  readonly network: string;
  readonly namespace?: string;
  readonly peer?: PeerHost;
}

/** What a pod's condition says. */
interface Told {
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** Real functions, Redis and lightpeers, with the doubles of the API server, the source and the Broker between them. */
export interface Stage {
  readonly api: ApiServer;
  readonly redis: TestRedis | undefined;
  readonly broker: Broker;
  readonly source: Source;
  readonly functions: readonly FunctionProcess[];
  /** Addresses of the functions. */
  readonly urls: readonly string[];
  readonly pods: readonly StagePod[];
  /** A pod with a new lightpeer, scheduled but not running. */
  addPod(pod: NewPod): Promise<StagePod>;
  /** A pod as it was recorded, at the address of this peer; nothing of its status is shown yet. */
  addRecorded(pod: PodObject, peer: PeerHost): StagePod;
  /** The kubelet says that it runs. */
  start(pod: StagePod): void;
  /** The kubelet says what was recorded, of an address as it is here. */
  show(pod: StagePod, recorded: PodObject): void;
  /** The kubelet's late updates that change nothing. */
  touch(pod: StagePod): void;
  /** The lightpeer's container ends and runs again, after `downMs` ms. */
  restart(pod: StagePod, downMs: number): Promise<void>;
  /** The pod is deleted, its process ends, it is gone. */
  remove(pod: StagePod): Promise<void>;
  /** Posts the pod's current state, as an update, to one of the functions past the Broker. */
  post(pod: StagePod, to?: number): Promise<{ readonly status: number; readonly outcome: string }>;
  /** A sweep, at one of the functions. */
  ping(to?: number): Promise<{ readonly status: number; readonly outcome: string }>;
  /** Until all that happened is delivered. */
  settled(): Promise<void>;
  /** Status of the condition klight.dev/joined; undefined: there is none. */
  condition(pod: StagePod): Told | undefined;
  /** The same as soon as it has one of these reasons, and as it is after ten seconds at the latest. */
  told(pod: StagePod, ...reasons: readonly string[]): Promise<Told | undefined>;
  /** Names of the pods on a network's stack, newest first. */
  stack(network: string): Promise<readonly string[]>;
  /** Persist at every peer, then Query equal everywhere. */
  whole(pods: readonly StagePod[]): Promise<Wholeness>;
  close(): Promise<void>;
}

const types = ["dev.knative.apiserver.resource.*", "dev.knative.apiserver.ref.*", "dev.knative.sources.ping"];

export async function startStage({
  functions: count = 1,
  env = {},
  redis: withRedis = true,
  sink = "broker",
  backoffMs = 100,
}: StageOptions = {}): Promise<Stage> {
  const api = await startApiServer({ namespace: "klight" });
  const redis = withRedis ? await startRedis() : undefined;
  const store: Record<string, string> = redis
    ? {
        UPSTASH_REDIS_REST_URL: redis.url,
        UPSTASH_REDIS_REST_TOKEN: redis.token,
        REDIS_URL: redis.redisUrl,
      }
    : { KLIGHT_STORE: "memory" };
  const functions = Array.from({ length: count }, () =>
    startFunction({
      PORT: "0",
      KUBECONFIG: api.kubeconfig,
      KLIGHT_SEED_PORT: "0",
      KLIGHT_SEED_ADDRESS: "127.0.0.1",
      KLIGHT_JOIN_TIMEOUT_MS: "5000",
      KLIGHT_STORE_TIMEOUT_MS: "500",
      ...store,
      ...env,
    }),
  );
  const urls = await Promise.all(
    functions.map(async (each) => `http://127.0.0.1:${String((await each.logged("listening"))["port"])}`),
  );
  const [first = ""] = urls;
  const delivery = { annotations: shippedAnnotations, types, retry: 8, backoffMs };
  const broker = await startBroker({ subscriber: first, ...delivery });
  const source = startSource({
    pods: api.pods,
    apiServer: api.url,
    sink: sink === "broker" ? broker.url : first,
    mode: "Resource",
  });
  const pods: StagePod[] = [];
  const caller = new Life();
  const dialer = grpcDialer({ life: caller });

  const send = async (to: number, headers: Readonly<Record<string, string>>, body?: string) => {
    const response = await fetch(urls[to] ?? first, {
      method: "POST",
      headers,
      ...(body !== undefined && { body }),
    });
    await response.arrayBuffer();
    return { status: response.status, outcome: response.headers.get("klight-outcome") ?? "" };
  };

  const create = (manifest: IPod, peer: PeerHost): StagePod => {
    const { metadata } = manifest;
    const [, port = ""] = /:(\d+)$/u.exec(peer.address) ?? [];
    const annotations = { ...metadata?.annotations, "klight.dev/port": port };
    const made = api.pods.create({ ...manifest, metadata: { ...metadata, annotations } });
    const { namespace, name, labels } = made.metadata;
    const pod = { namespace, name, network: `${namespace}/${labels?.["klight.networkId"] ?? ""}`, peer };
    pods.push(pod);
    return pod;
  };

  const stage: Stage = {
    api,
    redis,
    broker,
    source,
    functions,
    urls,
    pods,
    async addPod({ name, network, namespace = "default", peer: given }) {
      const peer = given ?? (await startGrpcPeer());
      const containers = [
        { name: "app", image: "busybox" },
        { name: "lightpeer", image: "lightpeer" },
      ];
      const metadata = { name, namespace, labels: { "klight.networkId": network } };
      return create({ apiVersion: "v1", kind: "Pod", metadata, spec: { containers } }, peer);
    },
    addRecorded({ metadata: { namespace, name, labels, annotations }, spec }, peer) {
      const metadata = { namespace, name, ...(labels && { labels }), ...(annotations && { annotations }) };
      return create({ apiVersion: "v1", kind: "Pod", metadata, spec }, peer);
    },
    start(pod) {
      run(api.pods, pod, pod.peer.address.replace(/:\d+$/u, ""));
    },
    show(pod, { status }) {
      const ip = pod.peer.address.replace(/:\d+$/u, "");
      api.pods.changeStatus(pod, (now) => {
        const klights = (now.conditions ?? []).filter(({ type }) => type.startsWith("klight.dev/"));
        delete now.podIP;
        delete now.podIPs;
        Object.assign(now, status, { conditions: [...(status.conditions ?? []), ...klights] });
        if (status.podIP !== undefined) Object.assign(now, { podIP: ip, podIPs: [{ ip }] });
      });
    },
    touch(pod) {
      api.pods.changeStatus(pod, () => undefined);
    },
    async restart(pod, downMs) {
      await pod.peer.kill();
      await sleep(downMs);
      await pod.peer.restart();
      restartContainer(api.pods, pod, "lightpeer");
    },
    async remove(pod) {
      api.pods.markDeleted(pod);
      await pod.peer.kill();
      api.pods.remove(pod);
      pods.splice(pods.indexOf(pod), 1);
    },
    post(pod, to = 0) {
      const object = api.pods.get(pod);
      if (object === undefined) throw new Error(`there is no pod ${pod.name}`);
      const event = cloudEvent(
        { apiServer: api.url, mode: "Resource", sink: first },
        { type: "MODIFIED", object },
      );
      return send(to, event.headers, event.body);
    },
    ping: (to = 0) =>
      send(to, {
        "ce-id": crypto.randomUUID(),
        "ce-source": "/apis/v1/namespaces/klight/pingsources/sweep",
        "ce-type": "dev.knative.sources.ping",
        "ce-specversion": "1.0",
      }),
    async settled() {
      for (let before = -1; before !== broker.taken.length;) {
        before = broker.taken.length;
        await source.settled();
        await broker.settled();
      }
    },
    condition(pod) {
      const found = api.pods.get(pod)?.status.conditions?.find(({ type }) => type === "klight.dev/joined");
      return found && { status: found.status, reason: found.reason ?? "", message: found.message ?? "" };
    },
    async told(pod, ...reasons) {
      const until = performance.now() + 10_000;
      const isTold = (): boolean => reasons.includes(stage.condition(pod)?.reason ?? "");
      while (!isTold() && performance.now() < until) await sleep(50);
      return stage.condition(pod);
    },
    async stack(network) {
      const response = await fetch(`${first}/networks`);
      const status = (await response.json()) as {
        networks: { network: string; members: { name: string }[] }[];
      };
      const found = status.networks.find((each) => each.network === network);
      return (found?.members ?? []).map(({ name }) => name);
    },
    whole: (those) => whole({ dialer, addresses: those.map(({ peer }) => peer.address), timeoutMs: 20_000 }),
    async close() {
      caller.kill();
      await source.stop();
      await broker.close();
      for (const { process } of functions) process.kill("SIGKILL");
      await Promise.all(functions.map(({ ended }) => ended));
      await Promise.all(pods.map(({ peer }) => peer.kill()));
      await api.close();
      await redis?.stop();
    },
  };
  return stage;
}

/** A stage with the memory store that is closed with its test; `env` over the usual. */
export async function stageFor(t: TestContext, env: Readonly<Record<string, string>> = {}): Promise<Stage> {
  const stage = await startStage({ redis: false, env });
  t.after(() => stage.close());
  return stage;
}

/** Pods that were started in this order and are in their network now, which is shop/orders where none is given. */
export async function up(
  stage: Stage,
  names: readonly string[],
  { namespace = "shop", network = "orders" }: Partial<Pick<NewPod, "namespace" | "network">> = {},
): Promise<StagePod[]> {
  const pods: StagePod[] = [];
  for (const name of names) {
    const pod = await stage.addPod({ name, namespace, network });
    stage.start(pod);
    pods.push(pod);
  }
  await stage.settled();
  return pods;
}
