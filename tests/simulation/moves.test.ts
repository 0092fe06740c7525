import { test } from "node:test";
import type { Command, Setting } from "./schedule.ts";
import { survivesIn } from "./survives.ts";

/** A peer that goes from one network to another is touched by both, and a lease guards one network. */
const survives = survivesIn(
  {
    instances: 2,
    through: "broker",
    events: "resource",
    joinMode: "auto",
    pods: [1, 3],
    gapMs: 50,
    storing: [
      { network: 0, everyMs: 50 },
      { network: 1, everyMs: 50 },
    ],
  },
  [1, 2, 3, 4],
);

/** The only member of the first network, and one of the second, as they came to be numbered. */
const swap: readonly Command[] = [
  { kind: "relabel", at: 3_000, pod: 1, network: 0 },
  { kind: "relabel", at: 3_008, pod: 0, network: 1 },
];

test("a network's last member goes where a peer comes from: that peer is moved by one step at a time", () =>
  survives(swap));

test("the last members of two networks change places: each comes in, and nothing is lost", () =>
  survives(swap, { pods: [1, 1] }));

/** One pod in each network, and the first one's is stored in. */
const alone: Partial<Setting> = { instances: 1, pods: [1, 1], storing: [{ network: 0, everyMs: 50 }] };

test("the last member is held on its way to another network, and its own is founded again meanwhile: it takes its history along", () =>
  survives(
    [
      { kind: "hang", at: 2_950, pod: 1, ms: 8_000 },
      { kind: "relabel", at: 3_000, pod: 0, network: 1 },
      { kind: "create", at: 3_600, network: 0, reuseAddress: false },
    ],
    alone,
  ));

test("it loses its label, its network is founded again, and then it is labelled for another one: it takes its history along", () =>
  survives(
    [
      { kind: "unlabel", at: 3_000, pod: 0 },
      { kind: "create", at: 3_600, network: 0, reuseAddress: false },
      { kind: "relabel", at: 5_000, pod: 0, network: 1 },
    ],
    alone,
  ));

test("a list that is behind shows it where it was: whoever founds that network again does not join through it", () =>
  survives(
    [
      { kind: "api", at: 2_900, how: "stale", ms: 6_000, behindMs: 4_000 },
      { kind: "relabel", at: 3_000, pod: 0, network: 1 },
      { kind: "create", at: 4_500, network: 0, reuseAddress: false },
    ],
    { ...alone, storing: [0, 1].map((network) => ({ network, everyMs: 100 })) },
  ));

test("it is held on its way, its network is founded again, and it comes back: nothing is lost", () =>
  survives(
    [
      { kind: "hang", at: 2_950, pod: 1, ms: 8_000 },
      { kind: "relabel", at: 3_000, pod: 0, network: 1 },
      { kind: "create", at: 3_600, network: 0, reuseAddress: false },
      { kind: "relabel", at: 5_000, pod: 0, network: 0 },
    ],
    alone,
  ));
