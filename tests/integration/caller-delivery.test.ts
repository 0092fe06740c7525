import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { type Broker, type BrokerOptions, startBroker } from "../harness/broker.ts";
import { bearer, type Checked, issuing, serveChecked } from "../harness/checked-server.ts";
import { runningPod } from "../harness/pods.ts";

/** A Broker whose Trigger sends to the function, and one event put into it. */
async function delivered(
  t: TestContext,
  { url }: Checked,
  authorization: BrokerOptions["authorization"],
): Promise<Broker> {
  const broker = await startBroker({
    subscriber: url,
    types: ["dev.knative.apiserver.resource.*"],
    retry: 8,
    backoffMs: 5,
    ...(authorization && { authorization }),
  });
  t.after(() => broker.close());
  const posted = await fetch(broker.url, {
    method: "POST",
    headers: {
      "content-type": "application/json",
      "ce-specversion": "1.0",
      "ce-id": "1",
      "ce-source": "https://10.96.0.1:443",
      "ce-type": "dev.knative.apiserver.resource.add",
    },
    body: JSON.stringify(runningPod({ metadata: { name: "peer-a" } })),
  });
  assert.equal(posted.status, 202);
  await broker.settled();
  return broker;
}

describe("an event that a Trigger delivers", () => {
  test("is taken once, with the Trigger's token", async (t) => {
    const issuer = await issuing(t);
    const klight = await serveChecked(t, issuer);
    const broker = await delivered(t, klight, async () => bearer(await issuer.token()));
    assert.deepEqual([klight.taken, broker.deadLetters], [["peer-a"], []]);
  });

  test("is not lost while the issuer's keys cannot be read", async (t) => {
    const issuer = await issuing(t);
    const klight = await serveChecked(t, issuer);
    let away = 3;
    issuer.trouble = (_request, response) => {
      if (away === 0) return false;
      away -= 1;
      response.writeHead(503).end();
      return true;
    };
    const broker = await delivered(t, klight, async () => bearer(await issuer.token()));
    assert.deepEqual([klight.taken, broker.deadLetters, away], [["peer-a"], [], 0]);
  });

  test("without a token is a dead letter at once", async (t) => {
    const issuer = await issuing(t);
    const klight = await serveChecked(t, issuer);
    const broker = await delivered(t, klight, undefined);
    assert.deepEqual(klight.taken, []);
    assert.deepEqual(
      broker.deadLetters.map(({ status }) => status),
      [401],
    );
    assert.equal(klight.lines.length, 1);
  });
});
