import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { carriedBy, networkBefore, wasElsewhere } from "../../../lib/pod/network-before.ts";
import { formatJoined, parseJoined, type Joined } from "../../../lib/pod/condition.ts";
import { podOf } from "../../harness/networks.ts";

const LABELLED = "default/net-b";
const { incarnation } = podOf(LABELLED, "peer-a");

/** The network before of a pod labelled for net-b, whose condition says this. */
const before = (joined: Partial<Joined> | undefined): string | undefined =>
  networkBefore(
    podOf(LABELLED, "peer-a", {
      ...(joined && { joined: { status: "False", reason: "PeerHung", message: "", incarnation, ...joined } }),
    }),
  );

describe("the network that this life of a peer was in last", () => {
  test("is none without a condition, or with one that names none", () => {
    assert.equal(before(undefined), undefined);
    assert.equal(before({}), undefined);
  });

  test("is the one that the condition says it is in, whatever its label is", () => {
    assert.equal(before({ status: "True", reason: "Joined", network: "default/net-a" }), "default/net-a");
    assert.equal(before({ status: "True", reason: "Joined", network: LABELLED }), LABELLED);
  });

  for (const reason of ["LeftOut", "LabelRemoved", "MovedOut"]) {
    test(`is the one that it is out of again by ${reason}`, () => {
      assert.equal(before({ reason, network: "default/net-a" }), "default/net-a");
      assert.equal(before({ reason, network: "default/net-a", was: "default/net-0" }), "default/net-a");
    });
  }

  test("is not the one that it was held from, but the one that it was in before that", () => {
    assert.equal(before({ reason: "PeerHung", network: LABELLED }), undefined);
    assert.equal(before({ reason: "PeerHung", network: LABELLED, was: "default/net-a" }), "default/net-a");
  });

  test("is none in a new life, whatever the condition says of the old one", () => {
    const old = { incarnation: "containerd://old", network: "default/net-a", was: "default/net-0" };
    assert.equal(before({ ...old, status: "True", reason: "Joined" }), undefined);
    assert.equal(before({ ...old, reason: "MovedOut" }), undefined);
    assert.equal(before(old), undefined);
  });

  test("is none with a condition that does not say which life it is about", () => {
    const joined: Joined = { status: "True", reason: "Joined", message: "", network: "default/net-a" };
    assert.equal(networkBefore(podOf(LABELLED, "peer-a", { joined })), undefined);
  });

  test("is found again in the condition as it is written", () => {
    const written = formatJoined({
      status: "False",
      reason: "SeedUnreachable",
      message: "cannot use the seed (yet)",
      network: LABELLED,
      incarnation,
      was: "default/net (a); x",
    });
    assert.equal(before(parseJoined(written)), "default/net (a); x");
  });
});

test("the network whose history it alone has is told of this life of a peer, and of no other", () => {
  const joined = { status: "False", reason: "MemberHung", message: "", carries: "default/net-a" } as const;
  const carrier = (its: Joined): unknown => carriedBy(podOf(LABELLED, "peer-a", { joined: its }));
  assert.equal(carrier({ ...joined, incarnation }), "default/net-a");
  assert.equal(carrier({ ...joined, incarnation: "containerd://old" }), undefined);
  assert.equal(carrier(joined), undefined);
  assert.equal(carriedBy(podOf(LABELLED, "peer-a")), undefined);
});

describe("a peer was in another network", () => {
  const cases: readonly (readonly [string, Partial<Joined> | undefined, boolean])[] = [
    ["where its condition names another one", { status: "True", network: "default/net-a" }, true],
    ["not where it names this one", { status: "True", network: LABELLED }, false],
    ["not where it names none", { status: "True" }, false],
    ["not without a condition", undefined, false],
  ];
  for (const [rule, joined, expected] of cases)
    test(rule, () => {
      const said = { status: "False", reason: "PeerHung", message: "", incarnation, ...joined } as const;
      const pod = podOf(LABELLED, "peer-a", joined ? { joined: said } : {});
      assert.equal(wasElsewhere(pod, LABELLED), expected);
    });
});
