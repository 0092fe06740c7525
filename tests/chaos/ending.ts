import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Proof } from "./peers-calls.ts";
import type { Network } from "./kubelet.ts";
import type { World } from "./world.ts";

/** How long what was under way may take once nothing goes wrong any more, ms: a dead step's lease, and retries. */
const CALM_MS = 180_000;

/** How long lightpeers take to notice that somebody died, ms: two rounds of health checks and some slack. */
const NOTICE_MS = 2_500;

/** A sweep takes no longer than this, ms. */
const SWEEP_MS = 120_000;

/** What has become of a network at the end. */
export interface NetworkEnd {
  readonly network: string;
  readonly pods: number;
  readonly proof: Proof;
  /** What is wrong with its stack, or with what its pods say. */
  readonly records: readonly string[];
}

/** What a PingSource posts. */
export const ping = (url: string): Promise<Response> =>
  fetch(url, {
    method: "POST",
    headers: {
      "ce-id": randomUUID(),
      "ce-source": "/apis/v1/namespaces/klight/pingsources/sweep",
      "ce-type": "dev.knative.sources.ping",
      "ce-specversion": "1.0",
    },
    signal: AbortSignal.timeout(SWEEP_MS),
  });

/** After the last fault: what was under way ends, two sweeps run, and every network is looked at. */
export async function end(world: World, tell: (line: string) => void): Promise<readonly NetworkEnd[]> {
  const { networks, functions } = world;
  await Promise.all(networks.map(({ peers }) => peers.ask("stopStoring")));
  await calm(world, tell);
  for (let sweep = 1; sweep <= 2; sweep += 1) {
    await sleep(NOTICE_MS);
    const answer = await ping(functions.url);
    await answer.arrayBuffer();
    tell(`sweep ${sweep}: ${answer.status} ${answer.headers.get("klight-outcome") ?? ""}`);
    await calm(world, tell);
  }
  await sleep(NOTICE_MS);
  return Promise.all(networks.map((network) => become(world, network)));
}

/** Nothing is under way, and nobody has a lease. */
async function calm(world: World, tell: (line: string) => void): Promise<void> {
  const { contacts, networks } = world;
  const keys = networks.map(({ key }) => key);
  for (const until = performance.now() + CALM_MS; performance.now() < until; await sleep(100)) {
    await Promise.race([world.delivered(), sleep(until - performance.now())]);
    const read = await contacts.read(keys);
    if (read.tag === "read" && !read.views.some(({ leased }) => leased)) return;
  }
  tell(`something is still under way after ${CALM_MS / 1_000} s`);
}

async function become(world: World, network: Network): Promise<NetworkEnd> {
  const { key, peers, pods } = network;
  const records = await recordsOf(world, network);
  const proof = await peers.ask(
    "prove",
    pods.map(({ address }) => address),
  );
  return { network: key, pods: pods.length, proof, records };
}

/** Is the stack exactly the members, and does every pod say that it is in? */
async function recordsOf({ contacts, kubelet }: World, { key, pods }: Network): Promise<readonly string[]> {
  const read = await contacts.read([key]);
  if (read.tag === "failed") return [`its stack cannot be read: ${read.message}`];
  const stack = (read.views[0]?.stack ?? [])
    .map(({ name, incarnation }) => `${name} (${incarnation})`)
    .sort();
  const members = pods.map((pod) => `${pod.name} (${kubelet.read(pod)?.incarnation})`).sort();
  const extra = stack.filter((each, index) => !members.includes(each) || stack.indexOf(each) !== index);
  const missing = members.filter((each) => !stack.includes(each));
  const silent = pods.filter((pod) => !kubelet.saysJoined(pod));
  return [
    ...extra.map((each) => `${each} is on its stack and no member`),
    ...missing.map((each) => `${each} is not on its stack`),
    ...silent.map(({ name }) => `${name} does not say that it is joined`),
  ];
}
