import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Pod } from "../../../lib/pod/pod.ts";
import { type Health, healthOf, type Signs, takerOf } from "../../../lib/reconcile/health.ts";
import { contactOf, podOf, START } from "../../harness/networks.ts";

const pod = podOf("default/net-a", "a");
const contact = contactOf(pod, null, START);

/** A pod as it was, but for this. */
const podWith = (changes: Partial<Pod>): Pod => podOf("default/net-a", "a", changes);
const HALF_A_MINUTE_MS = 30_000;
const unreadyFor = (ms: number): Pod => podWith({ containerUnreadySince: START - ms, ready: false });

const known: Signs = { life: "running", pod, isTaken: false, probe: "serving", silentMs: 0, now: START };
const gone = { life: "gone", pod: undefined } as const;
const moved = podWith({ address: "10.9.9.9:9081" });

/** What is known of a contact beside that its pod runs and it answers, and what has become of it. */
const cases: readonly (readonly [string, Partial<Signs>, Health])[] = [
  ["that answers lives", {}, "living"],
  ["that answers lives, however long it was silent", { silentMs: 10 * HALF_A_MINUTE_MS }, "living"],
  ["that answers lives, its container ready or not", { pod: unreadyFor(10 * HALF_A_MINUTE_MS) }, "living"],

  ["that answers lives, where no list shows its pod yet", { pod: undefined }, "living"],
  [
    "that does not answer hangs, where no list shows its pod yet",
    { pod: undefined, probe: "silent" },
    "hung",
  ],

  ["that is gone, with nobody at its address, is dead", { ...gone, probe: "refused" }, "dead"],
  ["that is gone is replaced by who answers at its address", { ...gone }, "replaced"],
  ["that is gone is replaced by who starts at its address", { ...gone, probe: "not-serving" }, "replaced"],
  ["that is gone is lost where somebody hangs at its address", { ...gone, probe: "silent" }, "lost"],
  ["that is gone is replaced by the pod that has its address", { ...gone, isTaken: true }, "replaced"],
  [
    "that is gone is replaced by the pod that has its address, though that one does not answer",
    { ...gone, isTaken: true, probe: "silent" },
    "replaced",
  ],
  [
    "that is gone is replaced by the pod that has its address, though that one refuses",
    { ...gone, isTaken: true, probe: "refused" },
    "replaced",
  ],

  ["that refuses while its pod runs is unreachable, not dead", { probe: "refused" }, "unreachable"],
  [
    "that refuses is unreachable for as long as it takes",
    { probe: "refused", silentMs: 10 * HALF_A_MINUTE_MS },
    "unreachable",
  ],
  ["that does not answer hangs", { probe: "silent" }, "hung"],
  ["that says that it does not serve hangs", { probe: "not-serving" }, "hung"],
  ["hangs for half a minute", { probe: "silent", silentMs: HALF_A_MINUTE_MS - 1 }, "hung"],
  ["is given up after half a minute", { probe: "silent", silentMs: HALF_A_MINUTE_MS }, "given-up"],
  ["that does not serve is given up, too", { probe: "not-serving", silentMs: HALF_A_MINUTE_MS }, "given-up"],
  [
    "hangs while its container is unready for less than half a minute",
    { probe: "silent", pod: unreadyFor(HALF_A_MINUTE_MS - 1) },
    "hung",
  ],
  [
    "is given up when its own container has been unready for half a minute",
    { probe: "silent", pod: unreadyFor(HALF_A_MINUTE_MS) },
    "given-up",
  ],
  [
    "hangs, however long its pod is not Ready because of something else",
    { probe: "silent", pod: podWith({ ready: false, unreadySince: START - 10 * HALF_A_MINUTE_MS }) },
    "hung",
  ],
  [
    "is given up by what klight saw, though its container was ready a moment ago",
    { probe: "silent", silentMs: HALF_A_MINUTE_MS, pod: unreadyFor(1) },
    "given-up",
  ],

  ["with another label has moved", { life: "elsewhere" }, "moved"],
  ["with another label has moved, hanging or not", { life: "elsewhere", probe: "silent" }, "moved"],
  ["with another label has moved, refusing or not", { life: "elsewhere", probe: "refused" }, "moved"],

  ["whose pod has another address and answers there is readdressed", { pod: moved }, "readdressed"],
  ["whose pod has another address and hangs there hangs", { pod: moved, probe: "silent" }, "hung"],
  [
    "whose pod has another address and refuses is unreachable",
    { pod: moved, probe: "refused" },
    "unreachable",
  ],
  [
    "whose pod has another address shares none with the pod at its old one",
    { pod: moved, isTaken: true },
    "readdressed",
  ],
  ["whose pod has no address for now stays what it is", { pod: podWithoutAddress() }, "living"],
  ["that runs at an address that another pod has, too, shares it", { isTaken: true }, "shared"],
  ["that runs at a shared address shares it, silent or not", { isTaken: true, probe: "silent" }, "shared"],
];

function podWithoutAddress(): Pod {
  const { address: _, ...rest } = pod;
  return rest;
}

describe("a contact", () => {
  for (const [title, signs, health] of cases)
    test(title, () => {
      assert.equal(healthOf(contact, { ...known, ...signs }), health);
    });
});

describe("an address is taken", () => {
  const { uid, incarnation, address } = contact;
  const other = { uid: "uid-other", incarnation: "containerd://other", address };

  test("by another pod that has it", () => {
    assert.equal(takerOf(contact, [other]), other);
  });
  test("by another pod whose container is called the same", () => {
    const alike = { ...other, incarnation };
    assert.equal(takerOf(contact, [alike]), alike);
  });
  test("by another life of the same pod", () => {
    const life = { uid, incarnation: "containerd://a-2", address };
    assert.equal(takerOf(contact, [life]), life);
  });
  test("not by the contact itself, and by nobody who is elsewhere", () => {
    const elsewhere = { ...other, address: "10.9.9.9:9081" };
    assert.equal(takerOf(contact, [{ uid, incarnation, address }, elsewhere]), undefined);
  });
});
