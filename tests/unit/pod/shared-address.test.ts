import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Pod } from "../../../lib/pod/pod.ts";
import { sharedInWords, sharerOf } from "../../../lib/pod/shared-address.ts";
import { podOf } from "../../harness/networks.ts";

const a = podOf("shop/orders", "a");
const at = a.address ?? "";
const b = podOf("bank/ledger", "b", { address: at });
const { network: _, ...unlabelled } = b;
const { address: __, ...nowhere } = b;
const { incarnation } = b;
const joined = {
  status: "True",
  reason: "Joined",
  message: "",
  network: "bank/ledger",
  incarnation,
} as const;
const over = { tag: "ignored", reason: "Finished", message: "" } as const;

describe("an address is shared with a pod", () => {
  const cases: readonly (readonly [string, Pod, boolean])[] = [
    ["that runs there, of whatever network", b, true],
    ["that lost its label, and whose peer was in a network", { ...unlabelled, joined }, true],
    ["not that lost it before it was in one", unlabelled, false],
    [
      "not that lost it, and has another life since",
      { ...unlabelled, joined: { ...joined, incarnation: "x" } },
      false,
    ],
    ["not at another port", { ...b, address: at.replace(/\d+$/u, "1") }, false],
    ["not that has no address", nowhere, false],
    ["not that has ended", { ...b, finished: true, admission: over }, false],
    ["whose container has terminated: it may run again", { ...b, finished: true }, true],
    ["not that is itself", { ...b, uid: a.uid }, false],
  ];
  for (const [rule, other, expected] of cases)
    test(rule, () => assert.equal(sharerOf(a, [a, other]), expected ? other : undefined));

  test("not where it has none: two that have none share nothing", () => {
    const { address: ___, ...alone } = a;
    assert.equal(sharerOf(alone, [nowhere]), undefined);
  });

  test("both are named", () => {
    assert.equal(sharedInWords(a, b), `shop/a at ${at} and bank/b have one address`);
  });
});
