import { createUpstashContacts } from "../../lib/store/upstash.ts";
import type { Contacts } from "../../lib/store/contacts.ts";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import { type Broker, shippedAnnotations, startBroker } from "../harness/broker.ts";
import { seededRandom } from "../harness/random.ts";
import { startRedis, type TestRedis } from "../harness/redis.ts";
import { type Source, startSource } from "../harness/source.ts";
import { FunctionService } from "./function-service.ts";
import { PeersProcess } from "./network-peers.ts";
import { Kubelet, NAMESPACE, type Network } from "./kubelet.ts";

export interface Size {
  readonly functions: number;
  readonly networks: number;
}

export interface WorldOptions extends Size {
  readonly seed: number;
  readonly onLine: (instance: string, line: Readonly<Record<string, unknown>>) => void;
  readonly onCrash: (instance: string, stderr: string) => void;
}

/** What takes part: functions, Redis and lightpeers as real processes, and what stands for the cluster, in this one. */
export interface World {
  readonly api: ApiServer;
  readonly redis: TestRedis;
  /** The store as klight reads it. */
  readonly contacts: Contacts;
  readonly functions: FunctionService;
  readonly broker: Broker;
  /** The adapter watches again, from now on; nothing where it is there. */
  watch(): void;
  /** The adapter's pod dies: what waits is dropped, and what happens is not seen. */
  unwatch(): Promise<void>;
  readonly networks: readonly Network[];
  readonly kubelet: Kubelet;
  /** Until all that happened is delivered or given up. */
  delivered(): Promise<void>;
  close(): Promise<void>;
}

const types = ["dev.knative.apiserver.resource.*", "dev.knative.sources.ping"];

/** Half a minute of retries in all, so that what was held for longer is left to a sweep. */
const delivery = { annotations: shippedAnnotations, types, retry: 7, backoffMs: 200, timeoutMs: 60_000 };

export async function openWorld({
  functions: count,
  networks: many,
  seed,
  ...told
}: WorldOptions): Promise<World> {
  // What is open already is closed again where the rest does not start.
  const closing: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    for (const each of closing.splice(0).reverse()) await each();
  };
  const opened = async <Part>(part: Promise<Part>, end: (part: Part) => Promise<unknown>): Promise<Part> => {
    const ready = await part;
    closing.push(() => end(ready));
    return ready;
  };
  try {
    const api = await opened(startApiServer(), (each) => each.close());
    const redis = await opened(startRedis({ keeps: true }), (each) => each.stop());
    const env = envOf(api, redis);
    const functions = await opened(FunctionService.start(count, { env, ...told }), (each) => each.close());
    const broker = await opened(startBroker({ subscriber: functions.url, ...delivery }), (each) =>
      each.close(),
    );
    const networks = await Promise.all(
      Array.from({ length: many }, (_, index) =>
        openNetwork(index, seed, (each) => closing.push(() => each.close())),
      ),
    );
    const kubelet = new Kubelet(api.pods, networks, seededRandom(seed));
    const contacts = createUpstashContacts({
      url: redis.url,
      token: redis.token,
      prefix: "klight:",
      timeoutMs: 2_000,
    });
    const adapter = adapterOf(api, broker);
    closing.push(() => adapter.unwatch());
    return { api, redis, contacts, functions, broker, networks, kubelet, ...adapter, close };
  } catch (error) {
    await close();
    throw error;
  }
}

const envOf = (api: ApiServer, redis: TestRedis): Readonly<Record<string, string>> => ({
  PORT: "0",
  KUBECONFIG: api.kubeconfig,
  UPSTASH_REDIS_REST_URL: redis.url,
  UPSTASH_REDIS_REST_TOKEN: redis.token,
  KLIGHT_SEED_PORT: "0",
  KLIGHT_SEED_ADDRESS: "127.0.0.1",
  // A step that dies in a join keeps its network for so long; the default would be half of a short run.
  KLIGHT_JOIN_TIMEOUT_MS: "5000",
  LOG_LEVEL: "debug",
});

async function openNetwork(
  index: number,
  seed: number,
  onOpen: (peers: PeersProcess) => void,
): Promise<Network> {
  const id = `net-${index + 1}`;
  const peers = await PeersProcess.open({ CHAOS_NETWORK: id, CHAOS_SEED: String(seed + index + 1) });
  onOpen(peers);
  return { id, key: `${NAMESPACE}/${id}`, peers, pods: [] };
}

function adapterOf(api: ApiServer, broker: Broker): Pick<World, "watch" | "unwatch" | "delivered"> {
  const start = (): Source =>
    startSource({ pods: api.pods, apiServer: api.url, sink: broker.url, mode: "Resource" });
  let source: Source | undefined = start();
  return {
    watch: () => {
      source ??= start();
    },
    unwatch: async () => {
      const ended = source;
      source = undefined;
      await ended?.stop();
    },
    async delivered() {
      for (let before = -1; before !== broker.taken.length;) {
        before = broker.taken.length;
        await source?.settled();
        await broker.settled();
      }
    },
  };
}
