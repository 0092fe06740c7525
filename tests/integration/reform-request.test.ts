import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { REFORM_ANNOTATION } from "../../lib/pod/condition.ts";
import { runCommand } from "../harness/command-line.ts";
import { skipWithoutRedis } from "../harness/redis.ts";
import { type Stage, type StagePod, startStage } from "../harness/stage.ts";

describe("a re-form is asked for by the annotation klight.dev/reform", { skip: skipWithoutRedis() }, () => {
  let stage: Stage;
  let pods: StagePod[];
  before(async () => {
    stage = await startStage();
    pods = [];
    for (const name of ["orders-0", "orders-1"]) {
      const pod = await stage.addPod({ name, network: "orders", namespace: "shop" });
      stage.start(pod);
      pods.push(pod);
    }
    await stage.settled();
  });
  after(() => stage.close());

  /** As `kubectl annotate pod NAME klight.dev/reform=VALUE --overwrite` does. */
  async function annotate({ namespace, name }: StagePod, value: string): Promise<void> {
    const response = await fetch(`${stage.api.url}/api/v1/namespaces/${namespace}/pods/${name}`, {
      method: "PATCH",
      headers: { "content-type": "application/merge-patch+json" },
      body: JSON.stringify({ metadata: { annotations: { [REFORM_ANNOTATION]: value } } }),
    });
    assert.equal(response.status, 200);
  }
  const answers = ({ name }: StagePod): readonly string[] =>
    stage.api.events
      .filter(
        ({ reason, involvedObject }) =>
          involvedObject.name === name && /^Reform(?:Done|Refused)$/u.test(reason),
      )
      .map(({ reason, message }) => `${reason}: ${message}`);
  const reforms = (): number => stage.api.events.filter(({ reason }) => reason === "NetworkReformed").length;

  const patches = (): number =>
    stage.api.calls.filter(({ verb, resource }) => verb === "patch" && resource === "pods").length;

  test("each new value is done once, and answered by an Event and in the condition", async () => {
    const [first] = pods;
    assert.ok(first);
    await annotate(first, "one");
    await stage.settled();
    assert.match(
      answers(first).join(),
      /^ReformDone: shop\/orders was re-formed because somebody asked for it: 2 peers/u,
    );
    const { status, message = "" } = stage.condition(first) ?? {};
    assert.equal(status, "True");
    assert.match(message, /reform one/u);
    stage.touch(first);
    await stage.settled();
    await stage.ping();
    assert.equal(reforms(), 1);
    const found = await stage.whole(pods);
    assert.equal(found.tag, "whole");
  });

  test("the answer stays in the condition when that is written again, so that it is not done again", async () => {
    const [first] = pods;
    assert.ok(first);
    await stage.restart(first, 1_500);
    await stage.settled();
    assert.match(stage.condition(first)?.message ?? "", /reform one/u);
    assert.equal(answers(first).length, 1);
  });

  test("a request whose event was lost is done by the sweep", async () => {
    const [, second] = pods;
    assert.ok(second);
    await stage.source.stop();
    await annotate(second, "lost");
    await stage.ping();
    assert.equal(answers(second).length, 1);
  });

  test("klight reform asks so, and tells the answer", async () => {
    const already = patches();
    const asking = runCommand(["reform", "shop/orders", "--kubeconfig", stage.api.kubeconfig]);
    while (patches() === already) await sleep(10);
    for (const pod of pods) await stage.post(pod);
    const { code, out } = await asking;
    assert.match(out, /^shop\/orders: Reform(?:Done|Refused): /u);
    assert.equal(code, out.includes("ReformDone") ? 0 : 1);
  });
});
