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
    const causes: string[] = [];
    const step = await world.step({ mayVisit: true }, { members, pods });
    const onReform: NonNullable<typeof step.deps.onReform> = ({ cause }) => void causes.push(cause.kind);
    const ending = await verify({ ...step, deps: { ...step.deps, onReform } });
    assert.deepEqual(causes, ["entries-apart"]);
    assert.match(ending.outcome.message, /because its newest entries differed twice/u);
    assert.deepEqual([world.slept[0], visits(world).filter((call) => call.startsWith("visit"))], [1_000, []]);
  });
});

describe("newest entries that differ once", () => {
  for (const [when, answers] of [
    ["before", [entry("entry 2"), entry("entry 1")]],
    ["after", [entry("entry 1"), entry("entry 2")]],
  ] as const)
    test(`are an entry on its way, and no fork: ${when}`, async () => {
      const world = new MoveWorld();
      world.say("a", { newest: answers });
      assert.match((await look(world)).outcome.message, /was not visited: an application stores in it$/u);
    });
});

describe("a network that is stored in", () => {
  test("is left where nobody tells a newest entry", async () => {
    const world = new MoveWorld();
    for (const name of ["a", "b"]) world.say(name, { newest: { tag: "failed", message: "no" } });
    assert.match((await look(world)).outcome.message, /was not visited: an application stores in it$/u);
  });

  test("is left where one tells it and another does not", async () => {
    const world = new MoveWorld();
    world.say("a", { newest: { tag: "failed", message: "no" } });
    assert.deepEqual([visits(world), reasonOf(await look(world))], [[], "member AlreadyMember"]);
  });

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
  test("says why the network was re-formed, as a network that was broken", async () => {
    const world = new MoveWorld();
    const causes: string[] = [];
    const step = await world.step({}, { members, pods });
    const onReform: NonNullable<typeof step.deps.onReform> = ({ cause }) => void causes.push(cause.kind);
    await verify({ ...step, deps: { ...step.deps, onReform } });
    assert.deepEqual(causes, ["failed-visit"]);
  });

  test("of a network without a member is not needed", async () => {
    const world = new MoveWorld();
    const step = await world.step({}, { members: [], pods });
    const { lightpeer } = step.deps;
    const newest = (): Promise<Newest> => Promise.resolve(entry("entry 1"));
    const ending = await verify({ ...step, deps: { ...step.deps, lightpeer: { ...lightpeer, newest } } });
    assert.deepEqual([reasonOf(ending), visits(world)], ["member AlreadyMember", []]);
  });

  test("is to the newest of all members", async () => {
    const world = new MoveWorld();
    await look(world, { members: [...members, known("c")] });
    assert.deepEqual(visits(world).slice(0, 1), ["visit c"]);
  });

  test("names who the newest member lists", async () => {
    const world = new MoveWorld();
    world.say("b", { visit: listing("b", "d") });
    const list = `${addressOf("b")}, ${addressOf("d")}`;
    assert.ok((await look(world)).outcome.message.includes(`because b lists ${list}: `));
  });

  test("tells each member one and the same new list without the seed", async () => {
    const world = new MoveWorld();
    world.say("b", { visit: listing("a", "b") });
    const step = await world.step({}, { members, pods });
    const blocks: unknown[] = [];
    const notify: typeof step.deps.lightpeer.notify = (_address, { payload, ...block }) => {
      blocks.push({ ...block, list: new TextDecoder().decode(payload) });
      return Promise.resolve({ tag: "accepted" });
    };
    await verify({ ...step, deps: { ...step.deps, lightpeer: { ...step.deps.lightpeer, notify } } });
    const list = JSON.stringify(["a", "b"].map((name) => ({ Address: addressOf(name) })));
    const block = { id: "klight-t-2-1", prevId: "head", kind: "network", list };
    assert.deepEqual(blocks, [block, block]);
  });

  const renewals = async (
    seconds: number,
    mark?: (tries: number) => "marked" | "lost",
  ): Promise<{ readonly ending: Ending; readonly leases: readonly number[]; readonly world: MoveWorld }> => {
    const world = new MoveWorld();
    world.say("b", { visit: listing("a", "b") });
    const step = await world.step({}, { members, pods });
    const leases: number[] = [];
    const contacts: typeof step.deps.contacts = {
      ...step.deps.contacts,
      mark: (_network, _token, leaseMs) => {
        leases.push(leaseMs);
        return Promise.resolve({ tag: mark?.(leases.length) ?? "marked" });
      },
    };
    const { lightpeer } = step.deps;
    const slow: typeof lightpeer = {
      ...lightpeer,
      visit: (...args) => {
        world.clock.move(seconds * 1_000);
        return lightpeer.visit(...args);
      },
    };
    return {
      ending: await verify({ ...step, deps: { ...step.deps, contacts, lightpeer: slow } }),
      leases,
      world,
    };
  };

  test("has the lease for two calls of five seconds and some slack", async () => {
    assert.deepEqual((await renewals(0)).leases, [13_000]);
  });

  test("renews the lease before a call that it does not cover any more", async () => {
    assert.deepEqual((await renewals(8)).leases, [13_000]);
    const { leases, ending } = await renewals(9);
    assert.deepEqual([leases, ending.change?.deaths], [[13_000, 13_000], false]);
  });

  test("ends where the lease has gone to another step meanwhile: nothing is written", async () => {
    const { ending, world } = await renewals(9, (tries) => (tries > 1 ? "lost" : "marked"));
    assert.deepEqual(
      [reasonOf(ending), ending.change, visits(world)],
      ["held LeaseLost", undefined, ["visit b"]],
    );
  });

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
    assert.deepEqual([ending.outcome.network, ending.outcome.pod?.name], ["default/net", "c"]);
    assert.equal("pod" in (await look(new MoveWorld(), { unreachable })).outcome, false);
    assert.deepEqual(ending.change?.hung, [contact("d").incarnation], "since when is remembered");
  });

  test("is left out of a network that is stored in, and told", async () => {
    const world = new MoveWorld();
    for (const name of ["a", "b"])
      world.say(name, { newest: [entry("entry 1"), entry("entry 2"), entry("entry 1")] });
    const causes: string[] = [];
    const step = await world.step({ mayVisit: true }, { members, pods, unreachable });
    const onReform: NonNullable<typeof step.deps.onReform> = ({ cause }) => void causes.push(cause.kind);
    const ending = await verify({ ...step, deps: { ...step.deps, onReform } });
    assert.deepEqual([reasonOf(ending), causes], ["reformed Reformed", ["given-up"]]);
    assert.match(ending.outcome.message, /because klight could not reach default\/d at \S+ for too long: /u);
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
