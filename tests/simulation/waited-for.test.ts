import { test } from "node:test";
import { survivesIn } from "./survives.ts";

/**
 * A lightpeer checks the health of its list one by one and without a deadline. When a peer that it waits for dies at last,
 * it publishes the list from before, wherever it is a member by then.
 */
const survives = survivesIn(
  {
    instances: 1,
    through: "broker",
    events: "resource",
    joinMode: "auto",
    pods: [2],
    gapMs: 300,
    storing: [],
  },
  [1, 2, 3],
);

test("a peer waits for one that hangs, while nobody is left in their network, and takes the wait along to another", () =>
  survives([
    { kind: "hang", at: 4_000, pod: 1, ms: 60_000 },
    { kind: "hang", at: 4_800, pod: 0, ms: 20_000 },
    { kind: "unlabel", at: 5_000, pod: 1 },
    { kind: "relabel", at: 5_100, pod: 0, network: 1 },
    { kind: "create", at: 30_000, network: 1, reuseAddress: false },
  ]));
