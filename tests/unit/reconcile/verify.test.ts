import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Newest, Visited } from "../../../lib/peers/lightpeer.ts";
import type { Ending } from "../../../lib/reconcile/move.ts";
import { verify } from "../../../lib/reconcile/verify.ts";
import { addressOf, contact, joinerOf, known, MoveWorld, pod } from "./fixtures.ts";

const members = [known("a"), known("b")];
const pods = ["a", "b", "d"].map((name) => pod(name));
const entry = (digest: string): Newest => ({ tag: "newest", digest });
const seed = "seed-visit:9082";

/** What the newest member tells a visitor: these are listed, and it. */
const listing = (...names: readonly string[]): Visited => ({
  tag: "visited",
  head: { id: "head", prevId: "before", kind: "network", payload: new Uint8Array() },
  list: [...names.map(addressOf), seed],
});

const look = async (world: MoveWorld, seen: Parameters<MoveWorld["step"]>[1] = {}): Promise<Ending> =>
  verify(await world.step({ mayVisit: true }, { members, pods, ...seen }));
const reasonOf = ({ outcome }: Ending): string => `${outcome.name} ${outcome.reason}`;
const visits = ({ calls }: MoveWorld): readonly string[] =>
  calls.filter((call) => /^(?:visit|notify)/u.test(call));

describe("a quiet network after a death", () => {
  test("is whole where the newest member takes the visitor in and all take it out again", async () => {
    const world = new MoveWorld();
    world.say("b", { visit: listing("a", "b") });
    const ending = await look(world);
    assert.deepEqual([reasonOf(ending), ending.change?.deaths], ["member AlreadyMember", false]);
    assert.deepEqual(visits(world), ["visit b", "notify a", "notify b"]);
  });

  test("is broken where the newest member cannot take anybody in", async () => {
    const ending = await look(new MoveWorld());
    assert.match(ending.outcome.message, /because a visit at b failed: new block links to invalid parent/u);
  });

  test("is broken where one of them is on another head", async () => {
    const world = new MoveWorld();
    world.say("b", { visit: listing("a", "b") });
    world.say("a", { notify: [{ tag: "failed", message: "invalid parent" }, { tag: "accepted" }] });
    assert.match((await look(world)).outcome.message, /stands apart: invalid parent/u);
  });

  test("is broken where others are listed than are members", async () => {
    for (const names of [["b"], ["a", "b", "d"], ["b", "d"]]) {
      const world = new MoveWorld();
      world.say("b", { visit: listing(...names) });
      assert.match((await look(world)).outcome.message, /because b lists/u, names.join(", "));
    }
  });

  test("is broken where the newest entries differ twice, a second apart, and nobody is visited", async () => {
    const world = new MoveWorld();
    world.say("a", { newest: [entry("entry 2"), entry("entry 2"), entry("entry 1")] });
    const ending = await look(world);
    assert.match(ending.outcome.message, /because its newest entries differed twice/u);
    assert.deepEqual([world.slept[0], visits(world).filter((call) => call.startsWith("visit"))], [1_000, []]);
  });
});

describe("a network that is stored in", () => {
  for (const [what, answers] of [
    ["its newest entry has changed within the second", { newest: [entry("entry 1"), entry("entry 2")] }],
    ["a member does not tell its newest entry", { newest: { tag: "failed", message: "no" } as const }],
  ] as const)
    test(`is not visited where ${what}, and the death stays noted`, async () => {
      const world = new MoveWorld();
      world.say("a", answers);
      world.say("b", answers);
      const ending = await look(world, { dead: [contact("d")] });
      assert.deepEqual(
        [reasonOf(ending), visits(world), ending.change?.deaths],
        ["member AlreadyMember", [], true],
      );
    });

  test("is not visited without a seed", async () => {
    const world = new MoveWorld();
    const step = await world.step({}, { members, pods });
    const seeds = { open: () => Promise.resolve({ tag: "failed", message: "EADDRINUSE" } as const) };
    const ending = await verify({ ...step, deps: { ...step.deps, seeds } });
    assert.match(ending.outcome.message, /was not visited: EADDRINUSE/u);
  });
});

describe("a visit", () => {
  test("is not begun without the lease, and leaves the network to whoever has it", async () => {
    const world = new MoveWorld();
    const step = await world.step({}, { members, pods });
    world.clock.move(61_000);
    await world.contacts.begin(step.lease.network, "another", 60_000);
    world.clock.move(-61_000);
    const ending = await verify(step);
    assert.deepEqual([reasonOf(ending), ending.change, visits(world)], ["held LeaseLost", undefined, []]);
  });

  test("is not begun where the store took too long after the members were asked", async () => {
    const world = new MoveWorld();
    const step = await world.step({}, { members, pods });
    const { contacts } = step.deps;
    const slow: typeof contacts = {
      ...contacts,
      mark: (...args) => {
        world.clock.move(1_001);
        return contacts.mark(...args);
      },
    };
    const ending = await verify({ ...step, deps: { ...step.deps, contacts: slow } });
    assert.deepEqual([reasonOf(ending), visits(world)], ["held LookTooOld", []]);
  });
});

describe("a member that klight has not reached for too long", () => {
  const unreachable = [contact("d")];

  test("is waited for in a quiet network, for the others may reach it: nobody is visited", async () => {
    const world = new MoveWorld();
    const ending = await look(world, { unreachable, joiner: joinerOf("c") });
    assert.deepEqual([reasonOf(ending), visits(world)], ["held MemberUnreachable", []]);
    assert.match(ending.outcome.message, /default\/d at .*, and the others may/u);
    assert.deepEqual(ending.change?.hung, [contact("d").incarnation], "since when is remembered");
  });

  test("is left out of a network that is stored in, and told", async () => {
    const world = new MoveWorld();
    for (const name of ["a", "b"])
      world.say(name, { newest: [entry("entry 1"), entry("entry 2"), entry("entry 1")] });
    const ending = await look(world, { unreachable });
    assert.equal(reasonOf(ending), "reformed Reformed");
    assert.deepEqual(
      ending.change?.stack?.map(({ name }) => name),
      ["b", "a"],
    );
    assert.deepEqual(
      ending.tell?.map(({ tag, pod: who }) => `${tag} ${who?.name}`),
      ["re-formed b", "out d"],
    );
  });
});
