import { Life } from "../harness/lightpeer/life.ts";
import { whole } from "../harness/lightpeer/whole.ts";
import type { Facts } from "./facts.ts";
import { NAMESPACE } from "./pod-status.ts";
import { networkName, type World } from "./world.ts";

/** So long what was under way may take once nothing goes wrong any more: a lease that a dead step left, and retries. */
const CALM_MS = 300_000;

/** How long lightpeers take to notice that somebody died, ms: two rounds of health checks and some slack. */
const NOTICE_MS = 2_500;

/** Ends all faults, lets one sweep run, and finds out what has become of every network. */
export async function settle(world: World): Promise<Facts> {
  const { clock, kubelet, witness } = world;
  witness.countWaiting();
  healAll(world);
  // What restarts by itself is back by then.
  await clock.advance(8_000);
  await clock.run(calm(world), CALM_MS).catch(() => {});
  await clock.advance(NOTICE_MS);
  await clock.run(world.sweep(), CALM_MS).catch(() => {});
  await clock.run(calm(world), CALM_MS).catch(() => {});
  await clock.advance(NOTICE_MS);
  for (const index of [0, 1]) witness.facts.networks.push(await clock.run(become(world, networkName(index))));
  for (const pod of kubelet.pods) pod.process?.life.kill();
  return witness.facts;
}

/** Everybody who was stopped goes on, walls fall, addresses are one pod's again, machines that are off are given up, what klight has no call for goes. */
function healAll({ service, store, api, delivery, kubelet, wire }: World): void {
  wire.walls.clear();
  service.heal();
  store.heal();
  api.heal();
  delivery.heal();
  for (const pod of kubelet.present) {
    if (pod.state === "lost" || !pod.labelled || pod.isShadowed) kubelet.delete(pod, 0);
    else if (pod.process) kubelet.wake(pod, pod.process);
  }
}

/** Nothing is under way, and nobody has a lease: a step that died has left its own until it runs out. */
async function calm({ clock, service, delivery, store }: World): Promise<void> {
  const networks = [0, 1].map((index) => `${NAMESPACE}/${networkName(index)}`);
  for (;;) {
    const read = await store.memory.read(networks);
    const leased = read.tag === "read" && read.views.some((view) => view.leased);
    if (!leased && service.running === 0 && delivery.pending === 0) return;
    await clock.sleep(100);
  }
}

async function become(
  { clock, wire, store, kubelet }: World,
  network: string,
): Promise<Facts["networks"][number]> {
  const members = kubelet.present.filter(
    ({ network: of, address, process }) => of === network && process?.isRunning && process.name === address,
  );
  const addresses = members.map(({ address }) => address ?? "");
  const lists = members.map(({ process }) => process?.state.network ?? []);
  const stack = await store.stack(`${NAMESPACE}/${network}`);
  const end = await whole({ dialer: wire.dialer(new Life(), "application"), addresses, timers: clock });
  return {
    network,
    members: addresses,
    broken: end.tag === "broken" ? end.reason : undefined,
    lists: [...new Set(lists.map((list) => JSON.stringify(list)))].map(
      (list) => JSON.parse(list) as string[],
    ),
    entries: end.tag === "whole" ? new Set(end.entries) : (members[0]?.process?.entries ?? new Set()),
    lives: members.map(({ uid, process }) => `${uid} ${process?.containerId}`),
    stack: stack.map(({ uid, incarnation }) => `${uid} ${incarnation}`),
  };
}
