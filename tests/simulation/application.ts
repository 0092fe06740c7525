import type { Wire } from "./wire.ts";
import { Context } from "../harness/lightpeer/context.ts";
import type { VirtualClock } from "../harness/virtual-clock.ts";
import type { SimPod } from "./kubelet.ts";
import type { Random } from "./random.ts";

/** When an application stores, ms from the start. */
export interface Storing {
  readonly network: string;
  readonly from: number;
  readonly until: number;
  readonly everyMs: number;
}

interface Around {
  readonly clock: VirtualClock;
  readonly wire: Wire;
  readonly random: Random;
  /** Pods of a network whose peers are joined, as the pods themselves say. */
  readonly joined: (network: string) => readonly SimPod[];
  readonly onStored: (network: string, entry: string) => void;
}

/**
 * The one writer of a network: it lives in a pod and stores there, one entry after the other, once that pod says that
 * it is joined. When its pod goes, or is joined no more, it goes on in another one.
 */
export async function runApplication(storing: Storing, around: Around): Promise<void> {
  const { clock, wire, random, joined, onStored } = around;
  const { network } = storing;
  const start = clock.now();
  await clock.sleep(storing.from);
  let home: SimPod | undefined;
  for (let count = 1; clock.now() - start < storing.until; count += 1) {
    const pods = joined(network);
    if (home === undefined || !pods.includes(home)) home = pods[random.below(pods.length)];
    const process = home?.process;
    if (process?.isRunning) {
      const entry = `${network} ${count}`;
      const payload = Buffer.from(entry);
      const persisting = wire.dialer(process.life, "application").dial(process.address);
      const reply = await persisting.persist(new Context(), payload);
      if (reply.tag === "ok") onStored(network, entry);
    }
    await clock.sleep(storing.everyMs * random.between(0.5, 1.5));
  }
}
