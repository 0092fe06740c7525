import { setTimeout as sleep } from "node:timers/promises";
import type { Stage, StagePod } from "../harness/stage.ts";
import { addPods, startCalmPeer, startCalmStage } from "./fleet.ts";
import { type Answer, type Poster, posterTo, stateOf } from "./posting.ts";
import type { Report } from "./report.ts";

interface Cost {
  readonly outcome: string;
  readonly redis: number;
  readonly api: readonly string[];
}

interface Wanted {
  readonly outcome: string;
  readonly redis: number;
  readonly api: string;
}

const wanted = {
  ignored: { outcome: "ignored", redis: 0, api: "none" },
  "own condition": { outcome: "member", redis: 0, api: "none" },
  "known member": { outcome: "member", redis: 1, api: "none" },
  founder: {
    outcome: "founded",
    redis: 2,
    api: "list pods, list pods by IP, patch pods/status, create events",
  },
  join: { outcome: "joined", redis: 3, api: "list pods, list pods by IP, patch pods/status, create events" },
  deletion: { outcome: "left", redis: 2, api: "get pods" },
} as const satisfies Record<string, Wanted>;

type Kind = keyof typeof wanted;

/** What each kind of step asks of Redis and of the API server. */
export async function measureSteps(): Promise<Report> {
  const stage = await startCalmStage();
  const poster = posterTo(stage);
  try {
    // Redis knows the scripts, and the function its connections, only after the first of each.
    await oneOfEach(stage, poster, "warm");
    const costs = await oneOfEach(stage, poster, "counted");
    const kinds = Object.keys(wanted) as Kind[];
    return {
      title: "Redis commands and API calls a step",
      rows: kinds.map((kind) => [kind, shown(costs[kind]), `${wanted[kind].redis}; ${wanted[kind].api}`]),
      figures: Object.fromEntries(
        kinds.map((kind) => [kind, { redis: costs[kind].redis, api: costs[kind].api }]),
      ),
      problems: kinds
        .filter((kind) => costs[kind].outcome !== wanted[kind].outcome)
        .map((kind) => `${kind}: the outcome was ${costs[kind].outcome}`),
    };
  } finally {
    poster.close();
    await stage.close();
  }
}

const shown = ({ redis, api }: Cost): string => `${redis}; ${api.length === 0 ? "none" : api.join(", ")}`;

async function oneOfEach(stage: Stage, poster: Poster, network: string): Promise<Record<Kind, Cost>> {
  const waiting = await stage.addPod({ name: `${network}-waits`, network, peer: await startCalmPeer() });
  const [first, second] = await addPods(stage, network, 2);
  if (!first || !second) throw new Error("two pods were asked for");
  const withoutCondition = stateOf(stage, first);
  const founder = await costOf(stage, () => poster.post(withoutCondition));
  return {
    founder,
    ignored: await costOf(stage, () => poster.post(stateOf(stage, waiting))),
    "own condition": await costOf(stage, () => poster.post(stateOf(stage, first))),
    "known member": await costOf(stage, () => poster.post(withoutCondition)),
    join: await costOf(stage, () => poster.post(stateOf(stage, second))),
    deletion: await costOf(stage, () => removed(stage, poster, second)),
  };
}

/** The pod is gone, and its peer with it. */
async function removed({ api }: Stage, poster: Poster, pod: StagePod): Promise<Answer> {
  api.pods.markDeleted(pod);
  await pod.peer.kill();
  return poster.post(api.pods.remove(pod), "DELETED");
}

async function costOf({ redis, api }: Stage, step: () => Promise<Answer>): Promise<Cost> {
  if (redis === undefined) throw new Error("this is counted at Redis");
  const before = { redis: await redis.commandsProcessed(), api: api.calls.length };
  const { outcome } = await step();
  // What the step might still do after its answer counts, too.
  await sleep(100);
  return {
    outcome: outcome.replace(/;.*$/u, ""),
    redis: (await redis.commandsProcessed()) - before.redis,
    api: api.calls
      .slice(before.api)
      .map(
        ({ verb, resource, fieldSelector }) => `${verb} ${resource}${isByIp(fieldSelector) ? " by IP" : ""}`,
      ),
  };
}

const isByIp = (fieldSelector = ""): boolean => fieldSelector.startsWith("status.podIP=");
