import assert from "node:assert/strict";
import { suite, test } from "node:test";
import {
  contactKilledInJoin,
  contactKilledThenNext,
  givenUpJoin,
  joinerKilled,
  joinsAtOnce,
  joinsUnderLoad,
  oneOfSixKilled,
  rollingReplacement,
  sixWriters,
  twoPersists,
  type Ending,
} from "./lightpeer-odds.ts";
import { withSeed, type Scenario } from "./lightpeer-worlds.ts";

/** Plays with seeds from 1; the same number of plays has the same ends. */
const play = async <T>(scenario: Scenario<T>, plays: number): Promise<readonly T[]> => {
  const endings: T[] = [];
  for (let seed = 1; seed <= plays; seed += 1) endings.push(await withSeed(scenario, seed));
  return endings;
};

const brokenIn = (endings: readonly Ending[]): number => endings.filter(({ whole }) => !whole).length;

const assertShare = (part: number, all: number, [least, most]: readonly [number, number]): void => {
  const share = part / all;
  assert.ok(share >= least && share <= most, `${part} of ${all} is not within ${least} and ${most}`);
};

const history: Scenario<unknown> = async (world) => {
  const ending = await sixWriters(world);
  return { ending, at: world.now(), states: world.hosts.map(({ state }) => structuredClone(state)) };
};

suite("chances of lightpeers in virtual time", () => {
  test("one of six that is killed leaves the rest dead in 1 to 7 of 100 cases", async () => {
    const endings = await play(oneOfSixKilled, 150);
    assertShare(brokenIn(endings), endings.length, [0.01, 0.07]);
  });

  test("a join soon after a contact's death is mostly fine, and not always", async () => {
    const endings = await play(contactKilledThenNext, 80);
    assertShare(brokenIn(endings), endings.length, [0.02, 0.3]);
  });

  test("seven joins at once through one contact: some fail, some answer ok, all networks are forked", async () => {
    const endings = await play(joinsAtOnce, 40);
    assert.equal(brokenIn(endings), endings.length);
    assert.ok(endings.some(({ failed }) => failed >= 3 && failed <= 5));
    assert.ok(endings.every(({ failed }) => failed < 7));
  });

  test("a rolling replacement without pauses breaks nearly every network", async () => {
    const endings = await play(rollingReplacement("new first", [0, 0], 0), 60);
    assertShare(brokenIn(endings), endings.length, [0.8, 0.99]);
  });

  for (const order of ["new first", "old first"] as const) {
    test(`a rolling replacement with pauses of 50 to 1,000 ms, ${order}, breaks some`, async () => {
      const endings = await play(rollingReplacement(order, [50, 1_000], 0), 24);
      assertShare(brokenIn(endings), endings.length, [0.15, 0.7]);
    });

    test(`a rolling replacement, ${order}, with two health periods before each join is mostly whole`, async () => {
      const endings = await play(rollingReplacement(order, [0, 0], 1_200), 24);
      assertShare(brokenIn(endings), endings.length, [0.01, 0.35]);
    });
  }

  test("a joiner killed 0 to 5 ms into its join kills the network of the others in some cases", async () => {
    const endings = await play(joinerKilled, 60);
    assertShare(brokenIn(endings), endings.length, [0.2, 0.8]);
  });

  test("a contact killed during a join leaves the rest dead in some cases", async () => {
    const endings = await play(contactKilledInJoin, 60);
    assertShare(brokenIn(endings), endings.length, [0.1, 0.8]);
  });

  test("a join given up in its middle can leave a half-joined peer, and the network is dead while that lives", async () => {
    const asked = await play(givenUpJoin("store"), 60);
    const half = asked.filter(({ halfJoined }) => halfJoined);
    assert.ok(half.length > 0 && half.length < asked.length);
    assert.equal(brokenIn(half), half.length);
    const down = await play(givenUpJoin("joiner goes down"), 60);
    const restored = down.filter(({ halfJoined }) => halfJoined);
    assert.equal(restored.length, half.length);
    assertShare(brokenIn(restored), restored.length, [0, 0.1]);
  });

  test("joins while one application stores 20 times a second fail in part and break networks", async () => {
    const endings = await play(joinsUnderLoad(0, 20), 24);
    const failed = endings.reduce((sum, ending) => sum + ending.failed, 0);
    assertShare(failed, endings.length * 5, [0.1, 0.5]);
    assertShare(brokenIn(endings), endings.length, [0.15, 0.9]);
    assert.ok(endings.some(({ whole, failed: refused }) => !whole && refused < 5));
  });

  test("with a history of 2,000 blocks five entries a second are enough to break networks", async () => {
    const endings = await play(joinsUnderLoad(2_000, 5), 2);
    const short = await play(joinsUnderLoad(0, 5), 10);
    assertShare(brokenIn(endings), endings.length, [0.75, 1]);
    assert.ok(brokenIn(short) / short.length < brokenIn(endings) / endings.length);
  });

  test("six applications that store at six members fork most networks within 5 s", async () => {
    const endings = await play(sixWriters, 20);
    assertShare(brokenIn(endings), endings.length, [0.5, 0.95]);
  });

  test("two Persists at once fork a network, less often when one is at the first of the list", async () => {
    const others = await play(twoPersists("others"), 100);
    const first = await play(twoPersists("the first of the list"), 100);
    assert.ok(brokenIn(first) > 0);
    assert.ok(brokenIn(first) < brokenIn(others));
    assert.ok(brokenIn(others) < others.length);
  });

  test("the same seed has the same history", async () => {
    assert.deepEqual(await withSeed(history, 7), await withSeed(history, 7));
    assert.notDeepEqual(await withSeed(history, 7), await withSeed(history, 8));
  });
});
