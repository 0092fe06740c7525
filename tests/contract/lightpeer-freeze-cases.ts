import assert from "node:assert/strict";
import type { ExpectedPeer, JoinEnd, Seed } from "../../lib/peers/lightpeer.ts";
import { bodyOf, headOf, liveBlockOf } from "../../lib/reconcile/reform/chain.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { ok, type Reply } from "../harness/lightpeer/status.ts";
import type { Scenario, World } from "./lightpeer-worlds.ts";

/** A round of health checks, and the pause after it. */
const ROUND_MS = 600;

const addressOf = ({ address }: PeerHost): string => address;

/** Some peers at the seed, each with its first block alone, which lists the seed and all of them. */
interface Frozen {
  readonly seed: Seed;
  readonly guests: readonly ExpectedPeer[];
  readonly joining: readonly Promise<JoinEnd>[];
}

const openSeed = async ({ klight }: World): Promise<Seed> => {
  const opened = await klight.seeds.open("reform");
  assert.ok(opened.tag === "open");
  return opened.seed;
};

const freeze = async (
  world: World,
  hosts: readonly PeerHost[],
  list: readonly PeerHost[] = hosts,
): Promise<Frozen> => {
  const seed = await openSeed(world);
  const head = headOf("freeze", [seed.address, ...list.map(addressOf)]);
  const guests = hosts.map(({ address }) => seed.expect(address, head));
  const joining = hosts.map(({ address }) => world.klight.lightpeer.join(address, seed.address, 20_000));
  await Promise.all(guests.map(({ arrived }) => arrived));
  await until(world, () => hosts.every(({ state }) => state.network[0] === seed.address));
  return { seed, guests, joining };
};

const handOver = async ({ guests, joining }: Frozen, entries: readonly string[]): Promise<void> => {
  const payloads = entries.map((entry) => Buffer.from(entry));
  await Promise.all(guests.map((guest) => guest.send(bodyOf("freeze", payloads))));
  for (const guest of guests) guest.finish();
  for (const end of await Promise.all(joining)) assert.deepEqual(end, { tag: "joined" });
};

const until = async (world: World, isSo: () => boolean): Promise<void> => {
  const limit = world.now() + 10_000;
  while (!isSo() && world.now() < limit) await world.sleep(5);
  assert.ok(isSo(), "it takes too long");
};

const three = async (world: World): Promise<[PeerHost, PeerHost, PeerHost]> => {
  const [first, second, third] = await world.network(3);
  assert.ok(first && second && third);
  return [first, second, third];
};

/** What each has: its newest block, and all entries. */
const holdings = (world: World, hosts: readonly PeerHost[]): Promise<readonly unknown[]> =>
  Promise.all(hosts.map(async (host) => [host.state.head.id, await world.entries(host)]));

/** Nobody can store: each is refused, and nothing has changed anywhere. */
const assertRefused = async (world: World, hosts: readonly PeerHost[]): Promise<void> => {
  const before = await holdings(world, hosts);
  for (const host of hosts) {
    const reply = await world.persist(host, "refused");
    assert.ok(reply.tag === "failed", `${host.address} has stored`);
    assert.equal(reply.code, "UNKNOWN");
    assert.deepEqual(await holdings(world, hosts), before);
  }
};

const assertWhole = async (world: World, hosts: readonly PeerHost[]): Promise<void> => {
  const seen = await world.whole(hosts);
  assert.equal(seen.tag, "whole", seen.tag === "broken" ? seen.reason : "");
};

/** Health checks have taken the seed, which is gone, from their lists, and no round of them is still at that. */
const seedDropped = async (world: World, { seed }: Frozen, hosts: readonly PeerHost[]): Promise<void> => {
  const before = new Set(hosts.map(({ state }) => state.head.id));
  await until(world, () => {
    const heads = new Set(hosts.map(({ state }) => state.head.id));
    const lists = hosts.map(({ state }) => state.network);
    return (
      heads.size === 1 && ![...heads].some((head) => before.has(head)) && !lists.flat().includes(seed.address)
    );
  });
  await world.sleep(ROUND_MS);
};

/** How a network is held still at klight's seed, and goes on: a title, and what is so. */
export const freezeCases: Readonly<Record<string, Scenario>> = {
  "a peer held at the seed has the new list and its old chain, and refuses to store": async (world) => {
    const members = await three(world);
    assert.deepEqual(await world.persist(members[1], "kept"), ok);
    const heads = members.map(({ state }) => state.head);
    const frozen = await freeze(world, members);
    const list = [frozen.seed.address, ...members.map(addressOf)];
    for (const { state } of members) assert.deepEqual(state.network, list);
    assert.deepEqual(
      members.map(({ state }) => state.head),
      heads,
    );
    await assertRefused(world, members);
    for (const guest of frozen.guests) guest.refuse();
    frozen.seed.close();
  },

  "one peer of a network held at the seed keeps no other from storing, and stays with them": async (
    world,
  ) => {
    const [first, second, third] = await three(world);
    const frozen = await freeze(world, [first], [first, second, third]);
    const refused = await world.persist(first, "refused");
    assert.equal(refused.tag, "failed");
    assert.deepEqual(await world.persist(second, "stored"), ok);
    assert.deepEqual(await holdings(world, [first]), await holdings(world, [third]));
    assert.deepEqual(await world.entries(first), ["stored"]);
    for (const guest of frozen.guests) guest.refuse();
    frozen.seed.close();
    await seedDropped(world, frozen, [first, second, third]);
    await assertWhole(world, [first, second, third]);
  },

  "an entry that is on its way when all are held at the seed is kept by all of them": async (world) => {
    const [first, second, third] = await three(world);
    third.hang();
    let end: Reply | undefined;
    const storing = world.persist(second, "under way", 20_000).then((reply) => {
      end = reply;
    });
    // The first one has been told of it, the last one waits.
    await until(world, () => first.state.head.kind === "client");
    const frozen = await freeze(world, [first, second], [first, second, third]);
    assert.equal(end, undefined);
    third.wake();
    await storing;
    assert.deepEqual(end, ok);
    for (const host of [first, second, third]) assert.deepEqual(await world.entries(host), ["under way"]);
    await assertRefused(world, [first, second]);
    for (const guest of frozen.guests) guest.refuse();
    frozen.seed.close();
    await seedDropped(world, frozen, [first, second, third]);
    await assertWhole(world, [first, second, third]);
  },

  "peers that the seed turns away keep their history, and are a network again when the seed is gone": async (
    world,
  ) => {
    const members = await three(world);
    assert.deepEqual(await world.persist(members[2], "kept"), ok);
    const before = await holdings(world, members);
    const frozen = await freeze(world, members);
    // A part of a chain is no chain.
    await Promise.all(frozen.guests.map((guest) => guest.send(bodyOf("freeze", [Buffer.from("never")]))));
    for (const guest of frozen.guests) guest.refuse();
    for (const end of await Promise.all(frozen.joining)) assert.equal(end.tag, "unclear");
    assert.deepEqual(await holdings(world, members), before);
    await assertRefused(world, members);
    frozen.seed.close();
    await seedDropped(world, frozen, members);
    for (const { state } of members) assert.deepEqual(state.network, members.map(addressOf));
    assert.deepEqual(await world.entries(members[0]), ["kept"]);
    await assertWhole(world, members);
  },

  "a seed that closes lets peers go as if it had turned them away": async (world) => {
    const members = await three(world);
    assert.deepEqual(await world.persist(members[0], "kept"), ok);
    const frozen = await freeze(world, members);
    frozen.seed.close();
    for (const end of await Promise.all(frozen.joining)) assert.equal(end.tag, "unclear");
    await seedDropped(world, frozen, members);
    assert.deepEqual(await world.entries(members[1]), ["kept"]);
    await assertWhole(world, members);
  },

  "a join that is given up while its peer is held leaves the peer with its history": async (world) => {
    const peer = await world.start();
    assert.deepEqual(await world.persist(peer, "kept"), ok);
    const { head } = peer.state;
    const seed = await openSeed(world);
    const guest = seed.expect(peer.address, headOf("given-up", [seed.address, peer.address]));
    const givenUp = new AbortController();
    const joining = world.klight.lightpeer.join(peer.address, seed.address, 20_000, givenUp.signal);
    await guest.arrived;
    await until(world, () => peer.state.network.length === 2);
    givenUp.abort();
    assert.equal((await joining).tag, "unclear");
    await until(world, () => peer.joins.at(-1)?.end !== undefined);
    await guest.send(bodyOf("given-up", [Buffer.from("never")]));
    guest.finish();
    seed.close();
    assert.deepEqual([peer.state.head, await world.entries(peer)], [head, ["kept"]]);
  },

  "nobody can store before the first of the list is told too that the seed is out of it": async (world) => {
    const members = await three(world);
    assert.deepEqual(await world.persist(members[0], "one"), ok);
    const frozen = await freeze(world, members);
    await handOver(frozen, ["two", "one"]);
    for (const host of members) assert.deepEqual(await world.entries(host), ["two", "one"]);
    await assertRefused(world, members);
    const live = liveBlockOf("freeze", members.map(addressOf));
    const [first, second, third] = members;
    for (const host of [second, third]) {
      assert.deepEqual(await world.notify(host, live), ok);
      await assertRefused(world, members);
    }
    assert.deepEqual(await world.notify(first, live), ok);
    frozen.seed.close();
    await assertWhole(world, members);
    for (const { state } of members) assert.deepEqual(state.network, members.map(addressOf));
  },

  "a peer that is not on the chain that it was handed refuses the block that makes it live": async (
    world,
  ) => {
    const members = await three(world);
    const frozen = await freeze(world, members);
    for (const guest of frozen.guests) guest.refuse();
    await Promise.all(frozen.joining);
    const before = await holdings(world, members);
    const live = liveBlockOf("freeze", members.map(addressOf));
    for (const host of members) assert.equal((await world.notify(host, live)).tag, "failed");
    assert.deepEqual(await holdings(world, members), before);
    frozen.seed.close();
  },
};
