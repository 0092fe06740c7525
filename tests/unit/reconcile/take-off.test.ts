import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import type { Probe } from "../../../lib/peers/lightpeer.ts";
import { podChanged } from "../../../lib/reconcile/pod-changed.ts";
import { departed, findContact, finished, leave, takeOff } from "../../../lib/reconcile/take-off.ts";
import { away, contact, MoveWorld, NETWORK, networkOf, OTHER, pod, said, shown } from "./fixtures.ts";

const b = { namespace: "default", name: "b" };

describe("the contact that a pod of some name is", () => {
  test("is found on whatever stack it is", async () => {
    const world = await networkOf("a", "b");
    const found = await findContact(world.deps, b);
    assert.ok(found.tag === "contact");
    assert.deepEqual([found.network, found.contact.uid], [NETWORK, contact("b").uid]);
  });

  test("is that of its namespace and no other", async () => {
    const world = await networkOf("a", "b");
    const found = await findContact(world.deps, { namespace: "elsewhere", name: "b" });
    assert.ok(found.tag === "none");
    assert.equal(shown(found.outcome), "ignored PodGone b nowhere: elsewhere/b is on no stack");
    assert.deepEqual(found.outcome.pod, { namespace: "elsewhere", name: "b" });
  });

  for (const call of ["networks", "read"] as const)
    test(`cannot be told while the store does not answer: ${call}`, async () => {
      const world = await networkOf("b");
      const found = await findContact(world.withStore({ [call]: away }), b);
      assert.ok(found.tag === "failed");
      assert.equal(shown(found.outcome), "held StoreUnavailable b nowhere: away");
    });
});

describe("a contact whose pod is gone", () => {
  const cases: readonly (readonly [string, Probe, Deps["settings"]["reform"], string])[] = [
    ["is off the stack", "refused", "on", `left Left b ${NETWORK}: b is off the stack of ${NETWORK}`],
    [
      "is off the stack, whoever hangs at its address",
      "silent",
      "on",
      `left Left b ${NETWORK}: b is off the stack of ${NETWORK}`,
    ],
    [
      "is off the stack, and no more where re-forming is off",
      "serving",
      "off",
      `left Left b ${NETWORK}: b is off the stack of ${NETWORK}`,
    ],
  ];
  for (const [rule, probe, reform, expected] of cases)
    test(rule, async () => {
      const world = await networkOf("a", "b");
      world.say("b", { probe });
      const deps: Deps = { ...world.deps, settings: { ...world.deps.settings, reform } };
      assert.equal(shown(await takeOff(deps, contact("b"), NETWORK)), expected);
      const view = await world.view();
      assert.deepEqual([await world.stack(), view?.deaths, view?.quietMs], [["a"], true, 1_200]);
    });

  for (const probe of ["serving", "not-serving"] as const)
    test(`is left out by a re-form where another process has its address: ${probe}`, async () => {
      const world = await networkOf("a", "b");
      world.cluster.pods = world.cluster.pods.slice(0, 1);
      world.say("b", { probe });
      const reforms: unknown[] = [];
      const onReform: NonNullable<Deps["onReform"]> = ({ cause }) => void reforms.push(cause.kind);
      const outcome = await takeOff({ ...world.deps, onReform }, contact("b"), NETWORK);
      assert.match(
        shown(outcome),
        /^reformed Reformed b default\/net: .*because b was a member at \S+, and another process is there now: 1 peers/u,
      );
      assert.deepEqual([outcome.pod, reforms], [b, ["replaced"]]);
    });

  test("that another step has taken off is nobody's any more, and its address is not asked", async () => {
    const world = await networkOf("a");
    assert.equal(
      shown(await takeOff(world.deps, contact("b"), NETWORK)),
      `ignored PodGone b ${NETWORK}: b was not on the stack of ${NETWORK}`,
    );
    assert.deepEqual(world.calls, []);
  });

  test("stays while the store cannot be written", async () => {
    const world = await networkOf("a", "b");
    const outcome = await takeOff(world.withStore({ leave: away }), contact("b"), NETWORK);
    assert.deepEqual([shown(outcome), world.calls], [`held StoreUnavailable b ${NETWORK}: away`, []]);
    assert.deepEqual(outcome.pod, b);
  });
});

describe("a pod that the API server does not have", () => {
  test("and that was on no stack leaves a death to be waited out all the same", async () => {
    const world = await networkOf("a");
    const outcome = await departed(world.deps, pod("b"), NETWORK);
    assert.equal(shown(outcome), `ignored PodGone b ${NETWORK}: b was not on the stack of ${NETWORK}`);
    assert.equal((await world.view())?.quietMs, 1_200);
  });

  test("takes no other contact off than its own", async () => {
    const world = await networkOf("a", "b");
    world.say("a", { probe: "refused" });
    assert.equal((await departed(world.deps, pod("a"), NETWORK)).pod?.name, "a");
    assert.deepEqual(await world.stack(), ["b"]);
  });

  test("is not taken off while the stack cannot be read", async () => {
    const world = await networkOf("a", "b");
    const outcome = await departed(world.withStore({ read: away }), pod("b"), NETWORK);
    assert.deepEqual(
      [shown(outcome), await world.stack()],
      ["held StoreUnavailable b nowhere: away", ["b", "a"]],
    );
  });
});

describe("a life that has ended for good", () => {
  test("is taken off, and another life of its pod is not", async () => {
    const world = await networkOf("a", "b");
    world.say("b", { probe: "refused" });
    const older = await finished(world.deps, pod("b", { incarnation: "containerd://old" }), NETWORK);
    assert.equal(shown(older), "ignored PodGone b nowhere: default/b is on no stack");
    const other = await finished(world.deps, pod("b", { uid: "another" }), NETWORK);
    assert.equal(other.name, "ignored");
    assert.deepEqual(await world.stack(), ["b", "a"]);
    assert.equal((await finished(world.deps, pod("b"), NETWORK)).name, "left");
    assert.deepEqual(await world.stack(), ["a"]);
  });
});

describe("whoever leaves", () => {
  test("is off the stack, or was not on it, or may be on it still", async () => {
    const world = await networkOf("a", "b");
    assert.equal(
      shown(await leave(world.deps, pod("b"), NETWORK)),
      `left Left b ${NETWORK}: b is off the stack of ${NETWORK}`,
    );
    assert.equal(
      shown(await leave(world.deps, pod("b"), NETWORK)),
      `ignored PodGone b ${NETWORK}: b was not on the stack of ${NETWORK}`,
    );
    assert.equal(
      shown(await leave(world.withStore({ leave: away }), pod("a"), NETWORK)),
      `held StoreUnavailable a ${NETWORK}: away`,
    );
    assert.deepEqual((await leave(world.deps, pod("a"), NETWORK)).pod, { namespace: "default", name: "a" });
  });
});

describe("an event that names a pod alone", () => {
  const name = { namespace: "default", name: "d" };
  const { incarnation } = pod("d");
  const event = async (
    change: "add" | "delete",
    now: readonly ReturnType<typeof pod>[],
    members: readonly string[] = [],
  ): Promise<{ readonly ends: string; readonly world: MoveWorld }> => {
    const world = await networkOf(...members);
    world.cluster.pods = [...world.cluster.pods.filter((each) => each.name !== "d"), ...now];
    world.say("d", { fresh: "fresh", probe: now.length > 0 ? "serving" : "refused" });
    const outcome = await podChanged(world.deps, { change, name });
    return { ends: `${outcome.name} ${outcome.reason} ${outcome.network ?? "nowhere"}`, world };
  };
  const { network: _, ...unlabelled } = pod("d");

  test("of one that is there brings it in", async () => {
    assert.equal((await event("add", [pod("d")])).ends, `founded Founded ${NETWORK}`);
  });

  test("of one that is not there any more is over", async () => {
    const world = new MoveWorld();
    const outcome = await podChanged(world.deps, { change: "update", name });
    assert.equal(shown(outcome), "ignored PodGone d nowhere: default/d is gone");
  });

  test("of a deletion finds it labelled, and brings it in", async () => {
    assert.equal((await event("delete", [pod("d")])).ends, `founded Founded ${NETWORK}`);
  });

  test("of a deletion finds it without its label: out of the network that it says it is in", async () => {
    const joined = said("True", "Joined", { incarnation });
    const { ends, world } = await event("delete", [{ ...unlabelled, ...joined }], ["a", "d"]);
    assert.deepEqual([ends, await world.stack()], [`left LabelRemoved ${NETWORK}`, ["a"]]);
  });

  test("of a deletion finds it without its label, and on no stack: what its condition says counts", async () => {
    const joined = said("True", "Joined", { incarnation });
    const { ends } = await event("delete", [{ ...unlabelled, ...joined }], ["a"]);
    assert.equal(ends, `left LabelRemoved ${NETWORK}`);
  });

  test("of a deletion finds it without label and condition: out of the network on whose stack it is", async () => {
    const { ends, world } = await event("delete", [unlabelled], ["a", "d"]);
    assert.deepEqual([ends, await world.stack()], [`left LabelRemoved ${NETWORK}`, ["a"]]);
  });

  test("of a deletion finds another one of that name: the one before is off the stack", async () => {
    const { ends, world } = await event("delete", [{ ...unlabelled, uid: "another" }], ["a", "d"]);
    assert.deepEqual([ends.split(" ")[0], await world.stack()], ["reformed", ["a"]]);
  });

  test("of a deletion of one that was nowhere is over", async () => {
    assert.equal((await event("delete", [], ["a"])).ends, "ignored PodGone nowhere");
  });

  test("is held while the API server cannot be asked", async () => {
    for (const change of ["update", "delete"] as const) {
      const world = await networkOf("a", "d");
      world.cluster.failure = { kind: "unavailable", message: "away" };
      const outcome = await podChanged(world.deps, { change, name });
      assert.equal(shown(outcome), "held ClusterUnavailable d nowhere: away");
      assert.deepEqual(await world.stack(), ["d", "a"]);
    }
  });

  test("with what the event shows of it: a delete event of one that has lost its label leaves its network alone", async () => {
    const world = await networkOf("a", "d");
    world.cluster.pods = [...world.cluster.pods.slice(0, 1), unlabelled];
    const outcome = await podChanged(world.deps, {
      change: "delete",
      name,
      pod: pod("d", { network: OTHER }),
    });
    assert.deepEqual([outcome.network, await world.stack()], [OTHER, ["d", "a"]]);
  });
});
