import type { SimPod } from "./kubelet.ts";
import type { Command } from "./schedule.ts";
import { networkName, type World } from "./world.ts";

/** Does what a command says; where there is nothing to do it to, nothing. */
export function perform(world: World, command: Command): void {
  const { kubelet, clock } = world;
  switch (command.kind) {
    case "create":
      kubelet.create(networkName(command.network), command.reuseAddress);
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
    case "unlabel": {
      const running = kubelet.present.filter(({ state }) => state === "running");
      const pod = running[command.pod % Math.max(1, running.length)];
      if (pod) doTo(world, pod, command);
      return;
    }
    case "sweep":
      void world.sweep();
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

type Of<Kind extends Command["kind"]> = Extract<Command, { kind: Kind }>;

function doTo(
  { kubelet }: World,
  pod: SimPod,
  command: Of<"delete" | "crash-peer" | "hang" | "relabel" | "unlabel">,
): void {
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
  }
}

/** Every pod of a network is replaced, one after the other. */
function rollOut({ kubelet, clock }: World, { network, gapMs, newFirst }: Of<"rollout">): void {
  const name = networkName(network);
  const old = kubelet.present.filter((pod) => pod.network === name && pod.state === "running");
  for (const [index, pod] of old.entries()) {
    const create = (): void => void kubelet.create(name, false);
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
