import assert from "node:assert/strict";
import type { Block } from "../../lib/peers/lightpeer.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { writeList } from "../harness/lightpeer/network-list.ts";
import type { Reply } from "../harness/lightpeer/status.ts";
import type { Scenario, World } from "./lightpeer-worlds.ts";

const addressOf = ({ address }: PeerHost): string => address;

const assertFails = (reply: Reply, code: string, message: RegExp): void => {
  assert.equal(reply.tag, "failed");
  assert.equal(reply.code, code);
  assert.match(reply.message, message);
};

const assertWhole = async (world: World, hosts: readonly PeerHost[]): Promise<void> => {
  const seen = await world.whole(hosts);
  assert.equal(seen.tag, "whole", seen.tag === "broken" ? seen.reason : "");
};

const assertBroken = async (world: World, hosts: readonly PeerHost[]): Promise<void> => {
  assert.equal((await world.whole(hosts)).tag, "broken");
};

/** No member can store, and nobody can join through any of them. */
const assertDead = async (world: World, members: readonly PeerHost[]): Promise<void> => {
  for (const member of members) {
    assertFails(await world.persist(member, "more"), "UNKNOWN", /invalid parent/);
  }
  for (const member of members) {
    assertFails(await world.join(await world.start(), member), "UNKNOWN", /invalid parent/);
  }
};

const stateOf = (hosts: readonly PeerHost[]): readonly unknown[] =>
  hosts.map(({ state }) => structuredClone(state));

/** Past the pause between two rounds of health checks, and the rounds. */
const twoRounds = 1_200;

/** Waits until the state of a peer is so; on a busy machine that takes longer. */
const until = async (world: World, isSo: () => boolean): Promise<void> => {
  const limit = world.now() + 10_000;
  while (!isSo() && world.now() < limit) await world.sleep(20);
  assert.ok(isSo());
};

/** What the peer itself answered to its last join; its caller may have given up a moment before. */
const endOfJoin = async (world: World, joiner: PeerHost): Promise<Reply> => {
  await until(world, () => joiner.joins.at(-1)?.end !== undefined);
  const end = joiner.joins.at(-1)?.end;
  assert.ok(end);
  return end;
};

/** Waits until the survivors have agreed to drop the others. */
const cleanedUp = async (world: World, survivors: readonly PeerHost[]): Promise<void> => {
  const list = survivors.map(addressOf).join();
  await until(world, () => {
    const [first, ...others] = survivors.map(({ state }) => state);
    return (
      first?.network.join() === list &&
      others.every(({ network, head }) => network.join() === list && head.id === first.head.id)
    );
  });
};

const three = async (world: World): Promise<[PeerHost, PeerHost, PeerHost]> => {
  const [first, second, third] = await world.network(3);
  assert.ok(first && second && third);
  return [first, second, third];
};

const fresh = (
  host: PeerHost,
  number: number,
  prevId = number === 1 ? "" : `klight-fresh-${number - 1}`,
): Block => ({
  id: `klight-fresh-${number}`,
  prevId,
  kind: "network",
  payload: writeList([host.address]),
});

/** What a lightpeer does whatever the chances: a title, and what is so. */
export const cases: Readonly<Record<string, Scenario>> = {
  "joins one at a time through the newest member make a whole network": async (world) => {
    const members = await world.network(8);
    for (const { state } of members) assert.deepEqual(state.network, members.map(addressOf));
    await assertWhole(world, members);
    assert.deepEqual(
      members.map(({ joins }) => joins.length),
      [0, 1, 1, 1, 1, 1, 1, 1],
    );
  },

  "a second join of the same peer answers ok and kills the network for good": async (world) => {
    const [first, second, third] = await three(world);
    assert.deepEqual(await world.join(third, first), { tag: "ok" });
    assert.deepEqual(third.state.network, [first, second, third, third].map(addressOf));
    await assertDead(world, [first, second, third]);
    await world.sleep(twoRounds);
    await assertBroken(world, [first, second, third]);
    assert.equal(third.joins.length, 2);
  },

  "a join through a hung contact runs to its deadline": async (world) => {
    const [contact] = await three(world);
    const joiner = await world.start();
    contact.hang();
    const asked = world.now();
    assert.equal((await world.join(joiner, contact, 600)).tag, "failed");
    assert.ok(world.now() - asked > 500, "it ends near its deadline");
    assertFails(
      await endOfJoin(world, joiner),
      "UNKNOWN",
      /^connect new peer request failed: .*code = DeadlineExceeded/,
    );
    assert.equal(joiner.state.head.id, "");
  },

  "a join while another member hangs fails, and the network is dead also after it wakes up": async (
    world,
  ) => {
    const [contact, hung, third] = await three(world);
    const joiner = await world.start();
    hung.hang();
    assert.equal((await world.join(joiner, contact, 600)).tag, "failed");
    assertFails(
      await endOfJoin(world, joiner),
      "UNKNOWN",
      /error while receiving messages: rpc error: code = DeadlineExceeded/,
    );
    hung.wake();
    await world.sleep(twoRounds);
    await assertBroken(world, [contact, hung, third]);
  },

  "a peer that joins itself answers ok, and its network dies with the next peer": async (world) => {
    const [first, second] = [await world.start(), await world.start()];
    assert.deepEqual(await world.join(first, first), { tag: "ok" });
    assert.deepEqual(first.state.network, [first.address, first.address]);
    await assertWhole(world, [first]);
    assert.deepEqual(await world.join(second, first), { tag: "ok" });
    assertFails(await world.persist(second, "more"), "UNKNOWN", /invalid parent/);
    await assertBroken(world, [first, second]);
  },

  "a member of one network that joins another leaves the first one dead and the second one whole": async (
    world,
  ) => {
    const [[first, moved, third], others] = [await three(world), await world.network(2)];
    const [contact] = others;
    assert.ok(contact);
    assert.deepEqual(await world.join(moved, contact), { tag: "ok" });
    await assertWhole(world, [...others, moved]);
    for (const left of [first, third]) {
      assertFails(await world.persist(left, "more"), "UNKNOWN", /invalid parent/);
    }
  },

  "a member restarted at once is not noticed, and its next join kills the network": async (world) => {
    const [first, second, third] = await three(world);
    await second.restart();
    await world.sleep(twoRounds);
    assert.deepEqual(third.state.network, [first, second, third].map(addressOf));
    assertFails(await world.join(second, third), "UNKNOWN", /new block links to invalid parent/);
    await assertBroken(world, [first, second, third]);
    assert.equal(second.lives, 2);
  },

  "a member restarted after two rounds of health checks joins again and all is fine": async (world) => {
    const [first, second, third] = await three(world);
    await second.kill();
    await cleanedUp(world, [first, third]);
    await second.restart();
    assert.deepEqual(await world.join(second, third), { tag: "ok" });
    await assertWhole(world, [first, second, third]);
  },

  "a new process that is joined under the old name and once more is dead, and nobody notices": async (
    world,
  ) => {
    const [first, second, third] = await three(world);
    assert.deepEqual(await world.persist(first, "entry"), { tag: "ok" });
    await third.kill();
    await cleanedUp(world, [first, second]);
    await third.restart();
    assert.deepEqual(await world.join(third, second), { tag: "ok" });
    assert.deepEqual(await world.join(third, second), { tag: "ok" });
    for (const host of [first, second, third]) assert.deepEqual(await world.entries(host), ["entry"]);
    await assertDead(world, [first, second, third]);
    assert.deepEqual(
      third.joins.map(({ life }) => life),
      [1, 2, 2],
    );
  },

  "a joiner that cannot reach the contact says so, and nothing has changed anywhere": async (world) => {
    const [first, second, contact] = await three(world);
    const joiner = await world.start();
    await contact.kill();
    await cleanedUp(world, [first, second]);
    const before = stateOf([first, second, joiner]);
    const reply = await world.join(joiner, contact);
    assertFails(reply, "UNKNOWN", /^connect new peer request failed: rpc error: code = Unavailable desc = /);
    assert.deepEqual(stateOf([first, second, joiner]), before);
  },

  "what a peer stored alone is gone from its chain after a join": async (world) => {
    const [first, second, third] = await three(world);
    const joiner = await world.start();
    assert.deepEqual(await world.persist(joiner, "alone"), { tag: "ok" });
    assert.deepEqual(await world.persist(first, "together"), { tag: "ok" });
    assert.deepEqual(await world.join(joiner, first), { tag: "ok" });
    assert.deepEqual(await world.entries(joiner), ["together"]);
    await assertWhole(world, [first, second, third, joiner]);
  },

  "a block without a parent is taken by a fresh peer alone and changes nothing that shows": async (world) => {
    const [first] = await three(world);
    const peer = await world.start();
    const before = stateOf([first]);
    assertFails(await world.notify(first, fresh(first, 1)), "UNKNOWN", /^new block links to invalid parent$/);
    assert.deepEqual(stateOf([first]), before);
    assert.deepEqual(await world.notify(peer, fresh(peer, 1)), { tag: "ok" });
    assertFails(await world.notify(peer, fresh(peer, 1)), "UNKNOWN", /invalid parent/);
    assert.deepEqual(await world.notify(peer, fresh(peer, 2)), { tag: "ok" });
    assert.deepEqual(await world.notify(peer, fresh(peer, 3)), { tag: "ok" });
    assert.deepEqual(peer.state.network, [peer.address]);
    assert.deepEqual(await world.entries(peer), []);
  },

  "a stream that ends without a block crashes the peer that joins": async (world) => {
    const joiner = await world.start();
    const address = await world.listen({ connectNewPeer: async () => ({ tag: "ok" }) });
    assertFails(await world.join(joiner, { address }), "UNAVAILABLE", /./);
    assert.equal(joiner.status, "dead");
    assert.equal(joiner.joins[0]?.end, undefined);
  },

  "a stream cut in between leaves the new list on the old head, and the peer stores alone and says ok":
    async (world) => {
      const joiner = await world.start();
      assert.deepEqual(await world.persist(joiner, "before"), { tag: "ok" });
      const { head } = joiner.state;
      const gone = await world.start();
      await gone.kill();
      const list = [gone.address, joiner.address];
      const address = await world.listen({
        connectNewPeer: async (_ctx, _guest, take) => {
          take({ id: "cut", prevId: "more", kind: "network", payload: writeList(list) });
          return { tag: "failed", code: "UNAVAILABLE", message: "cut" };
        },
      });
      const reply = await world.join(joiner, { address });
      assertFails(
        reply,
        "UNKNOWN",
        /^could not process block stream: error while receiving messages: .*Unavailable/,
      );
      assert.deepEqual(joiner.state, { network: list, head });
      assert.deepEqual(await world.persist(joiner, "after"), { tag: "ok" });
      assert.deepEqual(await world.entries(joiner), ["after", "before"]);
    },

  "the one who is refused at the first of the list has changed nothing": async (world) => {
    const [first, second, third] = await three(world);
    const block: Block = {
      id: "raced",
      prevId: first.state.head.id,
      kind: "client",
      payload: Buffer.from("x"),
    };
    assert.deepEqual(await world.notify(first, block), { tag: "ok" });
    const before = stateOf([first, second, third]);
    const reply = await world.persist(third, "late");
    assert.deepEqual(reply, {
      tag: "failed",
      code: "UNKNOWN",
      message:
        `could not send new block notifications: could not notify new block for ${first.address}: ` +
        "rpc error: code = Unknown desc = new block links to invalid parent",
    });
    assert.deepEqual(stateOf([first, second, third]), before);
  },

  "members told before the first refusal have moved on": async (world) => {
    const [first, second, third] = await three(world);
    const block: Block = {
      id: "raced",
      prevId: first.state.head.id,
      kind: "client",
      payload: Buffer.from("x"),
    };
    assert.deepEqual(await world.notify(second, block), { tag: "ok" });
    const was = third.state.head.id;
    assertFails(
      await world.persist(third, "late"),
      "UNKNOWN",
      new RegExp(`for ${second.address}: rpc error`),
    );
    assert.equal(third.state.head.id, was);
    assert.equal(Buffer.from(first.state.head.payload).toString(), "late");
    await assertBroken(world, [first, second, third]);
  },

  "a deadline in the middle of a Persist skips who is not yet told, without an error": async (world) => {
    const [first, hung, third] = await three(world);
    hung.hang();
    const was = third.state.head.id;
    await world.persist(first, "skipped", 400);
    await until(world, () => Buffer.from(first.state.head.payload).toString() === "skipped");
    assert.equal(third.state.head.id, was);
    hung.wake();
    await world.sleep(100);
    assert.equal(hung.state.head.id, was);
    await assertBroken(world, [first, hung, third]);
  },

  "a cancel in the middle of a Persist skips who is not yet told": async (world) => {
    const [first, hung, third] = await three(world);
    hung.hang();
    const was = third.state.head.id;
    const ctx = world.within(5_000);
    const reply = world.at(first).persist(ctx, Buffer.from("skipped"));
    await world.sleep(100);
    ctx.end("CANCELLED");
    assertFails(await reply, "CANCELLED", /./);
    await until(world, () => Buffer.from(first.state.head.payload).toString() === "skipped");
    assert.equal(third.state.head.id, was);
  },

  "a dead member is dropped by all, and the rest is whole": async (world) => {
    const [first, second, third] = await three(world);
    await third.kill();
    await cleanedUp(world, [first, second]);
    await assertWhole(world, [first, second]);
  },

  "a hung member is waited for without a deadline, and nobody is dropped": async (world) => {
    const [first, second, third] = await three(world);
    third.hang();
    await world.sleep(twoRounds);
    third.wake();
    await world.sleep(twoRounds);
    for (const { state } of [first, second, third]) {
      assert.deepEqual(state.network, [first, second, third].map(addressOf));
    }
    await assertWhole(world, [first, second, third]);
  },

  "a round of health checks that began before a join publishes its stale list after it": async (world) => {
    const [first, joiner] = [await world.start(), await world.start()];
    const address = await world.listen({
      notifyNewBlock: async () => ({ tag: "ok" }),
      check: async () => {
        await world.sleep(400);
        return { tag: "failed", code: "UNAVAILABLE", message: "gone" };
      },
    });
    const list = [first.address, address];
    const block: Block = { id: "listed", prevId: "", kind: "network", payload: writeList(list) };
    assert.deepEqual(await world.notify(first, block), { tag: "ok" });
    await world.sleep(600);
    assert.deepEqual(first.state.network, list);
    assert.deepEqual(await world.join(joiner, first), { tag: "ok" });
    await world.sleep(800);
    assert.deepEqual(first.state.network, [first.address]);
    assert.deepEqual(joiner.state.network[0], first.address);
    assertFails(await world.persist(joiner, "lost"), "UNKNOWN", /invalid parent/);
  },

  "a custom peer answers UNIMPLEMENTED to what it lacks": async (world) => {
    const peer = await world.start({ lacks: { notifyNewBlock: true, check: true } });
    assertFails(await world.notify(peer, fresh(peer, 1)), "UNIMPLEMENTED", /./);
    assertFails(await world.call(1_000, (ctx) => world.at(peer).check(ctx)), "UNIMPLEMENTED", /./);
    assert.deepEqual(await world.persist(peer, "entry"), { tag: "ok" });
    assert.deepEqual(await world.entries(peer), ["entry"]);
  },

  "a stopped process does nothing and goes on when it wakes up": async (world) => {
    const peer = await world.start();
    peer.hang();
    assertFails(await world.call(300, (ctx) => world.at(peer).check(ctx)), "DEADLINE_EXCEEDED", /./);
    const waiting = world.persist(peer, "waited");
    await world.sleep(200);
    assert.equal(peer.state.head.id, "");
    peer.wake();
    assert.deepEqual(await waiting, { tag: "ok" });
    assert.deepEqual(await world.entries(peer), ["waited"]);
  },

  "a killed process cuts its calls and a new one at its address knows nothing": async (world) => {
    const [first, second, third] = await three(world);
    first.hang();
    const cut = world.persist(third, "cut");
    const asked = world.call(5_000, (ctx) => world.at(second).check(ctx));
    assert.deepEqual(await asked, { tag: "ok" });
    await world.sleep(100);
    await third.kill();
    assertFails(await cut, "UNAVAILABLE", /./);
    assertFails(await world.persist(third, "refused"), "UNAVAILABLE", /refused/);
    await third.restart();
    assert.deepEqual(third.state.network, [third.address]);
    assert.deepEqual(await world.entries(third), []);
  },
};
