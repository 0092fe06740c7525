import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { QUESTIONS } from "../../lib/peers/client/fresh.ts";
import { historyAt } from "./history-at.ts";
import { seedCases } from "./lightpeer-port-seed.ts";
import {
  brokenPair,
  joined,
  onTopOf,
  opened,
  pair,
  SHORT_MS,
  SOON_MS,
  stateOf,
  until,
  type Use,
  type World,
} from "./lightpeer-port-world.ts";

const probes = (use: Use): void => {
  test("a running peer is serving, again and again", async () => {
    const { lightpeer, start } = use();
    const { address } = await start();
    assert.equal(await lightpeer.probe(address, SOON_MS), "serving");
    assert.equal(await lightpeer.probe(address, SOON_MS), "serving");
  });

  test("a peer without the health service is serving", async () => {
    const { lightpeer, start } = use();
    const { address } = await start({ check: true });
    assert.equal(await lightpeer.probe(address, SOON_MS), "serving");
  });

  test("an address where nobody listens refuses", async () => {
    const { lightpeer, nobody } = use();
    assert.equal(await lightpeer.probe(nobody, SOON_MS), "refused");
  });

  test("a peer that was killed refuses, and serves when its process is back", async () => {
    const { lightpeer, start } = use();
    const peer = await start();
    assert.equal(await lightpeer.probe(peer.address, SOON_MS), "serving");
    await peer.kill();
    assert.equal(await lightpeer.probe(peer.address, SOON_MS), "refused");
    await peer.restart();
    assert.equal(await lightpeer.probe(peer.address, SOON_MS), "serving");
  });

  test("a peer restarted between two probes is never seen as dead", async () => {
    const { lightpeer, start } = use();
    const peer = await start();
    for (let restarts = 0; restarts < 5; restarts += 1) {
      assert.equal(await lightpeer.probe(peer.address, SOON_MS), "serving");
      await peer.restart();
    }
    assert.equal(await lightpeer.probe(peer.address, SOON_MS), "serving");
  });

  test("a hung peer is silent, with and without a connection, and serves when it wakes up", async () => {
    const { lightpeer, start } = use();
    const [known, unknown] = [await start(), await start()];
    assert.equal(await lightpeer.probe(known.address, SOON_MS), "serving");
    known.hang();
    unknown.hang();
    assert.equal(await lightpeer.probe(known.address, SHORT_MS), "silent");
    assert.equal(await lightpeer.probe(unknown.address, SHORT_MS), "silent");
    known.wake();
    unknown.wake();
    assert.equal(await lightpeer.probe(known.address, SOON_MS), "serving");
    assert.equal(await lightpeer.probe(unknown.address, SOON_MS), "serving");
  });
};

const questions = (use: Use): void => {
  test("a process without a chain is fresh, and stays alone on its list", async () => {
    const { lightpeer, start } = use();
    const peer = await start();
    assert.equal(await lightpeer.askFresh(peer.address, SOON_MS), "fresh");
    assert.deepEqual(peer.state.network, [peer.address]);
  });

  test(`a process is fresh however often it was asked before, up to ${QUESTIONS} times`, async () => {
    const { lightpeer, start } = use();
    const { address } = await start();
    for (let asked = 0; asked <= QUESTIONS; asked += 1) {
      assert.equal(await lightpeer.askFresh(address, SOON_MS), "fresh", `asked ${asked} times before`);
    }
    assert.equal(await lightpeer.askFresh(address, SOON_MS), "chained");
  });

  test("what the question leaves can be read to its end, and be joined through", async () => {
    const world = use();
    const [asked, other] = [await world.start(), await world.start()];
    for (let times = 0; times < 5; times += 1) await world.lightpeer.askFresh(asked.address, SOON_MS);
    const { end } = await historyAt(world.lightpeer, asked.address);
    assert.deepEqual(end, { tag: "history", entries: 0, bytes: 0, digest: "empty" });
    await joined(world, other, asked);
    assert.deepEqual(stateOf(other), stateOf(asked));
  });

  test("a member is chained, and stays as it was", async () => {
    const world = use();
    const members = await pair(world);
    for (const member of members) {
      const earlier = stateOf(member);
      assert.equal(await world.lightpeer.askFresh(member.address, SOON_MS), "chained");
      assert.deepEqual(stateOf(member), earlier);
    }
  });

  test("a peer that stored alone is chained", async () => {
    const { lightpeer, start, store } = use();
    const peer = await start();
    await store(peer, "alone");
    assert.equal(await lightpeer.askFresh(peer.address, SOON_MS), "chained");
  });

  test("a member whose process was restarted is fresh", async () => {
    const world = use();
    const [, member] = await pair(world);
    await member.restart();
    assert.equal(await world.lightpeer.askFresh(member.address, SOON_MS), "fresh");
  });

  test("a peer that cannot be asked is unimplemented", async () => {
    const { lightpeer, start } = use();
    const { address } = await start({ notifyNewBlock: true });
    assert.equal(await lightpeer.askFresh(address, SOON_MS), "unimplemented");
  });

  test("a dead and a hung peer are silent, and the question put to a hung one does not make it chained", async () => {
    const { lightpeer, start, nobody } = use();
    const peer = await start();
    assert.equal(await lightpeer.askFresh(nobody, SOON_MS), "silent");
    assert.equal(await lightpeer.probe(peer.address, SOON_MS), "serving");
    peer.hang();
    assert.equal(await lightpeer.askFresh(peer.address, SHORT_MS), "silent");
    peer.wake();
    assert.equal(await lightpeer.askFresh(peer.address, SOON_MS), "fresh");
  });
};

const stored = (use: Use): void => {
  test("nothing stored is an empty newest entry and an empty history", async () => {
    const { lightpeer, start } = use();
    const { address } = await start();
    assert.deepEqual(await lightpeer.newest(address, SOON_MS), { tag: "newest", digest: "empty" });
    const { end } = await historyAt(lightpeer, address, { limitBytes: 0 });
    assert.deepEqual(end, { tag: "history", entries: 0, bytes: 0, digest: "empty" });
  });

  test("members that hold the same newest entry have the same digest, until one more is stored", async () => {
    const world = use();
    const { lightpeer, store } = world;
    const [a, b] = await pair(world);
    await store(a, "one");
    const at = await Promise.all([a, b].map(({ address }) => lightpeer.newest(address, SOON_MS)));
    assert.ok(at[0]?.tag === "newest" && at[0].digest !== "empty");
    assert.deepEqual(at[0], at[1]);
    await store(b, "two");
    assert.notDeepEqual(await lightpeer.newest(a.address, SOON_MS), at[0]);
  });

  test("a history is newest first, with the digest of its newest entry", async () => {
    const { lightpeer, start, store } = use();
    const peer = await start();
    for (const entry of ["one", "two", "", "three"]) await store(peer, entry);
    const { end, entries } = await historyAt(lightpeer, peer.address);
    assert.ok(end.tag === "history");
    assert.deepEqual(entries, ["three", "", "two", "one"]);
    assert.deepEqual([end.entries, end.bytes], [4, 11 + 4 * 256]);
    const newest = await lightpeer.newest(peer.address, SOON_MS);
    assert.deepEqual(newest, { tag: "newest", digest: end.digest });
  });

  test("of a history no more is read than its taker wants", async () => {
    const { lightpeer, start, store } = use();
    const peer = await start();
    for (const entry of ["12345", "1234567"]) await store(peer, entry);
    const cost = 12 + 2 * 256;
    assert.equal((await historyAt(lightpeer, peer.address, { limitBytes: cost })).tag, "history");
    const large = await historyAt(lightpeer, peer.address, { limitBytes: cost - 1 });
    assert.deepEqual(large.end, { tag: "too-large", bytes: cost });
    const first = await historyAt(lightpeer, peer.address, { limitBytes: 1 });
    assert.deepEqual([first.tag, first.entries], ["too-large", ["1234567"]]);
  });

  test("a dead and a hung peer tell nothing", async () => {
    const { lightpeer, start, nobody } = use();
    const peer = await start();
    peer.hang();
    assert.equal((await lightpeer.newest(nobody, SOON_MS)).tag, "failed");
    assert.equal((await historyAt(lightpeer, nobody)).tag, "failed");
    assert.equal((await lightpeer.newest(peer.address, SHORT_MS)).tag, "failed");
    assert.equal((await historyAt(lightpeer, peer.address, { timeoutMs: SHORT_MS })).tag, "failed");
  });
};

const joins = (use: Use): void => {
  test("a joined peer has its contact's list and head", async () => {
    const [a, b] = await pair(use());
    assert.deepEqual(stateOf(b), stateOf(a));
    assert.deepEqual(b.state.network, [a.address, b.address]);
    assert.equal(b.joins.length, 1);
  });

  test("a contact that the joiner cannot reach is unreachable, and nothing has changed", async () => {
    const { lightpeer, start, nobody } = use();
    const peer = await start();
    const earlier = stateOf(peer);
    assert.equal((await lightpeer.join(peer.address, nobody, SOON_MS)).tag, "unreachable");
    assert.deepEqual(stateOf(peer), earlier);
  });

  test("a join that a member refuses is unclear", async () => {
    const world = use();
    const [a] = await brokenPair(world);
    const peer = await world.start();
    assert.equal((await world.lightpeer.join(peer.address, a.address, SOON_MS)).tag, "unclear");
  });

  test("a join through a hung contact is unclear at its deadline", async () => {
    const { lightpeer, start } = use();
    const [peer, contact] = [await start(), await start()];
    contact.hang();
    assert.equal((await lightpeer.join(peer.address, contact.address, SHORT_MS)).tag, "unclear");
    contact.wake();
  });

  test("a joiner that is dead or hung is unclear, never unreachable", async () => {
    const { lightpeer, start, nobody } = use();
    const [peer, contact] = [await start(), await start()];
    peer.hang();
    assert.equal((await lightpeer.join(nobody, contact.address, SOON_MS)).tag, "unclear");
    assert.equal((await lightpeer.join(peer.address, contact.address, SHORT_MS)).tag, "unclear");
    assert.deepEqual(contact.state.network, [contact.address]);
  });

  test("a join that is given up ends at once and is unclear, and the peer hears of it", async () => {
    const { lightpeer, start } = use();
    const [peer, contact] = [await start(), await start()];
    contact.hang();
    const givenUp = new AbortController();
    const end = lightpeer.join(peer.address, contact.address, 10 * SOON_MS, givenUp.signal);
    await until(() => peer.joins.length === 1);
    const asked = performance.now();
    givenUp.abort();
    assert.equal((await end).tag, "unclear");
    assert.ok(performance.now() - asked < SOON_MS);
    await until(() => peer.joins[0]?.end !== undefined);
    contact.wake();
  });

  test("a join that was given up before is not sent", async () => {
    const { lightpeer, start } = use();
    const [peer, contact] = [await start(), await start()];
    const end = await lightpeer.join(peer.address, contact.address, SOON_MS, AbortSignal.abort());
    assert.equal(end.tag, "unclear");
    assert.equal(await lightpeer.probe(peer.address, SOON_MS), "serving");
    assert.deepEqual([peer.joins, contact.state.network], [[], [contact.address]]);
  });
};

const visits = (use: Use): void => {
  test("a visit tells head and list, and the guest can be taken out again", async () => {
    const world = use();
    const { lightpeer } = world;
    const [a, b] = await pair(world);
    // The guest must answer health checks, or the peers drop it by themselves.
    const guest = await opened(world, "visit");
    const visited = await lightpeer.visit(b.address, guest.address, SOON_MS);
    assert.ok(visited.tag === "visited");
    assert.deepEqual(visited.list, [a.address, b.address, guest.address]);
    assert.equal(visited.head.kind, "network");
    assert.deepEqual([a.state.head.id, b.state.head.id], [visited.head.id, visited.head.id]);
    const block = onTopOf(b, [a.address, b.address], "without-guest");
    for (const { address } of [a, b]) {
      assert.deepEqual(await lightpeer.notify(address, block, SOON_MS), { tag: "accepted" });
    }
    guest.close();
    assert.deepEqual(stateOf(a), stateOf(b));
    assert.deepEqual(a.state.network, [a.address, b.address]);
  });

  test("a visit finds a member that refuses what it is told", async () => {
    const world = use();
    const [a] = await brokenPair(world);
    assert.equal((await world.lightpeer.visit(a.address, world.nobody, SOON_MS)).tag, "broken");
  });

  test("a visit at a dead or hung peer fails", async () => {
    const { lightpeer, start, nobody } = use();
    const peer = await start();
    peer.hang();
    assert.equal((await lightpeer.visit(nobody, peer.address, SOON_MS)).tag, "failed");
    assert.equal((await lightpeer.visit(peer.address, nobody, SHORT_MS)).tag, "failed");
  });

  test("a block that does not link to the newest one is refused, and changes nothing", async () => {
    const world = use();
    const [a] = await pair(world);
    const earlier = stateOf(a);
    const block = { ...onTopOf(a, [a.address], "astray"), prevId: "elsewhere" };
    assert.equal((await world.lightpeer.notify(a.address, block, SOON_MS)).tag, "failed");
    assert.deepEqual(stateOf(a), earlier);
  });

  test("a block told to a dead or hung peer fails", async () => {
    const { lightpeer, start, nobody } = use();
    const peer = await start();
    const block = onTopOf(peer, [peer.address], "untold");
    peer.hang();
    assert.equal((await lightpeer.notify(nobody, block, SOON_MS)).tag, "failed");
    assert.equal((await lightpeer.notify(peer.address, block, SHORT_MS)).tag, "failed");
  });
};

const releases = (use: Use): void => {
  test("a release between two calls is not felt", async () => {
    const { lightpeer, start } = use();
    const { address } = await start();
    assert.equal(await lightpeer.probe(address, SOON_MS), "serving");
    lightpeer.release();
    lightpeer.release();
    assert.equal(await lightpeer.probe(address, SOON_MS), "serving");
  });

  test("a release does not cut a call that is under way", async () => {
    const world = use();
    const [peer, contact] = [await world.start(), await world.start()];
    assert.equal(await world.lightpeer.probe(peer.address, SOON_MS), "serving");
    contact.hang();
    const end = world.lightpeer.join(peer.address, contact.address, SOON_MS);
    await until(() => peer.joins.length > 0);
    world.lightpeer.release();
    contact.wake();
    assert.deepEqual(await end, { tag: "joined" });
  });
};

/** What klight relies on in its calls to lightpeers and in its seed, whatever lies between them. */
export function lightpeerContract(name: string, setup: () => Promise<World>): void {
  describe(name, () => {
    let world: World | undefined;
    const use: Use = () => {
      if (world === undefined) throw new Error("the suite has not started");
      return world;
    };
    before(async () => {
      world = await setup();
    });
    after(() => world?.close());
    describe("probe", () => probes(use));
    describe("are you fresh", () => questions(use));
    describe("what is stored", () => stored(use));
    describe("join", () => joins(use));
    describe("visit and notify", () => visits(use));
    describe("seed", () => seedCases(use));
    describe("release", () => releases(use));
  });
}
