import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Probe } from "../../../lib/peers/lightpeer.ts";
import { type Health, healthOf, type Signs } from "../../../lib/reconcile/health.ts";
import { podOf } from "../../harness/networks.ts";

const NOW = Date.parse("2026-11-24T08:00:00Z");
const HALF_A_MINUTE_MS = 30_000;

const health = (signs: Partial<Signs>): Health =>
  healthOf({
    life: "same",
    pod: podOf("default/net-a", "a"),
    probe: "silent",
    silentMs: 0,
    now: NOW,
    ...signs,
  });

const probes: readonly Probe[] = ["serving", "not-serving", "refused", "silent"];

describe("a contact", () => {
  test("is dead where nobody listens at its address, whatever else is known", () => {
    for (const life of ["same", "gone", "elsewhere"] as const)
      assert.equal(health({ life, probe: "refused" }), "dead", life);
  });

  test("is replaced where its pod is gone and somebody answers at its address, lost where somebody hangs there", () => {
    assert.deepEqual(
      probes.map((probe) => health({ life: "gone", pod: undefined, probe })),
      ["replaced", "replaced", "dead", "lost"],
    );
  });

  test("has moved where its pod is of another network, hanging or not", () => {
    assert.deepEqual(
      probes.map((probe) => health({ life: "elsewhere", probe })),
      ["moved", "moved", "dead", "moved"],
    );
  });

  test("lives where it answers, and hangs where it does not", () => {
    assert.deepEqual(
      probes.map((probe) => health({ life: "same", probe })),
      ["living", "hung", "dead", "hung"],
    );
  });

  test("is lost when it has not answered for half a minute", () => {
    assert.equal(health({ silentMs: HALF_A_MINUTE_MS - 1 }), "hung");
    assert.equal(health({ silentMs: HALF_A_MINUTE_MS }), "lost");
    assert.equal(health({ silentMs: HALF_A_MINUTE_MS, probe: "serving" }), "living");
  });

  test("is lost when its pod has not been Ready for half a minute", () => {
    const unreadyFor = (ms: number) => podOf("default/net-a", "a", { ready: false, unreadySince: NOW - ms });
    assert.equal(health({ pod: unreadyFor(HALF_A_MINUTE_MS - 1) }), "hung");
    assert.equal(health({ pod: unreadyFor(HALF_A_MINUTE_MS) }), "lost");
    assert.equal(health({ pod: unreadyFor(HALF_A_MINUTE_MS), probe: "serving" }), "living");
  });
});
