import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Probe } from "../../../lib/peers/lightpeer.ts";
import { stillWaitedFor, silentAt } from "../../../lib/reconcile/waited-for.ts";

const DAY_MS = 86_400_000;

describe("peers that hung when their network went on without them", () => {
  test("are found again by their addresses", () => {
    const waitedFor = { "10.0.0.2:9081": 5, "[fd00::7]:9081": 0 };
    assert.deepEqual(stillWaitedFor({ waitedFor }), ["10.0.0.2:9081", "[fd00::7]:9081"]);
    assert.deepEqual(stillWaitedFor({ waitedFor: {} }), []);
  });

  test("are forgotten after a day", () => {
    const waitedFor = { "10.0.0.2:9081": DAY_MS - 1, "10.0.0.3:9081": DAY_MS };
    assert.deepEqual(stillWaitedFor({ waitedFor }), ["10.0.0.2:9081"]);
  });

  test("still hang where nobody answers; who refuses or answers hangs no more", async () => {
    const probes: Readonly<Record<string, Probe>> = {
      "10.0.0.1:9081": "silent",
      "10.0.0.2:9081": "serving",
      "10.0.0.3:9081": "not-serving",
      "10.0.0.4:9081": "refused",
      "10.0.0.5:9081": "silent",
    };
    const asked: number[] = [];
    const deps = depsWith((address, timeoutMs) => {
      asked.push(timeoutMs);
      return probes[address] ?? "refused";
    });
    assert.deepEqual(await silentAt(deps, Object.keys(probes)), ["10.0.0.1:9081", "10.0.0.5:9081"]);
    assert.deepEqual(asked, [700, 700, 700, 700, 700]);
    assert.deepEqual(await silentAt(deps, []), []);
  });
});

function depsWith(probe: (address: string, timeoutMs: number) => Probe): Parameters<typeof silentAt>[0] {
  const unasked = (): never => {
    throw new Error("nothing but a probe is asked for");
  };
  return {
    lightpeer: {
      probe: (address, timeoutMs) => Promise.resolve(probe(address, timeoutMs)),
      askFresh: unasked,
      askName: unasked,
      newest: unasked,
      history: unasked,
      join: unasked,
      visit: unasked,
      notify: unasked,
      release: unasked,
    },
    settings: {
      joinMode: "auto",
      reform: "on",
      historyLimit: 1,
      probeTimeoutMs: 700,
      joinTimeoutMs: 1,
      waitMs: 1,
    },
  };
}
