import assert from "node:assert/strict";
import { test } from "node:test";
import { bodyOf, headOf } from "../../lib/reconcile/reform/chain.ts";
import { historyAt } from "./history-at.ts";
import { opened, pair, SOON_MS, stateOf, until, type Use } from "./lightpeer-port-world.ts";

/** What klight relies on in its seed when lightpeers come to it. */
export const seedCases = (use: Use): void => {
  test("a peer that comes has its list at once, and its chain when the seed ends the call", async () => {
    const world = use();
    const { lightpeer, store } = world;
    const [a, b] = [await world.start(), await world.start()];
    await store(a, "before");
    const { head } = a.state;
    const seed = await opened(world);
    const list = [seed.address, a.address, b.address];
    const guest = seed.expect(a.address, headOf("for-a", list));
    const joining = lightpeer.join(a.address, seed.address, SOON_MS);
    await guest.arrived;
    await until(() => a.state.network.length === 3);
    assert.deepEqual([a.state.network, a.state.head], [list, head]);
    await guest.send(bodyOf("for-a", [Buffer.from("new"), Buffer.from("before")]));
    assert.deepEqual(a.state.head, head);
    guest.finish();
    assert.deepEqual(await joining, { tag: "joined" });
    assert.equal(a.state.head.id, headOf("for-a", []).id);
    const history = await historyAt(lightpeer, a.address);
    assert.equal(history.tag, "history");
    assert.deepEqual(history.entries, ["new", "before"]);
    seed.close();
  });

  test("a peer that is not expected, or not any more, is denied and lives on as it was", async () => {
    const world = use();
    const peer = await world.start();
    const earlier = stateOf(peer);
    const seed = await opened(world);
    assert.equal((await world.lightpeer.join(peer.address, seed.address, SOON_MS)).tag, "denied");
    seed.expect(peer.address, headOf("withdrawn", [peer.address])).refuse();
    assert.equal((await world.lightpeer.join(peer.address, seed.address, SOON_MS)).tag, "denied");
    seed.close();
    assert.deepEqual([stateOf(peer), peer.status, peer.lives], [earlier, "running", 1]);
  });

  test("a peer that is turned away keeps its chain, and drops the seed from its list when that is gone", async () => {
    const world = use();
    const { lightpeer, store } = world;
    const [a, b] = await pair(world);
    await store(a, "kept");
    const kept = a.state.head.id;
    const seed = await opened(world);
    const list = [seed.address, a.address, b.address];
    const guests = [a, b].map(({ address }) => seed.expect(address, headOf("away", list)));
    const joining = [a, b].map(({ address }) => lightpeer.join(address, seed.address, SOON_MS));
    await Promise.all(guests.map(({ arrived }) => arrived));
    await Promise.all(guests.map((guest) => guest.send(bodyOf("away", [Buffer.from("never")]))));
    await until(() => [a, b].every(({ state }) => state.network.length === 3));
    await assert.rejects(store(a, "refused"));
    for (const guest of guests) guest.refuse();
    assert.deepEqual(
      (await Promise.all(joining)).map(({ tag }) => tag),
      ["unclear", "unclear"],
    );
    seed.close();
    await until(() => [a, b].every(({ state }) => state.network.length === 2));
    await until(() => a.state.head.id !== kept && a.state.head.id === b.state.head.id);
    await store(b, "again");
    for (const { address } of [a, b]) {
      const history = await historyAt(lightpeer, address);
      assert.equal(history.tag, "history");
      assert.deepEqual(history.entries, ["again", "kept"]);
    }
  });

  test("a closed seed cannot be reached after a while, and one that is opened again can", async () => {
    const world = use();
    const peer = await world.start();
    const seed = await opened(world);
    seed.expect(peer.address, headOf("gone", [peer.address]));
    seed.close();
    assert.equal((await world.lightpeer.join(peer.address, seed.address, SOON_MS)).tag, "denied");
    while ((await world.lightpeer.probe(seed.address, SOON_MS)) !== "refused");
    assert.equal((await world.lightpeer.join(peer.address, seed.address, SOON_MS)).tag, "unreachable");
    const next = await opened(world);
    const guest = next.expect(peer.address, headOf("next", [peer.address]));
    const joining = world.lightpeer.join(peer.address, next.address, SOON_MS);
    await guest.arrived;
    guest.finish();
    assert.equal((await joining).tag, "joined");
    next.close();
    assert.equal(peer.state.head.id, headOf("next", []).id);
  });

  test("two networks share one seed, and the end of one is not felt by the other", async () => {
    const world = use();
    const [a, b] = [await world.start(), await world.start()];
    const [x, y] = [await opened(world), await opened(world)];
    assert.equal(x.address, y.address);
    x.expect(a.address, headOf("x", [a.address]));
    const guest = y.expect(b.address, headOf("y", [b.address]));
    x.close();
    assert.equal((await world.lightpeer.join(a.address, y.address, SOON_MS)).tag, "denied");
    const joining = world.lightpeer.join(b.address, y.address, SOON_MS);
    await guest.arrived;
    guest.finish();
    assert.equal((await joining).tag, "joined");
    y.close();
    assert.equal(b.state.head.id, headOf("y", []).id);
  });
};
