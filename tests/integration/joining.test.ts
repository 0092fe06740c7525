import assert from "node:assert/strict";
import { after, afterEach, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { skipWithoutRedis } from "../harness/redis.ts";
import type { StoredEvent } from "../harness/api-server/new-event.ts";
import { type Stage, type StagePod, startStage, up } from "../harness/stage.ts";

describe("with the store redis", { skip: skipWithoutRedis() }, () => {
  test("pods are joined, and a Redis that was away is used again", async () => {
    const stage = await startStage({ env: { KLIGHT_STORE: "redis" } });
    try {
      const names = ["own-1", "own-2", "own-3"];
      const pods = await Promise.all(names.map((name) => stage.addPod({ name, network: "own" })));
      for (const pod of pods.slice(0, 2)) stage.start(pod);
      await stage.settled();
      await stage.redis?.redis.kill();
      await stage.redis?.redis.restart();
      for (const pod of pods.slice(2)) stage.start(pod);
      await stage.settled();
      const whole = await stage.whole(pods);
      assert.equal(whole.tag, "whole", whole.tag === "broken" ? whole.reason : "");
      assert.deepEqual([...(await stage.stack("default/own"))].sort(), names);
    } finally {
      await stage.close();
    }
  });
});

describe("pods are joined over HTTP, Redis and gRPC", { skip: skipWithoutRedis() }, () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({ functions: 2 });
  });
  after(() => stage.close());
  // Its peers would ask each other for their health through all the tests that follow.
  afterEach(async () => {
    await Promise.all([...stage.pods].map((pod) => stage.remove(pod)));
    await stage.settled();
  });

  /** Each peer was told to join at most once in each of its lives, plainly: klight's own seed does not count. */
  const contactsOf = ({ peer }: StagePod): readonly string[] => {
    const peers = new Set(stage.pods.map((pod) => pod.peer.address));
    return peer.joins.map(({ contact }) => contact).filter((contact) => peers.has(contact));
  };

  const inNetwork = (network: string, names: readonly string[], namespace = "default"): Promise<StagePod[]> =>
    up(stage, names, { namespace, network });

  const assertWhole = async (pods: readonly StagePod[]): Promise<void> => {
    const found = await stage.whole(pods);
    assert.equal(found.tag, "whole", found.tag === "broken" ? found.reason : "");
    for (const pod of pods)
      assert.equal(stage.condition(pod)?.status, "True", `${pod.name} says that it is joined`);
    const names = pods.map(({ name }) => name).sort();
    assert.deepEqual([...(await stage.stack(pods[0]?.network ?? ""))].sort(), names);
  };

  test("the first pod founds its network, the second joins through it", async () => {
    const [first, second] = await inNetwork("pair", ["pair-1", "pair-2"]);
    assert.ok(first && second);
    assert.deepEqual(contactsOf(first), []);
    assert.deepEqual(contactsOf(second), [first.peer.address]);
    assert.match(stage.condition(second)?.message ?? "", /via pair-1/u);
    await assertWhole([first, second]);
  });

  test("the second and third status update of ten pods join nobody twice", async () => {
    const names = Array.from({ length: 10 }, (_, index) => `twice-${index}`);
    const pods = await inNetwork("twice", names);
    for (const pod of [...pods, ...pods]) stage.touch(pod);
    await stage.settled();
    for (const pod of pods) assert.ok(contactsOf(pod).length <= 1, `${pod.name} joined once`);
    await assertWhole(pods);
  });

  test("a member stops, another pod comes, and the network is whole", async () => {
    const [one, two, three] = await inNetwork("stops", ["stops-1", "stops-2", "stops-3"]);
    assert.ok(one && two && three);
    await stage.remove(three);
    const [four] = await inNetwork("stops", ["stops-4"]);
    assert.ok(four);
    await assertWhole([one, two, four]);
  });

  test("a restarted lightpeer container is another peer, and comes in again", async () => {
    const [one, two, three] = await inNetwork("again", ["again-1", "again-2", "again-3"]);
    assert.ok(one && two && three);
    await stage.restart(two, 1_500);
    await stage.settled();
    await assertWhole([one, two, three]);
    await stage.restart(one, 1_500);
    await stage.settled();
    await assertWhole([one, two, three]);
  });

  test("a lightpeer that restarts too fast for the others to notice still ends in a whole network", async () => {
    const pods = await inNetwork("fast", ["fast-1", "fast-2", "fast-3"]);
    const [, two] = pods;
    assert.ok(two);
    await stage.restart(two, 0);
    await stage.settled();
    await stage.ping();
    await assertWhole(pods);
  });

  test("a sweep tells how it ended by an Event about klight's own service", async () => {
    await inNetwork("told", ["told-1", "told-2"]);
    stage.api.forgetEvents();
    await stage.ping();
    const about = ({ involvedObject }: StoredEvent): boolean => involvedObject.kind === "Service";
    const [told, ...more] = stage.api.events.filter(about);
    assert.deepEqual([told?.reason, told?.metadata.namespace, more], ["SweepDone", "klight", []]);
    assert.match(told?.message ?? "", /^\d+ networks, \d+ pods: /u);
  });

  test("twenty events of twenty pods at two functions at once end in one network", async () => {
    const pods: StagePod[] = [];
    for (let index = 0; index < 20; index += 1) {
      pods.push(await stage.addPod({ name: `crowd-${index}`, network: "crowd" }));
    }
    for (const pod of pods) stage.start(pod);
    const posts = pods.map(async (pod, index) => {
      for (let tries = 0; tries < 20; tries += 1) {
        const { status } = await stage.post(pod, index % 2);
        if (status < 300) return;
        await sleep(200);
      }
    });
    await Promise.all([...posts, stage.settled()]);
    await assertWhole(pods);
  });

  test("one network id in two namespaces is two networks", async () => {
    const red = await inNetwork("same", ["same-1", "same-2"], "red");
    const blue = await inNetwork("same", ["same-1", "same-2"], "blue");
    await assertWhole(red);
    await assertWhole(blue);
    const [one] = red;
    assert.ok(one);
    assert.equal(one.peer.state.network.length, 2);
  });

  test("a stale list that still shows the life before joins nobody into it twice", async () => {
    const pods = await inNetwork("stale", ["stale-1", "stale-2", "stale-3"]);
    const [, , three] = pods;
    assert.ok(three);
    stage.api.freezeLists();
    await stage.restart(three, 1_500);
    await stage.settled();
    stage.api.thawLists();
    stage.touch(three);
    await stage.settled();
    await stage.ping();
    await assertWhole(pods);
  });

  test("a member that hangs holds every join, and it goes on when the member wakes", async () => {
    const [one, two] = await inNetwork("hangs", ["hangs-1", "hangs-2"]);
    assert.ok(one && two);
    one.peer.hang();
    const three = await stage.addPod({ name: "hangs-3", network: "hangs" });
    stage.start(three);
    const { status, outcome } = await stage.post(three);
    assert.ok([409, 503].includes(status));
    assert.match(outcome, /^held; reason="(?:MemberHung|NetworkBusy)/u);
    assert.deepEqual(contactsOf(three), []);
    one.peer.wake();
    await stage.settled();
    await assertWhole([one, two, three]);
  });

  test("a store that is flushed between joins is put together again from the conditions", async () => {
    const pods = await inNetwork("flushed", ["flushed-1", "flushed-2", "flushed-3"]);
    await stage.redis?.flush();
    const more = await inNetwork("flushed", ["flushed-4"]);
    await assertWhole([...pods, ...more]);
  });

  test("an API server that is away holds the step and joins nobody", async () => {
    const [one] = await inNetwork("away", ["away-1"]);
    assert.ok(one);
    const two = await stage.addPod({ name: "away-2", network: "away" });
    stage.api.fail({ tag: "down" });
    stage.start(two);
    const { status, outcome } = await stage.post(two);
    assert.equal(status, 503);
    assert.match(outcome, /ClusterUnavailable/u);
    assert.deepEqual(contactsOf(two), []);
    stage.api.fail(undefined);
    await stage.settled();
    await assertWhole([one, two]);
  });

  test("Redis that is away holds the step, touches no peer, and loses nothing", async () => {
    const [one] = await inNetwork("dark", ["dark-1"]);
    assert.ok(one && stage.redis);
    await stage.redis.rest.kill();
    const two = await stage.addPod({ name: "dark-2", network: "dark" });
    stage.start(two);
    const { status, outcome } = await stage.post(two);
    assert.equal(status, 503);
    assert.match(outcome, /StoreUnavailable/u);
    assert.deepEqual(contactsOf(two), []);
    await stage.redis.rest.restart();
    await stage.settled();
    await assertWhole([one, two]);
  });

  test("a pod that gets another network id is moved, and both networks are whole", async () => {
    const [one, two, mover] = await inNetwork("from", ["from-1", "from-2", "from-3"]);
    const [three] = await inNetwork("to", ["to-1"]);
    assert.ok(one && two && mover && three);
    stage.api.pods.replace(mover, {
      labels: { "klight.networkId": "to" },
      annotations: { "klight.dev/port": mover.peer.address.replace(/^.*:/u, "") },
    });
    await stage.settled();
    await assertWhole([one, two]);
    await assertWhole([three, { ...mover, network: three.network }]);
  });

  test("a pod that lost its label is left out, and says so", async () => {
    const [one, two, three] = await inNetwork("unlabelled", ["unlabelled-1", "unlabelled-2", "unlabelled-3"]);
    assert.ok(one && two && three);
    stage.api.pods.replace(three, {
      labels: {},
      annotations: { "klight.dev/port": three.peer.address.replace(/^.*:/u, "") },
    });
    await stage.settled();
    await assertWhole([one, two]);
    assert.deepEqual(new Set(one.peer.state.network), new Set([one.peer.address, two.peer.address]));
    assert.equal(stage.condition(three)?.reason, "LabelRemoved");
  });
});
