import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { Contact } from "../../lib/store/contacts.ts";
import { createRedisContacts } from "../../lib/store/redis.ts";
import { formatJoined, JOINED_CONDITION } from "../../lib/pod/condition.ts";
import { run } from "../harness/api-server/kubelet.ts";
import type { Stage } from "../harness/stage.ts";
import { startCalmStage } from "./fleet.ts";
import { asInContainer } from "./memory.ts";

export const PER_NETWORK = 10;

/**
 * A stage with so many networks in which nothing is to be done, and a function with the memory of its container. `note`:
 * an annotation that each pod has.
 */
export async function startSettledStage(
  networks: number,
  note = "",
): Promise<{ readonly stage: Stage; readonly close: () => Promise<void> }> {
  const child = fork(fileURLToPath(new URL("peers-everywhere.ts", import.meta.url)));
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  const stage = await startCalmStage({ NODE_OPTIONS: asInContainer, KLIGHT_DEFAULT_PORT: String(port) });
  const close = async (): Promise<void> => {
    await stage.close();
    child.kill("SIGKILL");
  };
  try {
    await settle(stage, { networks, port, note });
    return { stage, close };
  } catch (error) {
    await close();
    throw error;
  }
}

interface Settling {
  readonly networks: number;
  readonly port: number;
  readonly note: string;
}

/** Pods that say that they are in, stacks that have them, and a peer at each address. */
async function settle(stage: Stage, { networks, port, note }: Settling): Promise<void> {
  const contacts = createRedisContacts({
    url: stage.redis?.redisUrl ?? "",
    sentinels: [],
    timeoutMs: 5_000,
    prefix: "klight:",
  });
  for (let index = 0; index < networks; index += 1) {
    const id = `network-${index}`;
    const stack = Array.from({ length: PER_NETWORK }, (_, at) =>
      settled(stage, id, { index, at, port, note }),
    );
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
  { index, at, port, note }: Omit<Settling, "networks"> & { readonly index: number; readonly at: number },
): Contact {
  const pod = { namespace: "default", name: `${id}-${at}` };
  const metadata = { ...pod, labels: { "klight.networkId": id }, annotations: { note } };
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
