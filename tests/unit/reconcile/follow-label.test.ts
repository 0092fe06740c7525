import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { bringIn } from "../../../lib/reconcile/bring-in.ts";
import { podOf } from "../../harness/networks.ts";
import { away, MoveWorld, NETWORK, OTHER, pod, shown, withoutLabel } from "./fixtures.ts";

describe("a pod that gets another label while its peer is brought in", () => {
  /** It is labelled so when its pod is told that it is in. */
  const labels = async (
    ...now: readonly Pod[]
  ): Promise<{ readonly world: MoveWorld; readonly deps: Deps }> => {
    const world = new MoveWorld();
    world.addPod(pod("d"));
    world.say("d", { fresh: "fresh" });
    const { cluster } = world.deps;
    const setCondition: Deps["cluster"]["setCondition"] = (who, condition) => {
      world.now ??= now;
      return cluster.setCondition(who, condition);
    };
    return { world, deps: { ...world.deps, cluster: { ...cluster, setCondition } } };
  };

  test("is followed to its new network", async () => {
    const { world, deps } = await labels(podOf(OTHER, "d"));
    const outcome = await bringIn(deps, pod("d"), NETWORK);
    assert.deepEqual([outcome.name, outcome.network], ["reformed", OTHER]);
    assert.deepEqual([await world.stack(), await world.stack(OTHER)], [[], ["d"]]);
  });

  test("is followed three times, and then held: its event comes again", async () => {
    const { world, deps } = await labels(podOf(OTHER, "d"));
    let label = NETWORK;
    const { cluster } = deps;
    const flapping: Deps["cluster"] = {
      ...cluster,
      setCondition: (who, condition) => {
        if (condition.status === "True") label = label === NETWORK ? OTHER : NETWORK;
        world.now = [podOf(label, "d")];
        return cluster.setCondition(who, condition);
      },
    };
    const outcome = await bringIn({ ...deps, cluster: flapping }, pod("d"), NETWORK);
    assert.deepEqual([outcome.name, outcome.reason], ["held", "LabelChanged"]);
    assert.equal(world.told.filter((line) => line.startsWith("d True")).length, 4);
  });

  test("and has none by then is taken out again", async () => {
    const { world, deps } = await labels(withoutLabel(pod("d")));
    const outcome = await bringIn(deps, pod("d"), NETWORK);
    assert.deepEqual([outcome.name, outcome.reason, await world.stack()], ["left", "LabelRemoved", []]);
  });

  test("and loses that one while it is followed is taken out of the second", async () => {
    const { world, deps } = await labels(podOf(OTHER, "d"));
    const { cluster } = deps;
    const fickle: Deps["cluster"] = {
      ...cluster,
      setCondition: (who, condition) => {
        if (condition.message.includes(OTHER)) world.now = [withoutLabel(pod("d"))];
        return cluster.setCondition(who, condition);
      },
    };
    const outcome = await bringIn({ ...deps, cluster: fickle }, pod("d"), NETWORK);
    assert.deepEqual([outcome.reason, outcome.network], ["LabelRemoved", OTHER]);
  });

  for (const [what, now] of [
    ["is gone", []],
    ["is another one of that name", [podOf(OTHER, "d", { uid: "another" })]],
  ] as const)
    test(`and ${what} by then is not followed`, async () => {
      const { world, deps } = await labels(podOf(OTHER, "d"));
      const { cluster } = deps;
      const late: Deps["cluster"] = {
        ...cluster,
        setCondition: async (who, condition) => {
          const written = await cluster.setCondition(who, condition);
          world.now = now;
          return written;
        },
      };
      const outcome = await bringIn({ ...deps, cluster: late }, pod("d"), NETWORK);
      assert.deepEqual([outcome.name, outcome.reason], ["ignored", "PodGone"]);
      assert.deepEqual(await world.stack(OTHER), []);
    });

  test("is held where the API server cannot be asked which one", async () => {
    const { deps: following } = await labels(podOf(OTHER, "d"));
    const deps: Deps = { ...following, cluster: { ...following.cluster, getPod: away } };
    assert.equal(shown(await bringIn(deps, pod("d"), NETWORK)), `held ClusterUnavailable d ${NETWORK}: away`);
  });

  test("before it is touched is not brought in any more", async () => {
    const { world, deps } = await labels();
    world.now = [podOf(OTHER, "d")];
    assert.equal((await bringIn(deps, pod("d"), NETWORK)).reason, "LookTooOld");
    assert.deepEqual([await world.stack(), world.calls.filter((call) => call.startsWith("join"))], [[], []]);
  });
});
