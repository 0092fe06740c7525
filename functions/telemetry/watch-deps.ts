import type { Config } from "../../lib/config.ts";
import type { Deps } from "../../lib/deps.ts";
import type { Recorder } from "./recorder.ts";
import { watchCluster } from "./watch-cluster.ts";
import { watchPeers } from "./watch-peers.ts";
import { watchStore } from "./watch-store.ts";
import { watchTurns } from "./watch-turns.ts";

/** The ports of a step, each call through them a span and a time: lib itself knows nothing of it. */
export const watchDeps =
  (recorder: Recorder, config: Config) =>
  (deps: Deps): Deps => ({
    ...deps,
    contacts: watchStore(recorder, deps.contacts, storeOf(config)),
    cluster: watchCluster(recorder, deps.cluster),
    ...watchPeers(recorder, deps),
    turns: watchTurns(recorder, deps.turns),
    onReform: ({ cause, isWhole, ms, refusedMs }) => {
      const end = isWhole ? "whole" : "not-whole";
      const attributes = { "klight.reform.end": end, "klight.reform.cause": cause.kind };
      recorder.record("reformDuration", ms / 1_000, attributes);
      if (refusedMs > 0) recorder.record("refusedDuration", refusedMs / 1_000, {});
    },
  });

function storeOf({
  KLIGHT_STORE: store,
  UPSTASH_REDIS_REST_URL: restUrl,
  REDIS_URL: redisUrl,
}: Config): Parameters<typeof watchStore>[2] {
  if (store === "memory") return { system: "memory" };
  const url = store === "redis" ? redisUrl : restUrl;
  const address = url !== undefined && URL.canParse(url) ? new URL(url).hostname : undefined;
  return { system: "redis", ...(address !== undefined && { address }) };
}
