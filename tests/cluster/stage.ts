import { setTimeout as sleep } from "node:timers/promises";
import { knative } from "../unit/manifests.combinations.ts";
import { build } from "../unit/manifests.kustomization.ts";
import { restartContainer, run } from "../harness/api-server/kubelet.ts";
import { type Broker, startBroker } from "../harness/broker.ts";
import { type FunctionProcess, startFunction } from "../harness/function-process.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { Life } from "../harness/lightpeer/life.ts";
import { whole, type Wholeness } from "../harness/lightpeer/whole.ts";
import { startRedis } from "../harness/redis.ts";
import { startAdapter } from "./adapter.ts";
import { Pods } from "./pods.ts";
import { accountFiles, admin, objects, tokenOf } from "./real.ts";

/** A pod on the real API server, with its lightpeer in this process. */
export interface RealPod {
  readonly namespace: string;
  readonly name: string;
  readonly peer: PeerHost;
}

/** The built function with the rights and the accounts that its manifests give it, and Knative's adapter before it. */
export interface RealStage {
  readonly pods: Pods;
  readonly broker: Broker;
  readonly function: FunctionProcess;
  /** Address of the function. */
  readonly url: string;
  /** A pod that runs, with a new lightpeer. */
  start(pod: {
    readonly namespace: string;
    readonly name: string;
    readonly network: string;
  }): Promise<RealPod>;
  /** The lightpeer's container ends and runs again, after `downMs` ms. */
  restart(pod: RealPod, downMs: number): Promise<void>;
  /** The pod is deleted, its process ends, it is gone. */
  remove(pod: RealPod): Promise<void>;
  /** A ping of the sweep's source, past the Broker. */
  sweep(): Promise<string>;
  /** Persist at every peer, then Query equal everywhere. */
  whole(pods: readonly RealPod[]): Promise<Wholeness>;
  stopAdapter(): Promise<void>;
  close(): Promise<void>;
}

/** The accounts of the base and what they may do; nothing else of it is needed here. */
export async function applyRights(): Promise<void> {
  const kinds = new Set(["Namespace", "ServiceAccount", "ClusterRole", "ClusterRoleBinding"]);
  for (const manifest of build(`${knative}/base`).filter(({ kind }) => kinds.has(kind)))
    await objects.applied(manifest);
}

/** Delivers everything that Knative's Trigger would. */
const types = ["dev.knative.apiserver.resource.*", "dev.knative.sources.ping"];

export async function startRealStage(env: Readonly<Record<string, string>> = {}): Promise<RealStage> {
  await applyRights();
  const account = await accountFiles(await tokenOf("klight", "klight"));
  const sourceAccount = await accountFiles(await tokenOf("klight", "klight-source"));
  const redis = await startRedis();
  const process = startFunction({
    PORT: "0",
    KUBECONFIG: account.kubeconfig,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    KLIGHT_SEED_PORT: "0",
    KLIGHT_SEED_ADDRESS: "127.0.0.1",
    KLIGHT_JOIN_TIMEOUT_MS: "5000",
    ...env,
  });
  const url = `http://127.0.0.1:${String((await process.logged("listening"))["port"])}`;
  const broker = await startBroker({ subscriber: url, types, retry: 8, backoffMs: 100 });
  const adapter = await startAdapter({
    kubeconfig: sourceAccount.kubeconfigOfGo,
    sink: broker.url,
    mode: "Resource",
  });
  const pods = new Pods(admin);
  const started: RealPod[] = [];
  const caller = new Life();
  const dialer = grpcDialer({ life: caller });

  return {
    pods,
    broker,
    function: process,
    url,
    async start({ namespace, name, network }) {
      const peer = await startGrpcPeer();
      const pod = { namespace, name, peer };
      started.push(pod);
      await pods.create(manifestOf(name, network, peer.address), namespace);
      await pods.change(pod, (store) => run(store, pod, peer.address.replace(/:\d+$/u, "")));
      return pod;
    },
    async restart(pod, downMs) {
      await pod.peer.kill();
      await sleep(downMs);
      await pod.peer.restart();
      await pods.change(pod, (store) => restartContainer(store, pod, "lightpeer"));
    },
    async remove(pod) {
      await pods.delete(pod);
      await pod.peer.kill();
      await pods.remove(pod);
    },
    async sweep() {
      const response = await fetch(url, {
        method: "POST",
        headers: {
          "ce-id": crypto.randomUUID(),
          "ce-source": "/apis/v1/namespaces/klight/pingsources/klight-sweep",
          "ce-type": "dev.knative.sources.ping",
          "ce-specversion": "1.0",
        },
      });
      await response.arrayBuffer();
      return response.headers.get("klight-outcome") ?? String(response.status);
    },
    whole: (those) => whole({ dialer, addresses: those.map(({ peer }) => peer.address), timeoutMs: 20_000 }),
    stopAdapter: () => adapter.stop(),
    async close() {
      caller.kill();
      await adapter.stop();
      await broker.close();
      process.process.kill("SIGKILL");
      await process.ended;
      await Promise.all(started.map(({ peer }) => peer.kill()));
      await redis.stop();
      await account.remove();
      await sourceAccount.remove();
    },
  };
}

const manifestOf = (name: string, network: string, address: string): Parameters<Pods["create"]>[0] => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: {
    name,
    labels: { "klight.networkId": network },
    annotations: { "klight.dev/port": address.replace(/^.*:/u, "") },
  },
  spec: {
    containers: [
      { name: "app", image: "busybox" },
      { name: "lightpeer", image: "lightpeer" },
    ],
  },
});
