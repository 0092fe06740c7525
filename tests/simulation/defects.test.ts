import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import * as defects from "./defects.ts";
import type { Tamper } from "./function-service.ts";
import { type InvariantName, invariants, violationsOf } from "./invariants.ts";
import { run } from "./run.ts";
import { describe, type Draw, drawSchedules, type Schedule, type Setting } from "./schedule.ts";

/** A world in which little is left to chance. */
const plain: Partial<Setting> = {
  instances: 1,
  through: "broker",
  events: "resource",
  joinMode: "auto",
  pods: [4],
  gapMs: 300,
  storing: [],
};

interface Case {
  readonly klight: string;
  readonly defect: Tamper;
  readonly fails: InvariantName;
  readonly draw: Draw;
  /** Where {@link SEED} shows it too late. */
  readonly seed?: number;
}

const cases: readonly Case[] = [
  {
    klight: "without a lease",
    defect: defects.noLease,
    fails: "oneChangeAtATime",
    draw: { kinds: ["create", "crash-peer", "sweep"], setting: { ...plain, instances: 3, gapMs: 0 } },
  },
  {
    klight: "without an intent",
    defect: defects.noIntent,
    fails: "noJoinOfAListedPeer",
    draw: {
      kinds: ["fault"],
      setting: plain,
      only: (command) => command.kind === "fault" && command.what === "crash" && command.when === "under-way",
    },
  },
  {
    klight: "without a quiet time",
    defect: defects.noQuietTime,
    fails: "noJoinSoonAfterADeath",
    draw: { kinds: ["rollout"], setting: { ...plain, pods: [5], gapMs: 50 }, maxCommands: 2 },
  },
  {
    klight: "without the question",
    defect: defects.noQuestion,
    fails: "noJoinOfAListedPeer",
    draw: { kinds: ["flush", "api", "sweep"], setting: { ...plain, pods: [3] } },
    seed: 1,
  },
  {
    klight: "that pops a living contact",
    defect: defects.popsALivingContact,
    fails: "noLivingContactIsDropped",
    draw: { kinds: ["create"], setting: plain },
  },
  {
    klight: "that pops a living contact and loses events",
    defect: defects.popsALivingContact,
    fails: "stackIsItsMembers",
    draw: { kinds: ["create", "adapter-away"], setting: plain },
  },
  {
    klight: "that joins twice",
    defect: defects.joinsTwice,
    fails: "noJoinOfAListedPeer",
    draw: { kinds: ["create"], setting: plain },
  },
  {
    klight: "that joins a peer to itself",
    defect: defects.joinsItself,
    fails: "noSelfJoin",
    draw: { kinds: ["create"], setting: plain },
  },
  {
    klight: "that founds on an API error",
    defect: defects.foundsOnErrors,
    fails: "noSecondFounder",
    draw: { kinds: ["flush", "api", "create"], setting: plain },
  },
  {
    klight: "that takes a hung member for a living one",
    defect: defects.ignoresHungMembers,
    fails: "noJoinWhileAMemberHangs",
    draw: { kinds: ["hang", "create"], setting: plain },
  },
  {
    klight: "that waits without end",
    defect: defects.waitsWithoutEnd,
    fails: "everyStepEnds",
    draw: { kinds: ["hang", "create"], setting: plain },
  },
  {
    klight: "that mixes networks",
    defect: defects.mixesNetworks,
    fails: "noPeerInAnotherNetwork",
    draw: { kinds: ["create"], setting: { ...plain, events: "reference", pods: [2, 2] } },
  },
  {
    klight: "that mixes networks which store",
    defect: defects.mixesNetworks,
    fails: "noEntryAtAnotherNetwork",
    draw: {
      kinds: ["create"],
      setting: { ...plain, events: "reference", pods: [2, 2], storing: [{ network: 0, everyMs: 100 }] },
    },
  },
  {
    klight: "that takes pods to be where they were",
    defect: defects.remembersPods,
    fails: "noHistoryLeaves",
    draw: {
      kinds: ["evict", "reform"],
      setting: { ...plain, pods: [3, 2], storing: [{ network: 0, everyMs: 100 }] },
    },
  },
  {
    klight: "that lets all networks wait for one",
    defect: defects.oneTurnForAll,
    fails: "noNetworkDelaysAnother",
    draw: {
      kinds: ["hang", "create"],
      setting: { ...plain, pods: [3, 1] },
      only: (command) => command.kind === "create" || (command.kind === "hang" && command.ms > 15_000),
    },
    seed: 2,
  },
  {
    klight: "that forgets a member in a re-form",
    defect: defects.forgetsAMember,
    fails: "livingPeersFormOneNetwork",
    draw: { kinds: ["reform"], setting: plain },
  },
  {
    klight: "that drops the history in a re-form",
    defect: defects.dropsTheHistory,
    fails: "noAcknowledgedEntryIsLost",
    draw: { kinds: ["reform"], setting: { ...plain, storing: [{ network: 0, everyMs: 100 }] } },
  },
  {
    klight: "that lets peers store while it re-forms",
    defect: defects.freezesNobody,
    fails: "noAcknowledgedEntryIsLost",
    draw: { kinds: ["reform"], setting: { ...plain, storing: [{ network: 0, everyMs: 20 }] } },
  },
];

/** Schedules that a defect has at most to show itself in. */
const RUNS = 600;

const SEED = 7;

const failsIn = async (schedule: Schedule, name: InvariantName, tamper?: Tamper): Promise<boolean> =>
  violationsOf(await run(schedule, tamper)).some(({ invariant }) => invariant === name);

for (const { klight, defect, fails, draw, seed = SEED } of cases) {
  test(`a klight ${klight} violates ${fails}, and a sound one does not`, async () => {
    let caught: Schedule | undefined;
    for (const schedule of fc.sample(drawSchedules(draw), { seed, numRuns: RUNS })) {
      if (!(await failsIn(schedule, fails, defect))) continue;
      caught = schedule;
      break;
    }
    assert.ok(caught, `${RUNS} schedules did not show it`);
    assert.equal(await failsIn(caught, fails), false, describe(caught));
  });
}

test("every invariant is shown able to fail", () => {
  const shown = new Set(cases.map(({ fails }) => fails));
  assert.deepEqual(
    Object.keys(invariants).filter((name) => !shown.has(name as InvariantName)),
    [],
  );
});
