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
