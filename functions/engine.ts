import { randomUUID } from "node:crypto";
import { systemClock } from "../lib/clock.ts";
import { createKubernetesCluster } from "../lib/cluster/kubernetes.ts";
import type { Config } from "../lib/config.ts";
import type { Contacts } from "../lib/store/contacts.ts";
import { createMemoryContacts } from "../lib/store/memory.ts";
import { createUpstashContacts } from "../lib/store/upstash.ts";
import type { Deps } from "../lib/deps.ts";
import { createLightpeerClient } from "../lib/peers/client/grpc-client.ts";
import { createSeeds } from "../lib/peers/seed/seeds.ts";
import type { Log } from "../lib/log.ts";
import { type PodRules, readPod } from "../lib/pod/pod.ts";
import { oneAtATime } from "../lib/one-at-a-time.ts";
import { createTurns } from "../lib/keyed-queue.ts";
import type { Handlers } from "./http/handlers.ts";
import { podChanged } from "../lib/reconcile/pod-changed.ts";
import { readsOf } from "./status/reads.ts";
import { reformAsked } from "../lib/reconcile/reform-asked.ts";
import { replyTo } from "./http/reply.ts";
import type { Engine } from "./http/server.ts";
import { createStatusReader } from "./status/status.ts";
import { sweep } from "../lib/reconcile/sweep.ts";
import { takeEvents } from "./events/take-events.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { readWhy } from "./status/why.ts";

/** All that answers a request, put together. Loaded with the first one, so that a start costs nothing of it. */
export function createEngine(config: Config, log: Log, telemetry: Telemetry): Engine {
  const rules: PodRules = {
    scope: config.KLIGHT_SCOPE,
    namespaces: config.KLIGHT_NAMESPACES,
    defaultPort: config.KLIGHT_DEFAULT_PORT,
  };
  const deps = telemetry.watch(depsOf(config, rules, log));
  const handlers = handlersOf(deps, rules, config.KLIGHT_SWEEP_MS);
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

function depsOf(config: Config, rules: PodRules, log: Log): Deps {
  return {
    contacts: contactsOf(config),
    lightpeer: createLightpeerClient(),
    seeds: createSeeds({
      port: config.KLIGHT_SEED_PORT,
      callers: config.KLIGHT_SEED_CALLERS,
      ...(config.KLIGHT_SEED_ADDRESS !== undefined && { address: config.KLIGHT_SEED_ADDRESS }),
    }),
    cluster: createKubernetesCluster({
      rules,
      timeoutMs: config.KLIGHT_API_TIMEOUT_MS,
      log,
      ...(config.KUBECONFIG !== undefined && { kubeconfig: config.KUBECONFIG }),
    }),
    clock: systemClock,
    turns: createTurns(),
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

function contactsOf(config: Config): Contacts {
  if (config.KLIGHT_STORE === "memory") return createMemoryContacts(systemClock);
  return createUpstashContacts({
    // The configuration is refused without these two.
    url: config.UPSTASH_REDIS_REST_URL ?? "",
    token: config.UPSTASH_REDIS_REST_TOKEN ?? "",
    prefix: config.KLIGHT_KEY_PREFIX ?? "",
    timeoutMs: config.KLIGHT_STORE_TIMEOUT_MS,
  });
}

const handlersOf = (deps: Deps, rules: PodRules, sweepMs: number): Handlers => ({
  readPod: (data) => readPod(data, rules),
  podChanged: (change) => podChanged(deps, change),
  sweep: oneAtATime(() => sweep(deps, sweepMs)),
  reform: (network) => reformAsked(deps, network),
  status: createStatusReader(deps),
  why: (pod) => readWhy(deps, pod),
});
