import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { type Stage, startStage } from "../harness/stage.ts";

describe("a source that sends straight to the function", () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({ redis: false, sink: "function" });
  });
  after(() => stage.close());

  test("sends each event once of a pod whose peer does not answer, and goes on with the next pod", async () => {
    const held: unknown[] = [];
    for (const klight of stage.functions)
      klight.onLine(({ msg, pod }) => {
        if (msg === "event held") held.push(pod);
      });
    const bad = await stage.addPod({ name: "bad", network: "bad" });
    await bad.peer.kill();
    stage.start(bad);
    stage.touch(bad);
    const good = await stage.addPod({ name: "good", network: "good" });
    stage.start(good);
    await stage.source.settled();
    assert.equal(stage.condition(bad)?.reason, "JoinerNotServing");
    assert.equal(stage.condition(good)?.reason, "Founded");
    assert.deepEqual(new Set(held), new Set(["default/bad"]));
    assert.equal(held.length, stage.source.lost.length);
  });
});

describe("a Broker with its Trigger", () => {
  let stage: Stage;
  before(async () => {
    stage = await startStage({ redis: false, backoffMs: 10 });
  });
  after(() => stage.close());

  test("tries the event of a pod whose peer does not answer again, and not the one that klight's own condition makes", async () => {
    const tries: unknown[] = [];
    for (const klight of stage.functions)
      klight.onLine(({ msg, pod }) => {
        if (msg === "event held") tries.push(pod);
      });
    const bad = await stage.addPod({ name: "bad", network: "bad" });
    await bad.peer.kill();
    stage.start(bad);
    await stage.settled();
    assert.equal(stage.condition(bad)?.reason, "JoinerNotServing");
    const ofPod = stage.broker.taken.filter(({ headers }) => headers["ce-name"] === "bad");
    assert.ok(ofPod.length >= 3, "made, running, and with klight's condition");
    assert.deepEqual(
      tries,
      Array.from({ length: 9 }, () => "default/bad"),
    );
    assert.equal(stage.broker.deadLetters.length, 1);
  });
});
