import { randomUUID } from "node:crypto";
import { systemClock } from "../lib/clock.ts";
import type { Cluster, OwnEvents } from "../lib/cluster/cluster.ts";
import { createKubernetesCluster, type KubernetesOptions } from "../lib/cluster/kubernetes.ts";
import { ACCOUNT_DIRECTORY } from "../lib/cluster/service-account.ts";
import type { Config } from "../lib/config.ts";
import type { Contacts } from "../lib/store/contacts.ts";
import type { Deps } from "../lib/deps.ts";
import { createLightpeerClient } from "../lib/peers/client/grpc-client.ts";
import { createSeeds } from "../lib/peers/seed/seeds.ts";
import type { Log } from "../lib/log.ts";
import { type PodRules, readPod } from "../lib/pod/pod.ts";
import { oneAtATime } from "../lib/one-at-a-time.ts";
import { createTurns } from "../lib/keyed-queue.ts";
import { createMemoryBudget } from "../lib/memory-budget.ts";
import type { Handlers } from "./http/handlers.ts";
import { podChanged } from "../lib/reconcile/pod-changed.ts";
import { readsOf } from "./status/reads.ts";
import { reformAsked } from "../lib/reconcile/reform-asked.ts";
import { replyTo } from "./http/reply.ts";
import type { Engine } from "./http/server.ts";
import { createStatusReader } from "./status/status.ts";
import { sweep, type SweepReport } from "../lib/reconcile/sweep.ts";
import { sweepAndTell } from "./events/sweep-end.ts";
import { takeEvents } from "./events/take-events.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { readWhy } from "./status/why.ts";

/** All that answers a request, put together. Loaded late, so that a start costs nothing of it. */
export async function createEngine(config: Config, log: Log, telemetry: Telemetry): Promise<Engine> {
  const rules: PodRules = {
    scope: config.KLIGHT_SCOPE,
    namespaces: config.KLIGHT_NAMESPACES,
    defaultPort: config.KLIGHT_DEFAULT_PORT,
  };
  const cluster = clusterOf(config, rules, log);
  const deps = telemetry.watch({ ...(await depsOf(config, log)), cluster });
  const sweepOnce = (): Promise<SweepReport> =>
    sweepAndTell(() => sweep(deps, config.KLIGHT_SWEEP_MS), { cluster, log });
  const handlers = handlersOf(deps, rules, sweepOnce);
  const mostEvents = config.KLIGHT_BATCH_LIMIT;
  const shell = { handlers, mostEvents, log, telemetry, now: () => deps.clock.now() };
  return {
    events: (request) => takeEvents(shell, request),
    reform: async (network) => {
      const { end, trace } = await telemetry.step({ kind: "reform", network }, async () => ({
        tag: "outcome" as const,
        outcome: await handlers.reform(network),
      }));
      const { name, reason, message } = end.outcome;
      log.info({ network, outcome: name, reason, message, ...trace }, "re-form done");
      return replyTo(end.outcome, trace);
    },
    ...readsOf(handlers),
  };
}

const clusterOf = (config: Config, rules: PodRules, log: Log): Cluster & OwnEvents =>
  createKubernetesCluster({
    rules,
    timeoutMs: config.KLIGHT_API_TIMEOUT_MS,
    log,
    ...wayToApiServer(config),
    ...(config.K_SERVICE !== undefined && { service: config.K_SERVICE }),
  });

async function depsOf(config: Config, log: Log): Promise<Omit<Deps, "cluster">> {
  return {
    contacts: await contactsOf(config),
    lightpeer: createLightpeerClient(),
    seeds: createSeeds({
      port: config.KLIGHT_SEED_PORT,
      callers: config.KLIGHT_SEED_CALLERS,
      ...(config.KLIGHT_SEED_ADDRESS !== undefined && { address: config.KLIGHT_SEED_ADDRESS }),
    }),
    clock: systemClock,
    turns: createTurns(),
    histories: createMemoryBudget(config.KLIGHT_HISTORY_LIMIT, systemClock),
    newToken: () => randomUUID(),
    log,
    settings: {
      joinMode: config.KLIGHT_JOIN,
      reform: config.KLIGHT_REFORM,
      historyLimit: config.KLIGHT_HISTORY_LIMIT,
      probeTimeoutMs: config.KLIGHT_PROBE_TIMEOUT_MS,
      joinTimeoutMs: config.KLIGHT_JOIN_TIMEOUT_MS,
      waitMs: config.KLIGHT_WAIT_MS,
    },
  };
}

function wayToApiServer(config: Config): Pick<KubernetesOptions, "kubeconfig" | "account"> {
  const { KUBECONFIG: kubeconfig, KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = config;
  if (kubeconfig !== undefined) return { kubeconfig };
  if (host === undefined) return {};
  const server = `https://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { account: { server, directory: ACCOUNT_DIRECTORY } };
}

/** The store that is set; each is loaded where it is the one. The configuration is refused without its address. */
async function contactsOf(config: Config): Promise<Contacts> {
  const shared = { prefix: config.KLIGHT_KEY_PREFIX ?? "", timeoutMs: config.KLIGHT_STORE_TIMEOUT_MS };
  switch (config.KLIGHT_STORE) {
    case "memory": {
      const { createMemoryContacts } = await import("../lib/store/memory.ts");
      return createMemoryContacts(systemClock);
    }
    case "redis": {
      const { createRedisContacts } = await import("../lib/store/redis.ts");
      return createRedisContacts({
        ...shared,
        url: config.REDIS_URL ?? "",
        sentinels: config.REDIS_SENTINELS,
        ...(config.REDIS_SENTINEL_PASSWORD !== undefined && {
          sentinelPassword: config.REDIS_SENTINEL_PASSWORD,
        }),
        ...(config.REDIS_CA_FILE !== undefined && { caFile: config.REDIS_CA_FILE }),
      });
    }
    case "upstash": {
      const { createUpstashContacts } = await import("../lib/store/upstash.ts");
      return createUpstashContacts({
        ...shared,
        url: config.UPSTASH_REDIS_REST_URL ?? "",
        token: config.UPSTASH_REDIS_REST_TOKEN ?? "",
      });
    }
  }
}

const handlersOf = (deps: Deps, rules: PodRules, sweepOnce: () => Promise<SweepReport>): Handlers => ({
  readPod: (data) => readPod(data, rules),
  podChanged: (change) => podChanged(deps, change),
  sweep: oneAtATime(sweepOnce),
  reform: (network) => reformAsked(deps, network),
  status: createStatusReader(deps),
  why: (pod) => readWhy(deps, pod),
});
