import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Contact } from "../../lib/store/contacts.ts";
import { createRedisContacts } from "../../lib/store/redis.ts";
import { formatJoined, JOINED_CONDITION } from "../../lib/pod/condition.ts";
import { run } from "../harness/api-server/kubelet.ts";
import type { Stage } from "../harness/stage.ts";
import { startCalmStage } from "./fleet.ts";
import { asInContainer, limitMemory, residentMib, watchMemory } from "./memory.ts";
import { timed } from "./posting.ts";
import { mib, ms, type Report, round } from "./report.ts";

const perNetwork = 10;
/** `limits.memory` of func.yaml. */
const LIMIT_MIB = 512;
/** Redis commands of a sweep that finds nothing. */
const commandsFor = (networks: number): number => 2 + Math.ceil(networks / 100);

interface Cost {
  readonly pods: number;
  readonly networks: number;
  readonly ms: number;
  readonly cpuMs: number;
  readonly commands: number;
  readonly calls: number;
  readonly mibPeak: number;
  /** The system would have ended the function over its limit. */
  readonly isLimited: boolean;
}

/** What a sweep costs that finds 5,000 pods in 500 networks settled. */
export const measureSweep = (): Promise<Report> => reportOf("A sweep that finds nothing to do", [5_000]);

/** How that grows. */
export const measureScale = (): Promise<Report> => reportOf("How a sweep grows", [100, 1_000, 5_000]);

async function reportOf(title: string, sizes: readonly number[]): Promise<Report> {
  const costs: Cost[] = [];
  const problems: string[] = [];
  for (const pods of sizes) costs.push(await sweepOf(pods, problems));
  return {
    title,
    rows: costs.flatMap(({ pods, networks, ...cost }) => [
      [`${pods} pods in ${networks} networks`, ms(cost.ms)],
      ["  CPU", ms(cost.cpuMs), pods === 5_000 ? "3000 ms" : ""],
      ["  Redis commands", String(cost.commands), String(commandsFor(networks))],
      ["  API calls", String(cost.calls)],
      [
        `  memory at most${cost.isLimited ? `, of ${LIMIT_MIB} MiB` : ""}`,
        mib(cost.mibPeak),
        pods === 5_000 ? "180 MiB" : "",
      ],
    ]),
    figures: { sweeps: costs },
    problems,
  };
}

async function sweepOf(pods: number, problems: string[]): Promise<Cost> {
  const networks = Math.ceil(pods / perNetwork);
  const child = fork(fileURLToPath(new URL("peers-everywhere.ts", import.meta.url)));
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const stage = await startCalmStage({ NODE_OPTIONS: asInContainer, KLIGHT_DEFAULT_PORT: String(port) });
  try {
    await settle(stage, { networks, port });
    const [measured] = stage.functions;
    const { redis } = stage;
    if (measured === undefined || redis === undefined) throw new Error("there is no function");
    const { pid } = measured.process;
    const isLimited = await limitMemory(pid, LIMIT_MIB - (await residentMib(pid)));
    // The first one loads what the function loads late, and tells Redis the scripts.
    await stage.ping();
    const memory = watchMemory(measured);
    const before = await memory.inUse();
    const [commands, calls] = [await redis.commandsProcessed(), stage.api.calls.length];
    const { ms: tookMs, result } = await timed(() => stage.ping());
    const after = await memory.inUse();
    memory.stop();
    if (result.status !== 204 || !result.outcome.includes("nothing was to be done")) {
      problems.push(`a sweep of ${pods} settled pods ended with ${result.status} ${result.outcome}`);
    }
    const sent = (await redis.commandsProcessed()) - commands;
    if (sent !== commandsFor(networks))
      problems.push(`a sweep of ${networks} networks sent ${sent} commands, not ${commandsFor(networks)}`);
    return {
      pods,
      networks,
      ms: round(tookMs),
      cpuMs: round(after.cpuMs - before.cpuMs),
      commands: sent,
      calls: stage.api.calls.length - calls,
      mibPeak: round(memory.peak(), 1),
      isLimited,
    };
  } finally {
    await stage.close();
    child.kill("SIGKILL");
  }
}

/** Pods that say that they are in, stacks that have them, and a peer at each address. */
async function settle(stage: Stage, { networks, port }: { networks: number; port: number }): Promise<void> {
  const contacts = createRedisContacts({
    url: stage.redis?.redisUrl ?? "",
    sentinels: [],
    timeoutMs: 5_000,
    prefix: "klight:",
  });
  for (let index = 0; index < networks; index += 1) {
    const id = `network-${index}`;
    const stack = Array.from({ length: perNetwork }, (_, at) => settled(stage, id, { index, at, port }));
    const network = `default/${id}`;
    await contacts.begin(network, "bench", 10_000);
    const committed = await contacts.commit(network, "bench", { stack, generation: 1, newest: "" });
    if (committed.tag !== "committed") throw new Error(`${network} was not written: ${committed.tag}`);
  }
  contacts.close();
}

function settled(
  { api }: Stage,
  id: string,
  { index, at, port }: { index: number; at: number; port: number },
): Contact {
  const pod = { namespace: "default", name: `${id}-${at}` };
  const metadata = { ...pod, labels: { "klight.networkId": id } };
  const containers = [{ name: "lightpeer", image: "lightpeer" }];
  api.pods.create({ apiVersion: "v1", kind: "Pod", metadata, spec: { containers } }, "default");
  const ip = `127.${at + 1}.${index >> 8}.${index & 255}`;
  const running = run(api.pods, pod, ip);
  const { uid } = running.metadata;
  const incarnation = running.status.containerStatuses?.[0]?.containerID ?? uid;
  const { status, reason, message } = formatJoined({
    status: "True",
    reason: "Joined",
    message: `${pod.name} is in default/${id}`,
    network: `default/${id}`,
    incarnation,
    generation: 1,
  });
  api.pods.mergeConditions(pod, uid, [{ type: JOINED_CONDITION, status, reason, message }]);
  const joinedAt = new Date().toISOString();
  return { ...pod, uid, address: `${ip}:${port}`, incarnation, via: null, joinedAt };
}
