import assert from "node:assert/strict";
import { test } from "node:test";
import type { Tamper } from "./function-service.ts";
import { violationsOf } from "./invariants.ts";
import { run } from "./run.ts";
import type { Schedule } from "./schedule.ts";

const threePods: Schedule = {
  setting: {
    seed: 5,
    instances: 1,
    through: "broker",
    events: "resource",
    joinMode: "auto",
    pods: [3],
    gapMs: 600,
    storing: [],
  },
  commands: [],
};

/** Nobody gets through to this peer, and it takes a joiner long to find that out, as where packets are dropped. */
const dropsPacketsTo =
  (contact: string): Tamper =>
  (deps) => ({
    ...deps,
    lightpeer: {
      ...deps.lightpeer,
      join: async (address, through, ...rest) => {
        if (through !== contact) return deps.lightpeer.join(address, through, ...rest);
        await deps.clock.sleep(20_000);
        return { tag: "unreachable", message: "no route" };
      },
    },
  });

test("a joiner that needs long to find out that it cannot reach a contact comes in through the next one", async () => {
  const facts = await run(threePods, dropsPacketsTo("10.0.2.1:9081"));
  const last = facts.joins.filter(({ joiner }) => joiner === "10.0.3.1:9081");
  assert.deepEqual(
    last.map(({ contact, plain }) => [contact, plain]),
    [["10.0.1.1:9081", true]],
  );
  assert.deepEqual(violationsOf(facts), []);
});
