import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isNamespace, isNetworkId, isPodName } from "../../../lib/pod/names.ts";
import { networkKey, whereOf } from "../../../lib/pod/network-key.ts";

const long = (length: number): string => "a".repeat(length);

describe("names as Kubernetes takes them", () => {
  const cases: readonly (readonly [string, boolean, boolean, boolean])[] = [
    // the text, a namespace?, a pod?, a network's id?
    ["a", true, true, true],
    ["a-1", true, true, true],
    ["", false, false, false],
    ["-a", false, false, false],
    ["a-", false, false, false],
    ["A", false, false, true],
    ["a.b", false, true, true],
    ["a..b", false, false, true],
    ["a_b", false, false, true],
    ["a/b", false, false, false],
    ["a b", false, false, false],
    ["a\n", false, false, false],
    ["ä", false, false, false],
    [long(63), true, true, true],
    [long(64), false, true, false],
    [long(253), false, true, false],
    [long(254), false, false, false],
  ];
  for (const [text, namespace, pod, network] of cases)
    test(`${JSON.stringify(text.length > 20 ? `${text.length} letters` : text)} is or is not one`, () => {
      assert.deepEqual([isNamespace(text), isPodName(text), isNetworkId(text)], [namespace, pod, network]);
    });
});

describe("the key of a network", () => {
  test("has its namespace, or none where networks span namespaces", () => {
    assert.equal(networkKey("namespace", "default", "net-a"), "default/net-a");
    assert.equal(networkKey("cluster", "default", "net-a"), "net-a");
  });

  test("tells where its pods are", () => {
    assert.deepEqual(whereOf("default/net-a"), { namespace: "default", networkId: "net-a" });
    assert.deepEqual(whereOf("net-a"), { networkId: "net-a" });
    assert.deepEqual(whereOf("/net-a"), { namespace: "", networkId: "net-a" });
  });
});
