import type { SimPod } from "./kubelet.ts";
import type { Command } from "./schedule.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { Life } from "../harness/lightpeer/life.ts";
import { networkName, networkNames, type World } from "./world.ts";

/** Does what a command says; where there is nothing to do it to, nothing. */
export function perform(world: World, command: Command): void {
  const { kubelet, clock } = world;
  world.witness.troubled(troubledBy(world, command));
  switch (command.kind) {
    case "create":
      kubelet.create(networkName(command.network), { reuseAddress: command.reuseAddress });
      return;
    case "misnamed":
      kubelet.create(networkName(command.network), { isMisnamed: true });
      return;
    case "share-address":
      shareAddress(world, command);
      return;
    case "rollout":
      rollOut(world, command);
      return;
    case "lose-node":
      kubelet.loseNode(command.node % 3);
      return;
    case "delete":
    case "crash-peer":
    case "hang":
    case "relabel":
    case "unlabel":
    case "evict":
    case "move-address":
    case "busy":
    case "wall": {
      const pod = runningPod(world, command.pod);
      if (pod) doTo(world, pod, command);
      return;
    }
    case "sweep":
      void world.sweep();
      return;
    case "impostor":
      impostor(world, command);
      return;
    case "reform":
      void world.reform(networkName(command.network));
      return;
    case "fault":
      world.service.addFault(command.instance, command);
      return;
    case "adapter-away":
      world.delivery.awayUntil = clock.now() + command.ms;
      return;
    case "rough-delivery":
      world.delivery.roughUntil = clock.now() + command.ms;
      world.delivery.lagMs = command.lagMs;
      world.delivery.duplicates = command.duplicates;
      return;
    case "store":
    case "flush":
    case "mishap":
      harmStore(world, command);
      return;
    case "api":
    case "lose-writes":
      harmApi(world, command);
  }
}

type OfPod = Of<
  "delete" | "crash-peer" | "hang" | "relabel" | "unlabel" | "evict" | "move-address" | "busy" | "wall"
>;
type Of<Kind extends Command["kind"]> = Extract<Command, { kind: Kind }>;

function doTo(world: World, pod: SimPod, command: OfPod): void {
  const { kubelet } = world;
  switch (command.kind) {
    case "delete":
      kubelet.delete(pod, command.graceMs);
      return;
    case "crash-peer":
      kubelet.crash(pod, command.backMs);
      return;
    case "hang":
      kubelet.hang(pod, command.ms);
      return;
    case "relabel":
      kubelet.relabel(pod, networkName(command.network));
      return;
    case "unlabel":
      kubelet.unlabel(pod);
      return;
    case "evict":
      evict(world, pod, command);
      return;
    case "move-address":
      kubelet.move(pod);
      return;
    case "busy":
      kubelet.busy(pod, command.ms);
      return;
    case "wall":
      wallIn(world, pod, command);
  }
}

/** A pod of any network may be given its address at once. */
function evict({ kubelet, clock }: World, pod: SimPod, command: Of<"evict">): void {
  kubelet.finish(pod, command);
  if (command.next === undefined) return;
  const network = networkName(command.next);
  clock.after(command.nextMs, () => void kubelet.create(network, { reuseAddress: true }));
}

/** klight does not get through to a pod, or to all of its network; everybody else does. */
function wallIn({ kubelet, wire, clock }: World, { network, uid }: SimPod, command: Of<"wall">): void {
  const those = kubelet.present.filter((pod) =>
    command.whole ? pod.network === network && pod.state === "running" : pod.uid === uid,
  );
  for (const { address } of those) {
    if (address === undefined) continue;
    wire.walls.set(address, { how: command.how, since: clock.now() });
    clock.after(command.ms, () => wire.walls.delete(address));
  }
}

/** How often an impostor knocks, ms. */
const KNOCK_MS = 5;

/** A process that is no peer names a running pod's address at klight's seed, again and again. */
function impostor(world: World, { pod: number, ms }: Of<"impostor">): void {
  const { wire, clock, service } = world;
  const until = clock.now() + ms;
  const calls = wire.dialer(new Life(), "peer");
  const knock = (): void => {
    const name = runningPod(world, number)?.address;
    for (const seed of name === undefined ? [] : service.seeds)
      void calls.dial(seed).connectNewPeer(new Context(), name ?? "", () => {});
    if (clock.now() < until) clock.after(KNOCK_MS, knock);
  };
  knock();
}

/** Another pod is told to have the address of one that lives, for as long as that takes. */
function shareAddress({ kubelet, clock }: World, command: Of<"share-address">): void {
  const running = kubelet.present.filter(({ state, isShadowed }) => state === "running" && !isShadowed);
  const shares = running[command.pod % Math.max(1, running.length)];
  if (shares === undefined) return;
  const pod = kubelet.create(networkName(command.network), { shares });
  clock.after(command.ms, () => {
    kubelet.delete(pod, 0);
  });
}

/** Every pod of a network is replaced, one after the other. */
function rollOut({ kubelet, clock }: World, { network, gapMs, newFirst }: Of<"rollout">): void {
  const name = networkName(network);
  const old = kubelet.present.filter((pod) => pod.network === name && pod.state === "running");
  for (const [index, pod] of old.entries()) {
    const create = (): void => void kubelet.create(name);
    clock.after(index * gapMs, () => {
      if (newFirst) create();
      clock.after(newFirst ? gapMs / 2 : 0, () => {
        kubelet.delete(pod, 50);
        if (!newFirst) create();
      });
    });
  }
}

function harmStore({ store, clock }: World, command: Of<"store" | "flush" | "mishap">): void {
  switch (command.kind) {
    case "flush":
      store.flush();
      return;
    case "mishap":
      store.mishaps.push(...command.mishaps);
      return;
    case "store":
      if (command.how === "away") store.awayUntil = clock.now() + command.ms;
      else store.slowUntil = clock.now() + command.ms;
  }
}

function harmApi({ api, clock }: World, command: Of<"api" | "lose-writes">): void {
  if (command.kind === "lose-writes") {
    api.repliesLost += command.count;
    return;
  }
  if (command.how === "away") api.awayUntil = clock.now() + command.ms;
  else {
    api.staleUntil = clock.now() + command.ms;
    api.staleMs = command.behindMs;
  }
}

/** The networks in which that may hold up a pod of its own. What happens to more than one pod may do so in all. */
function troubledBy(world: World, command: Command): readonly string[] {
  switch (command.kind) {
    case "create":
    case "sweep":
    case "impostor":
      return [];
    case "misnamed":
    case "rollout":
    case "reform":
      return [networkName(command.network)];
    case "delete":
    case "crash-peer":
    case "hang":
    case "busy":
    case "unlabel":
    case "move-address":
    case "wall":
      return [runningPod(world, command.pod)?.network ?? ""];
    case "relabel":
    case "evict":
    case "share-address":
    case "lose-node":
    case "fault":
    case "store":
    case "flush":
    case "mishap":
    case "api":
    case "lose-writes":
    case "adapter-away":
    case "rough-delivery":
      return networkNames;
  }
}

/** Running pods are counted round. */
function runningPod({ kubelet }: World, number: number): SimPod | undefined {
  const running = kubelet.present.filter(({ state }) => state === "running");
  return running[number % Math.max(1, running.length)];
}
