import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import { bringJoinerIn, found } from "../../../lib/reconcile/join.ts";
import type { Ending, Step } from "../../../lib/reconcile/move.ts";
import { joinerOf, known, MoveWorld, pod } from "./fixtures.ts";

const joiner = joinerOf("d");
const members = [known("a"), known("b"), known("c")];
const pods = ["a", "b", "c", "d"].map((name) => pod(name));

interface Came {
  readonly ending: Ending;
  readonly causes: readonly object[];
}

/** A step with this joiner, and why its network was re-formed, if it was. */
async function comes(
  world: MoveWorld,
  seen: Parameters<MoveWorld["step"]>[1],
  move: (step: Step) => Promise<Ending>,
): Promise<Came> {
  const causes: object[] = [];
  world.cluster.pods = pods;
  const step = await world.step({}, { pods, joiner, ...seen });
  const onReform: NonNullable<Deps["onReform"]> = ({ cause }) => void causes.push(cause);
  return { ending: await move({ ...step, deps: { ...step.deps, onReform } }), causes };
}
const joins = (step: Step): Promise<Ending> => bringJoinerIn(step, joiner);
const stackOf = ({ change }: Ending): readonly string[] => (change?.stack ?? []).map(({ name }) => name);

describe("a joiner that comes in by a re-form", () => {
  test("comes in without the contact that has lost its chain: that one is another process", async () => {
    const world = new MoveWorld();
    world.say("d", { fresh: "fresh" });
    world.say("c", { fresh: "fresh" });
    const { ending, causes } = await comes(world, { members }, joins);
    assert.deepEqual(stackOf(ending), ["d", "b", "a"]);
    assert.deepEqual(causes, [{ kind: "lost-chain", text: "c has lost its chain" }]);
  });

  for (const [what, contact, dropped] of [
    ["that one is off the stack", "fresh", ["c"]],
    ["nobody is off the stack for a contact that has its chain", "chained", []],
  ] as const)
    test(`and where it cannot be re-formed, ${what}`, async () => {
      const world = new MoveWorld();
      world.say("c", { fresh: contact });
      const noSeed: Deps["seeds"] = { open: () => Promise.resolve({ tag: "failed", message: "no port" }) };
      const { ending } = await comes(world, { members }, (step) =>
        joins({ ...step, deps: { ...step.deps, seeds: noSeed } }),
      );
      assert.equal(ending.outcome.reason, "SeedUnreachable");
      assert.deepEqual(
        ending.change?.drop?.map(({ incarnation }) => incarnation),
        dropped.map((name) => pod(name).incarnation),
      );
    });

  test("brings everybody along who has a chain", async () => {
    const { ending } = await comes(new MoveWorld(), { members }, joins);
    assert.deepEqual(stackOf(ending), ["d", "c", "b", "a"]);
  });

  test("is asked for its name once", async () => {
    const world = new MoveWorld();
    await comes(world, { members }, joins);
    assert.equal(world.calls.filter((call) => call === "name? d").length, 1);
  });

  test("is not warned of a seed that it does not reach, for it is not in", async () => {
    const world = new MoveWorld();
    world.say("d", {
      fresh: "fresh",
      name: { tag: "unreachable", message: "no route" },
      join: { tag: "unreachable", message: "refused" },
    });
    const { ending } = await comes(world, { members }, joins);
    assert.equal(ending.outcome.reason, "ContactsUnreachable");
    assert.deepEqual(
      ending.tell?.map(({ tag }) => tag),
      ["held"],
    );
  });

  test("with a chain and without a contact is alone, and keeps what it holds", async () => {
    const world = new MoveWorld();
    world.say("d", { history: ["one"] });
    const { ending, causes } = await comes(world, {}, (step) => found(step, joiner));
    assert.match(ending.outcome.message, /: 1 peers, 1 entries, /u);
    assert.deepEqual(causes, [{ kind: "has-chain", text: "d has a chain already" }]);
  });
});
