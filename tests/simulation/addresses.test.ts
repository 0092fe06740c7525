import { test } from "node:test";
import { survivesIn } from "./survives.ts";

/** Where somebody answers is an address; whose it is changes, and only the API server knows. */
const survives = survivesIn(
  {
    instances: 1,
    through: "broker",
    events: "resource",
    joinMode: "auto",
    pods: [3, 3],
    gapMs: 50,
    storing: [{ network: 0, everyMs: 50 }],
  },
  [1, 2, 3, 4],
);

test("a pod has the address of one that loses its label and runs on: its process is not taken for the other's", () =>
  survives(
    [
      { kind: "share-address", at: 3_000, pod: 1, network: 1, ms: 12_000 },
      { kind: "unlabel", at: 4_000, pod: 1 },
    ],
    { pods: [3] },
  ));

test("a pod has the address of one whose container restarts: the new process is not taken for the other's", () =>
  survives(
    [
      { kind: "share-address", at: 3_000, pod: 0, network: 1, ms: 9_000 },
      { kind: "crash-peer", at: 3_500, pod: 0, backMs: 3_000 },
    ],
    { pods: [2], storing: [{ network: 1, everyMs: 20 }] },
  ));

test("an address goes to another network's pod between two attempts of a re-form: it is told nothing", () =>
  survives([
    { kind: "reform", at: 3_000, network: 0 },
    { kind: "evict", at: 3_030, pod: 2, keepsAddress: false, next: 1, nextMs: 50 },
  ]));
