import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { covers, type Lease, tooOld } from "../../lib/lease.ts";
import { createLightpeerClient } from "../../lib/peers/client/grpc-client.ts";
import { createSeeds } from "../../lib/peers/seed/seeds.ts";
import type { Deps } from "../../lib/deps.ts";
import { createTurns } from "../../lib/keyed-queue.ts";
import { World } from "../harness/networks.ts";

const { clock, contacts, cluster } = new World();
const NOW = clock.now();
/** Longer than that after the last probes, or after the look at the pods, nothing may be begun. */
const [PROBES_MS, LOOK_MS] = [1_000, 5_000];

const deps: Deps = {
  clock,
  contacts,
  cluster,
  lightpeer: createLightpeerClient(),
  seeds: createSeeds({ port: 0 }),
  turns: createTurns(),
  newToken: () => "t",
  log: { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} },
  settings: {
    joinMode: "auto",
    reform: "on",
    historyLimit: 1,
    probeTimeoutMs: 1,
    joinTimeoutMs: 1,
    waitMs: 1,
  },
};

const lease: Lease = { network: "default/net-a", token: "t", until: NOW + 1_000 };

/** What is said of a look that began and ended so long ago, ms. */
const after = (fromMs: number, toMs: number): string | undefined =>
  tooOld(deps, lease, { from: NOW - fromMs, to: NOW - toMs })?.reason;

describe("a look at a network", () => {
  test("is fresh enough as long as both pods and probes are", () => {
    assert.equal(after(0, 0), undefined);
    assert.equal(after(LOOK_MS, PROBES_MS), undefined);
  });

  test("is too old when its last probes are", () => {
    assert.equal(after(PROBES_MS + 1, PROBES_MS + 1), "LookTooOld");
  });

  test("is too old when its pods are, however new the probes", () => {
    assert.equal(after(LOOK_MS + 1, 0), "LookTooOld");
  });

  test("that is too old names its network and both ages", () => {
    const held = tooOld(deps, lease, { from: NOW - 6_000, to: NOW - 20 });
    assert.equal(held?.network, "default/net-a");
    assert.match(held?.message ?? "", /^6000 ms have passed .* default\/net-a, 20 ms since the last probes$/);
  });
});

test("a lease covers what ends with it, and nothing that takes longer", () => {
  assert.equal(covers(deps, lease, 1_000), true);
  assert.equal(covers(deps, lease, 1_001), false);
});
