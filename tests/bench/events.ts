import { cloudEvent } from "../harness/source.ts";
import type { PodObject } from "../harness/api-server/objects.ts";
import type { Stage, StagePod } from "../harness/stage.ts";
import { addPods, startCalmPeer, startCalmStage } from "./fleet.ts";
import { hammer } from "./hammer.ts";
import { asInContainer, computedMs } from "./memory.ts";
import { posterTo, stateOf } from "./posting.ts";
import { type Report, round } from "./report.ts";

/** `limits.concurrency` of func.yaml. */
const connections = 50;
const networks = 50;
const ms = 5_000;
const warmMs = 2_000;

interface Rate {
  readonly perSecond: number;
  /** CPU of the function for one, ms. */
  readonly cpuMs: number;
}

/** Events for which nothing is to be done, as many as the function takes. */
export async function measureEvents(): Promise<Report> {
  const upstash = await ratesWith({});
  const redis = await ratesWith({ KLIGHT_STORE: "redis" });
  const shown = ({ perSecond, cpuMs }: Rate): string => `${perSecond}, ${cpuMs} ms of CPU each`;
  return {
    title: `Events a second for which nothing is to be done, ${connections} at a time`,
    rows: [
      ["of a pod that is not ready, or says that it is in", shown(upstash.idle), "6000"],
      ["of a member that only Redis knows, by Upstash's REST", shown(upstash.member), "2000"],
      ["the same, by Redis' own protocol", shown(redis.member)],
    ],
    figures: { connections, idle: upstash.idle, member: upstash.member, memberByRedis: redis.member },
    problems: [...upstash.problems, ...redis.problems],
  };
}

interface Rates {
  readonly idle: Rate;
  readonly member: Rate;
  readonly problems: readonly string[];
}

async function ratesWith(env: Readonly<Record<string, string>>): Promise<Rates> {
  const stage = await startCalmStage({ NODE_OPTIONS: asInContainer, ...env });
  const poster = posterTo(stage);
  try {
    const members: StagePod[] = [];
    // Steps of one network wait for each other.
    for (let index = 0; index < networks; index += 1)
      members.push(...(await addPods(stage, `events-${index}`, 1)));
    const asNew = members.map((pod) => stateOf(stage, pod));
    for (const pod of asNew) await poster.deliver(pod);
    const waits = await stage.addPod({ name: "waits", network: "events-0", peer: await startCalmPeer() });
    const inside = members.map((pod) => stateOf(stage, pod));
    const idle = await rateOf(stage, [...inside, stateOf(stage, waits)]);
    const member = await rateOf(stage, asNew);
    return { idle: idle.rate, member: member.rate, problems: [...idle.problems, ...member.problems] };
  } finally {
    poster.close();
    await stage.close();
  }
}

async function rateOf(
  stage: Stage,
  pods: readonly PodObject[],
): Promise<{ readonly rate: Rate; readonly problems: readonly string[] }> {
  const [url = ""] = stage.urls;
  const pid = stage.functions[0]?.process.pid;
  const about = { apiServer: stage.api.url, mode: "Resource", sink: url } as const;
  const requests = pods.map((object) => cloudEvent(about, { type: "MODIFIED", object }));
  await hammer({ url, requests, connections, ms: warmMs });
  const before = await computedMs(pid);
  const { perSecond, statuses } = await hammer({ url, requests, connections, ms });
  const cpuMs = (await computedMs(pid)) - before;
  const count = Object.values(statuses).reduce((sum, each) => sum + each, 0);
  const others = Object.entries(statuses).filter(([status]) => status !== "204");
  return {
    rate: { perSecond: round(perSecond), cpuMs: round(cpuMs / count, 3) },
    problems: others.map(([status, times]) => `${times} events were answered with ${status}`),
  };
}
