import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { covers, type Lease, renew, tooOld } from "../../lib/lease.ts";
import { createLightpeerClient } from "../../lib/peers/client/grpc-client.ts";
import { createSeeds } from "../../lib/peers/seed/seeds.ts";
import type { Deps } from "../../lib/deps.ts";
import { createMemoryBudget } from "../../lib/memory-budget.ts";
import { createTurns } from "../../lib/keyed-queue.ts";
import { World } from "../harness/networks.ts";
import { leaseOf, type ScriptedDeps, scriptedDeps } from "../harness/step-facts.ts";

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
  histories: createMemoryBudget(1, { sleep: () => Promise.resolve() }),
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

describe("what is about to be done is written, and the lease made to cover it", () => {
  const intent = { kind: "join", at: "2026-11-24T08:00:00.000Z" } as const;

  test("for as long as it may take and some more", async () => {
    const script = scriptedDeps();
    const mine = leaseOf();
    assert.equal(await renew(script.deps, mine, intent, 10_000), undefined);
    assert.ok(covers(script.deps, mine, 10_000));
    assert.ok(!covers(script.deps, mine, 13_001));
  });

  test("counted from before the request was sent: a store that was slow is asked again", async () => {
    let asked = 0;
    const script: ScriptedDeps = scriptedDeps(
      {},
      {},
      {
        mark: () => {
          asked += 1;
          script.clock.move(asked === 1 ? 5_000 : 0);
          return Promise.resolve({ tag: "marked" });
        },
      },
    );
    assert.equal(await renew(script.deps, leaseOf(), intent, 10_000), undefined);
    assert.equal(asked, 2);
  });

  test("and where it is always too slow the lease is lost: nothing is begun that it would not cover", async () => {
    const script: ScriptedDeps = scriptedDeps(
      {},
      {},
      {
        mark: () => {
          script.clock.move(5_000);
          return Promise.resolve({ tag: "marked" });
        },
      },
    );
    assert.equal((await renew(script.deps, leaseOf(), intent, 10_000))?.reason, "LeaseLost");
  });

  test("not where another step has it, or the store does not answer", async () => {
    const lost = scriptedDeps({}, {}, { mark: () => Promise.resolve({ tag: "lost" }) });
    assert.equal((await renew(lost.deps, leaseOf(), intent, 1))?.reason, "LeaseLost");
    const away = scriptedDeps({}, {}, { mark: () => Promise.resolve({ tag: "failed", message: "away" }) });
    assert.equal((await renew(away.deps, leaseOf(), intent, 1))?.reason, "StoreUnavailable");
  });
});
