import assert from "node:assert/strict";
import type { Block } from "../../lib/peers/lightpeer.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { writeList } from "../harness/lightpeer/network-list.ts";
import { failed, ok } from "../harness/lightpeer/status.ts";
import type { Scenario, World } from "./lightpeer-worlds.ts";

const addressOf = ({ address }: PeerHost): string => address;

/** A seed: whoever is given a chain gets it, all others are denied. */
const seedIn = async (
  world: World,
): Promise<{ readonly address: string; readonly chains: Map<string, readonly Block[]> }> => {
  const chains = new Map<string, readonly Block[]>();
  const address = await world.listen({
    connectNewPeer: async (_ctx, guest, take) => {
      const chain = chains.get(guest);
      if (!chain) return failed("PERMISSION_DENIED", `${guest} is not expected here`);
      for (const block of chain) take(block);
      return ok;
    },
    check: async () => ok,
  });
  return { address, chains };
};

/** One history, newest first, below a NETWORK block with that list. */
const chainOf = (name: string, list: readonly string[], entries: readonly string[]): readonly Block[] => {
  const ids = entries.map((_, index) => `${name}-${entries.length - index}`);
  const history = entries.map((entry, index): Block => ({
    id: ids[index] ?? "",
    prevId: ids[index + 1] ?? "",
    kind: "client",
    payload: Buffer.from(entry),
  }));
  return [{ id: name, prevId: ids[0] ?? "", kind: "network", payload: writeList(list) }, ...history];
};

const brokenNetwork = async (world: World): Promise<[PeerHost, PeerHost, PeerHost]> => {
  const [first, second, third] = await world.network(3);
  assert.ok(first && second && third);
  for (const entry of ["one", "two"]) assert.deepEqual(await world.persist(first, entry), ok);
  assert.deepEqual(await world.join(third, first), ok);
  assert.equal((await world.whole([first, second, third])).tag, "broken");
  return [first, second, third];
};

/** A network that is broken comes back by a seed, and can be looked at without harm. */
export const reformCases: Readonly<Record<string, Scenario>> = {
  "a broken network comes back in place when all members join a seed with one chain": async (world) => {
    const members = await brokenNetwork(world);
    const { address, chains } = await seedIn(world);
    const chain = chainOf("reform-1", members.map(addressOf), ["two", "one"]);
    for (const member of members) chains.set(member.address, chain);
    for (const reply of await Promise.all(members.map((member) => world.join(member, { address })))) {
      assert.deepEqual(reply, ok);
    }
    const seen = await world.whole(members);
    assert.equal(seen.tag, "whole", seen.tag === "broken" ? seen.reason : "");
    assert.deepEqual(seen.entries.slice(-2), ["two", "one"]);
    for (const { state } of members) assert.deepEqual(state.network, members.map(addressOf));
  },

  "a re-form can be done again, in any order, and by a member that hung": async (world) => {
    const members = await brokenNetwork(world);
    const [first, second, third] = members;
    const { address, chains } = await seedIn(world);
    const chain = chainOf("reform-1", members.map(addressOf), ["two", "one"]);
    for (const member of members) chains.set(member.address, chain);
    second.hang();
    assert.deepEqual(await world.join(third, { address }), ok);
    assert.equal((await world.join(second, { address }, 300)).tag, "failed");
    assert.deepEqual(await world.join(first, { address }), ok);
    assert.deepEqual(await world.join(third, { address }), ok);
    second.wake();
    assert.deepEqual(await world.join(second, { address }), ok);
    assert.equal((await world.whole(members)).tag, "whole");
  },

  "who is denied by a seed has lost nothing": async (world) => {
    const [first, second] = await world.network(2);
    assert.ok(first && second);
    const { address } = await seedIn(world);
    const reply = await world.join(second, { address });
    assert.equal(reply.tag, "failed");
    assert.match(reply.message, /code = PermissionDenied/);
    assert.equal((await world.whole([first, second])).tag, "whole");
  },

  "a visit tells head and list and leaves the network whole": async (world) => {
    const members = await world.network(3);
    const newest = members.at(-1);
    assert.ok(newest);
    const { address } = await seedIn(world);
    const blocks: Block[] = [];
    const reply = await world.call(2_000, (ctx) =>
      world.at(newest).connectNewPeer(ctx, address, (block) => blocks.push(block)),
    );
    assert.deepEqual(reply, ok);
    const [head] = blocks;
    assert.ok(head);
    assert.deepEqual(Buffer.from(head.payload), Buffer.from(writeList([...members.map(addressOf), address])));
    const without: Block = {
      id: "visit-1",
      prevId: head.id,
      kind: "network",
      payload: writeList(members.map(addressOf)),
    };
    for (const member of members) assert.deepEqual(await world.notify(member, without), ok);
    assert.equal((await world.whole(members)).tag, "whole");
  },

  "a visit to a broken network is refused": async (world) => {
    const [first, , third] = await brokenNetwork(world);
    const { address } = await seedIn(world);
    for (const member of [first, third]) {
      const reply = await world.call(2_000, (ctx) => world.at(member).connectNewPeer(ctx, address, () => {}));
      assert.equal(reply.tag, "failed");
      assert.match(reply.message, /invalid parent/);
    }
  },
};
