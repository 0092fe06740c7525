import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { reconcile } from "../../../lib/reconcile/reconcile.ts";
import { movedOut, podsOfIntent } from "../../../lib/reconcile/moved-out.ts";
import type { Contact } from "../../../lib/store/contacts.ts";
import { podOf } from "../../harness/networks.ts";
import { away, contact, member, MoveWorld, NETWORK, networkOf, OTHER, pod, said, shown } from "./fixtures.ts";

const leaver = contact("d");
const { incarnation } = pod("d");
const gone = (changes: Partial<Pod> = {}): Pod =>
  podOf(OTHER, "d", { ...said("True", "Joined", { incarnation }), ...changes });
const isLeft = ({ calls }: MoveWorld): boolean => calls.includes("join d through the seed");

describe("a peer that is to leave its network", () => {
  const cases: readonly (readonly [string, Pod | undefined, boolean])[] = [
    ["leaves while its pod has another label", gone(), true],
    ["stays where its pod has the old label again", member("d"), false],
    ["has left where its pod is gone", undefined, false],
    ["has left where another pod has its name", gone({ uid: "another" }), false],
    [
      "has left where it is another life: that one may be in another network",
      gone({ incarnation: "x" }),
      false,
    ],
    [
      "has left where it has another address: somebody else may answer there",
      gone({ address: "x:1" }),
      false,
    ],
    ["has left where it has ended", gone({ finished: true }), false],
  ];
  for (const [rule, now, leaves] of cases)
    test(rule, async () => {
      const world = await networkOf("a", "b", "d");
      world.now = [member("a"), member("b"), ...(now ? [now] : [])];
      await reconcile(world.deps, { network: NETWORK, leaver });
      assert.equal(isLeft(world), leaves);
    });

  test("has left where the stack does not have it", async () => {
    const world = await networkOf("a", "b");
    world.cluster.pods = [...world.cluster.pods, gone()];
    assert.equal((await reconcile(world.deps, { network: NETWORK, leaver })).name, "member");
    const view = await world.view();
    assert.deepEqual([isLeft(world), view?.deaths, view?.quietMs], [false, true, 1_200]);
  });

  test("leaves where the store has lost its stack: the pod itself says that it was there", async () => {
    const world = await networkOf();
    const says = (name: string): Partial<Pod> =>
      said("True", "Joined", { incarnation: pod(name).incarnation });
    world.cluster.pods = [pod("a", says("a")), gone()];
    await reconcile(world.deps, { network: NETWORK, leaver });
    assert.equal(isLeft(world), true);
  });

  test("says that it takes along what is stored, where it was the last one", async () => {
    const stacks: readonly (readonly [string, readonly string[], readonly string[]])[] = [
      ["the last on the stack", ["d"], ["d False MovedOut"]],
      ["the last one to go", [], ["d False MovedOut"]],
      ["not the last one", ["a", "b", "d"], []],
    ];
    for (const [which, stack, told] of stacks) {
      const world = await networkOf(...stack);
      world.cluster.pods = [
        ...stack.filter((name) => name !== "d").map((name) => member(name)),
        podOf(OTHER, "d"),
      ];
      await reconcile(world.deps, { network: NETWORK, leaver });
      assert.deepEqual(
        world.told.filter((line) => line.startsWith("d")),
        told,
        which,
      );
    }
  });

  test("stays on the stack, the last one, until it says so", async () => {
    const world = await networkOf("d");
    world.cluster.pods = [gone()];
    const deps: Deps = { ...world.deps, cluster: { ...world.deps.cluster, setCondition: away } };
    assert.equal(
      shown(await reconcile(deps, { network: NETWORK, leaver })),
      `held ClusterUnavailable nobody ${NETWORK}: away`,
    );
    assert.deepEqual(await world.stack(), ["d"]);
    assert.equal((await reconcile(world.deps, { network: NETWORK, leaver })).name, "left");
    assert.deepEqual(await world.stack(), []);
  });

  test("leaves where the store has lost the stack, for it cannot know", async () => {
    const world = new MoveWorld();
    world.cluster.pods = [member("a"), member("b"), gone()];
    assert.equal((await reconcile(world.deps, { network: NETWORK, leaver })).name, "reformed");
    assert.equal(isLeft(world), true);
  });

  test("is held while the API server cannot tell, and what was seen is kept", async () => {
    const world = await networkOf("a", "b", "d");
    world.say("b", { probe: "silent" });
    const deps: Deps = { ...world.deps, cluster: { ...world.deps.cluster, getPod: away } };
    assert.equal(
      shown(await reconcile(deps, { network: NETWORK, leaver })),
      `held ClusterUnavailable nobody ${NETWORK}: away`,
    );
    assert.deepEqual(Object.keys((await world.view())?.hung ?? {}), [contact("b").incarnation]);
  });
});

describe("who has gone to another network and does not say so yet", () => {
  const named = async (now: readonly Pod[], moved: readonly Contact[], intent?: string): Promise<unknown> => {
    const world = await networkOf("a");
    world.cluster.pods = now;
    const half = intent === undefined ? {} : { intent: { kind: "join", pod: intent, at: "" } as const };
    const found = await movedOut(await world.step({ leaver: contact("e") }, { moved }, half));
    return found.tag === "pods" ? found.pods.map(({ name }) => name) : found;
  };
  const told = gone(said("False", "MovedOut", { incarnation }));
  const { network: _network, ...unlabelled } = podOf(OTHER, "d");
  const { address: _address, ...nowhere } = podOf(OTHER, "d");

  const cases: readonly (readonly [string, Pod, readonly string[]])[] = [
    ["is named", podOf(OTHER, "d"), ["d"]],
    ["is not named where it says so", told, []],
    ["is not named where it has no label", unlabelled, []],
    ["is not named where it is here", pod("d"), []],
    ["is not named where it has no address: it does not run", nowhere, []],
  ];
  for (const [rule, now, expected] of cases)
    test(rule, async () => {
      assert.deepEqual(await named([now], [contact("d")]), expected);
    });

  test("is named where a step that died was for it", async () => {
    assert.deepEqual(await named([podOf(OTHER, "d")], [], "default/d"), ["d"]);
    assert.deepEqual(await named([podOf(OTHER, "d")], [], "default/c"), []);
  });

  test("is not named where it is the one that leaves now", async () => {
    assert.deepEqual(await named([podOf(OTHER, "e")], [contact("e")]), []);
  });

  test("is named all the same where it says that it alone has what is stored: the others have it now", async () => {
    const says = { network: OTHER, was: NETWORK, incarnation, carries: NETWORK };
    const carrier = podOf(OTHER, "d", said("False", "MemberHung", says));
    const names = async (itsPod: Pod): Promise<unknown> => {
      const world = await networkOf("a");
      world.cluster.pods = [itsPod];
      const found = await movedOut(
        await world.step({ leaver: { ...leaver, pod: itsPod } }, { moved: [leaver] }),
      );
      return found.tag === "pods" ? found.pods.map(({ name }) => name) : found;
    };
    assert.deepEqual(await names(carrier), ["d"]);
    assert.deepEqual(
      await names(podOf(OTHER, "d", said("False", "MemberHung", { ...says, carries: OTHER }))),
      [],
    );
    assert.deepEqual(await names(gone()), []);
  });

  test("is found by the intent of the step that died, if that names a pod", () => {
    const at = "2026-11-24T08:00:00.000Z";
    assert.deepEqual(podsOfIntent({ kind: "join", pod: "default/d", at }), [
      { namespace: "default", name: "d" },
    ]);
    assert.deepEqual(podsOfIntent({ kind: "reform", at }), []);
    assert.deepEqual(podsOfIntent({ kind: "join", pod: "d", at }), []);
    assert.deepEqual(podsOfIntent(undefined), []);
  });

  test("cannot be told while the API server is away", async () => {
    const world = await networkOf("a");
    world.cluster.failure = { kind: "unavailable", message: "away" };
    const found = await movedOut(await world.step({}, { moved: [contact("d")] }));
    assert.equal(found.tag, "failed");
  });
});
