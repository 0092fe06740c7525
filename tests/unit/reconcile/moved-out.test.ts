import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { repair } from "../../../lib/reconcile/repair.ts";
import type { Contact } from "../../../lib/store/contacts.ts";
import { podOf } from "../../harness/networks.ts";
import {
  addressOf,
  away,
  contact,
  isCalled,
  joinerOf,
  known,
  MoveWorld,
  OTHER,
  pod,
  repaired,
  said,
  WHY,
} from "./fixtures.ts";

const members = [known("a"), known("b")];

describe("a re-form of a network that some have left", () => {
  test("takes in one that has moved and is on a stack of this network, whatever another one says", async () => {
    const world = new MoveWorld();
    world.now = [podOf(OTHER, "c")];
    await world.commit(OTHER, { stack: [contact("c")] });
    await repaired(world, { members, moved: [contact("c")] });
    assert.equal(isCalled(world, "c"), true);
  });

  describe("where the stack was put together from conditions", () => {
    const restored = { members, moved: [contact("c")], restored: true };
    const inOtherBy = async (stack: readonly Contact[]): Promise<MoveWorld> => {
      const world = new MoveWorld();
      world.now = [podOf(OTHER, "c")];
      await world.commit(OTHER, { stack });
      return world;
    };

    test("takes in one that has moved and is not on its new network's stack yet", async () => {
      const world = await inOtherBy([contact("a")]);
      await repaired(world, restored);
      assert.equal(isCalled(world, "c"), true);
    });

    test("takes in one that has no label any more", async () => {
      const world = await inOtherBy([contact("a")]);
      world.now = [];
      await repaired(world, restored);
      assert.equal(isCalled(world, "c"), true);
    });

    test("does not take in one that is on it: it has gone, and its pod does not say so", async () => {
      const world = await inOtherBy([contact("c")]);
      await repaired(world, restored);
      assert.equal(isCalled(world, "c"), false);
    });

    test("does not take in one that says so itself, though the store has lost its new network, too", async () => {
      const world = await inOtherBy([]);
      const life = { incarnation: pod("c").incarnation, network: OTHER };
      world.now = [podOf(OTHER, "c", said("True", "Joined", life))];
      await repaired(world, restored);
      assert.equal(isCalled(world, "c"), false);
    });

    for (const [what, without] of [
      ["store", (world: MoveWorld) => world.withStore({ read: away })],
      [
        "API server",
        ({ deps }: MoveWorld) => {
          const { cluster } = deps;
          const getPod: typeof cluster.getPod = (who) => (who.name === "c" ? away() : cluster.getPod(who));
          return { ...deps, cluster: { ...cluster, getPod } };
        },
      ],
    ] as const)
      test(`takes in nobody who has moved while the ${what} is away`, async () => {
        const world = await inOtherBy([contact("a")]);
        const step = await world.step({}, { ...restored, moved: [contact("c"), contact("d")] });
        await repair({ ...step, deps: without(world) }, WHY);
        assert.equal(isCalled(world, "c"), false);
      });
  });

  test("goes on with one that could not be asked, though others come in anew: what was stored is with it", async () => {
    const world = new MoveWorld();
    world.now = [pod("a"), podOf(OTHER, "b")];
    const silent = { moved: [contact("b")], silent: [addressOf("b")] };
    const { first } = await repaired(world, { joiner: joinerOf("a"), ...silent });
    assert.deepEqual([first?.isLast, first?.movedOut.map(({ name }) => name)], [true, ["b"]]);
    const asked = new MoveWorld();
    asked.now = world.now;
    const whole = await repaired(asked, { joiner: joinerOf("a"), moved: [contact("b")] });
    assert.equal(whole.first?.isLast, false, "one that took part has left it with them");
    const beside = new MoveWorld();
    beside.now = world.now;
    const stays = await repaired(beside, { members: [known("a")], ...silent });
    assert.equal(stays.first?.isLast, false, "somebody else stays who has it");
    const failing = new MoveWorld();
    failing.now = world.now;
    failing.say("b", { join: { tag: "unclear", message: "no word" } });
    const failed = await repaired(failing, { joiner: joinerOf("a"), moved: [contact("b")] });
    assert.equal(failed.first?.isLast, true, "one that did not come has not");
  });
});
