import assert from "node:assert/strict";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { ok, type Reply } from "../harness/lightpeer/status.ts";
import type { Scenario, World } from "./lightpeer-worlds.ts";

/** How one play of a scenario ended. `failed` counts the calls of interest that answered an error. */
export interface Ending {
  readonly whole: boolean;
  readonly failed: number;
}

const end = async (
  world: World,
  hosts: readonly PeerHost[],
  replies: readonly Reply[] = [],
): Promise<Ending> => {
  const { tag } = await world.whole(hosts);
  return { whole: tag === "whole", failed: replies.filter((reply) => reply.tag === "failed").length };
};

/** Longer than two health periods: after it the survivors have cleaned up, or never will. */
const settled = 1_500;

const newestOf = (members: readonly PeerHost[]): PeerHost => {
  const newest = members.at(-1);
  assert.ok(newest);
  return newest;
};

const anyOf = (world: World, members: readonly PeerHost[]): PeerHost => {
  const any = members[Math.floor(world.random() * members.length)];
  assert.ok(any);
  return any;
};

const grownUp = async (world: World, size: number): Promise<PeerHost[]> => {
  const members = await world.network(size);
  await world.sleep(500 + world.random() * 500);
  return members;
};

/** Stores every `periodMs` ms at a peer until it is stopped. */
const application = (world: World, host: PeerHost, periodMs: number): { stop: () => Promise<void> } => {
  const state = { goesOn: true };
  const stores = async (): Promise<void> => {
    await world.sleep(world.random() * periodMs);
    for (let count = 0; state.goesOn; count += 1) {
      const next = world.now() + periodMs;
      await world.persist(host, `${host.address}-${count}`);
      await world.sleep(Math.max(0, next - world.now()));
    }
  };
  const done = stores();
  return {
    stop: async () => {
      state.goesOn = false;
      await done;
    },
  };
};

export const joinsAtOnce: Scenario<Ending> = async (world) => {
  const contact = await world.start();
  const joiners = await Promise.all(Array.from({ length: 7 }, () => world.start()));
  const replies = await Promise.all(joiners.map((joiner) => world.join(joiner, contact)));
  return end(world, [contact, ...joiners], replies);
};

export const oneOfSixKilled: Scenario<Ending> = async (world) => {
  const members = await grownUp(world, 6);
  const victim = anyOf(world, members);
  await victim.kill();
  await world.sleep(settled);
  return end(
    world,
    members.filter((member) => member !== victim),
  );
};

export const contactKilledThenNext: Scenario<Ending> = async (world) => {
  const members = await grownUp(world, 6);
  const contact = newestOf(members);
  await contact.kill();
  await world.sleep(world.random() * 2_000);
  const rest = members.slice(0, -1);
  const joiner = await world.start();
  const reply = await world.join(joiner, newestOf(rest));
  await world.sleep(settled);
  return end(world, [...rest, joiner], [reply]);
};

/** Replaces each of eight members by a new one; `pauseMs` lies between each join and death, `quietMs` before each join. */
export const rollingReplacement =
  (order: "new first" | "old first", pauseMs: readonly [number, number], quietMs: number): Scenario<Ending> =>
  async (world) => {
    const old = await grownUp(world, 8);
    const members = [...old];
    const replies: Reply[] = [];
    const pause = (): Promise<void> => world.sleep(pauseMs[0] + world.random() * (pauseMs[1] - pauseMs[0]));
    const add = async (): Promise<void> => {
      await world.sleep(quietMs);
      const joiner = await world.start();
      const reply = await world.join(joiner, newestOf(members));
      replies.push(reply);
      if (reply.tag === "ok") members.push(joiner);
      await pause();
    };
    const remove = async (victim: PeerHost): Promise<void> => {
      await victim.kill();
      members.splice(members.indexOf(victim), 1);
      await pause();
    };
    for (const victim of old) {
      // A join that failed has broken the network: there is nothing more to find out.
      if (replies.at(-1)?.tag === "failed") return { whole: false, failed: 1 };
      if (order === "new first") {
        await add();
        await remove(victim);
      } else {
        await remove(victim);
        await add();
      }
    }
    await world.sleep(settled);
    return end(world, members, replies);
  };

export const joinerKilled: Scenario<Ending> = async (world) => {
  const members = await grownUp(world, 6);
  const joiner = await world.start();
  const reply = world.join(joiner, newestOf(members));
  await world.sleep(world.random() * 5);
  await joiner.kill();
  const replies = [await reply];
  await world.sleep(settled);
  return end(world, members, replies);
};

export const contactKilledInJoin: Scenario<Ending> = async (world) => {
  const members = await grownUp(world, 6);
  const joiner = await world.start();
  const contact = newestOf(members);
  const reply = world.join(joiner, contact);
  await world.sleep(world.random() * 12);
  await contact.kill();
  const replies = [await reply];
  await world.sleep(settled);
  return end(world, members.slice(0, -1), replies);
};

/**
 * A join given up when the contact may have taken the peer in already. Whoever stores then finds out that the network
 * is dead, and forks it by that; so either that is asked, or the half-joined peer goes down and all is well again.
 */
export const givenUpJoin =
  (next: "store" | "joiner goes down"): Scenario<Ending & { readonly halfJoined: boolean }> =>
  async (world) => {
    const [first, contact] = await grownUp(world, 2);
    assert.ok(first && contact);
    const joiner = await world.start();
    const ctx = world.within(5_000);
    const reply = world.at(joiner).joinNetwork(ctx, contact.address);
    await world.sleep(1 + world.random() * 6);
    ctx.end("CANCELLED");
    const replies = [await reply];
    await world.sleep(settled);
    const halfJoined =
      first.state.head.id === contact.state.head.id &&
      contact.state.network.includes(joiner.address) &&
      joiner.state.head.id === "";
    if (next === "joiner goes down") {
      await joiner.kill();
      await world.sleep(settled);
    }
    return { ...(await end(world, [first, contact], replies)), halfJoined };
  };

/** Five peers join 1 s apart while one application stores. */
export const joinsUnderLoad =
  (historyLength: number, perSecond: number): Scenario<Ending> =>
  async (world) => {
    const members = await grownUp(world, 3);
    for (let count = 0; count < historyLength; count += 1) {
      assert.deepEqual(await world.persist(newestOf(members), `history-${count}`), ok);
    }
    const storing = application(world, anyOf(world, members), 1_000 / perSecond);
    const replies: Reply[] = [];
    for (let count = 0; count < 5; count += 1) {
      await world.sleep(1_000);
      const joiner = await world.start();
      const reply = await world.join(joiner, newestOf(members));
      replies.push(reply);
      if (reply.tag === "ok") members.push(joiner);
    }
    await storing.stop();
    await world.sleep(settled);
    return end(world, members, replies);
  };

export const sixWriters: Scenario<Ending> = async (world) => {
  const members = await grownUp(world, 6);
  const storing = members.map((member) => application(world, member, 200));
  await world.sleep(5_000);
  for (const one of storing) await one.stop();
  return end(world, members);
};

/** Two members of six store 0 to 4 ms apart. */
export const twoPersists =
  (who: "the first of the list" | "others"): Scenario<Ending> =>
  async (world) => {
    const members = await grownUp(world, 6);
    const [one, other] = who === "others" ? [members[2], members[4]] : [members[0], members[3]];
    assert.ok(one && other);
    const replies = [world.persist(one, "one")];
    await world.sleep(world.random() * 4);
    replies.push(world.persist(other, "other"));
    const ended = await Promise.all(replies);
    return end(world, members, ended);
  };
