import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { podOf } from "../../harness/networks.ts";
import { formatJoined, parseJoined, type Joined } from "../../../lib/pod/condition.ts";
import { type Pod, isOwnWord, joinedInThisLife } from "../../../lib/pod/pod.ts";

const whole = {
  status: "True",
  reason: "Joined",
  message: "peer-a was joined through peer-b",
  network: "default/net-a",
  incarnation: "containerd://1f",
  was: "default/net-b",
  via: "peer-b",
  generation: 2,
} as const;

describe("the condition klight.dev/joined", () => {
  it("says first what people read and then what klight reads", () => {
    assert.deepEqual(formatJoined(whole), {
      status: "True",
      reason: "Joined",
      message:
        "peer-a was joined through peer-b (network default/net-a; incarnation containerd://1f; was default/net-b; via peer-b; generation 2)",
    });
  });

  it("leaves out the parts that are not known", () => {
    const { message } = formatJoined({
      status: "False",
      reason: "PeerHung",
      message: "It hangs",
      incarnation: "u-1",
    });
    assert.equal(message, "It hangs (incarnation u-1)");
  });

  it("is read as it was written, whatever is in it", () => {
    const text = fc.string({ unit: "grapheme" });
    const marked = fc.stringMatching(/^[ ;()%\na-c]*$/u);
    const value = fc.oneof(text, marked);
    const written = fc.record(
      {
        status: fc.constantFrom("True" as const, "False" as const),
        reason: value,
        message: value,
        network: value,
        incarnation: value,
        was: value,
        carries: value,
        via: value,
        generation: fc.maxSafeNat(),
      },
      { requiredKeys: ["status", "reason", "message", "incarnation"], noNullPrototype: true },
    );
    fc.assert(
      fc.property(written, (joined) => {
        assert.deepEqual(parseJoined(formatJoined(joined)), joined);
      }),
    );
  });

  const tolerated: readonly [string, string | null | undefined, Partial<Joined>][] = [
    ["no message", undefined, { message: "" }],
    ["a null message", null, { message: "" }],
    ["a message of somebody else", "all is well", {}],
    ["a message that ends in brackets", "all is well (I think)", {}],
    ["a tail without spaces", "x (network)", {}],
    ["a tail that another version wrote", "x (network a/b; shard 3)", { message: "x", network: "a/b" }],
    ["a generation that is no number", "x (via b; generation two)", { message: "x", via: "b" }],
    ["a negative generation", "x (via b; generation -2)", { message: "x", via: "b" }],
    ["a network that it carries alone", "x (carries a/b)", { message: "x", carries: "a/b" }],
    ["a network before alone", "x (was a/b)", { message: "x", was: "a/b" }],
    ["a network before that holds its own marks", "x (was a%3Bb%28c)", { message: "x", was: "a;b(c" }],
    ["a value with a stray percent sign", "x (via 100%)", { message: "x", via: "100%" }],
    ["a tail that does not end the message", "x (via b) or not", {}],
  ];
  for (const [what, message, expected] of tolerated) {
    it(`is read as far as it goes with ${what}`, () => {
      const asWritten = message ?? "";
      assert.deepEqual(parseJoined({ status: "False", reason: "X", message }), {
        status: "False",
        reason: "X",
        message: asWritten,
        ...expected,
      });
    });
  }

  /** As version 0.1.0 wrote them, recorded. */
  const recorded: readonly [string, Partial<Joined>][] = [
    [
      "orders-a at 10.0.0.1:9081 is the first of shop/orders (network shop/orders; incarnation containerd://orders-a-1; generation 0)",
      { message: "orders-a at 10.0.0.1:9081 is the first of shop/orders", generation: 0 },
    ],
    [
      "orders-a at 10.0.0.1:9081 has joined shop/orders through orders-b (network shop/orders; incarnation containerd://orders-a-1; was bank/ledger; via orders-b; generation 2)",
      {
        message: "orders-a at 10.0.0.1:9081 has joined shop/orders through orders-b",
        was: "bank/ledger",
        via: "orders-b",
        generation: 2,
      },
    ],
  ];
  for (const [message, expected] of recorded) {
    it(`is read as version 0.1.0 wrote it: ${message.slice(0, 30)}`, () => {
      const its = {
        status: "True",
        reason: "Joined",
        network: "shop/orders",
        incarnation: "containerd://orders-a-1",
      };
      assert.deepEqual(parseJoined({ status: "True", reason: "Joined", message }), { ...its, ...expected });
    });
  }

  it("says nothing while its status is Unknown", () => {
    assert.equal(parseJoined({ ...formatJoined(whole), status: "Unknown" }), undefined);
  });
});

describe("a pod whose condition says that it is in", () => {
  const pod: Pod = {
    uid: "u-1",
    namespace: "default",
    name: "peer-a",
    network: "default/net-a",
    address: "10.0.0.7:9081",
    incarnation: "containerd://1f",
    finished: false,
    deleting: false,
    ready: true,
    joined: whole,
    admission: { tag: "ignored", reason: "NotRunning", message: "" },
  };
  const { network: _, ...unlabelled } = pod;
  const { joined: __, ...untold } = pod;
  const cases: readonly [string, Pod, boolean][] = [
    ["is in while network and incarnation are its own", pod, true],
    ["is not in when that life is over", { ...pod, finished: true }, false],
    ["is not in when its container has started again", { ...pod, incarnation: "containerd://20" }, false],
    ["is not in when it was labelled anew", { ...pod, network: "default/net-b" }, false],
    ["is not in when it lost its label", unlabelled, false],
    ["is not in when the condition is False", { ...pod, joined: { ...whole, status: "False" } }, false],
    ["is not in when it has no condition", untold, false],
    [
      "is not in when label and condition both name no network",
      {
        ...unlabelled,
        joined: { status: "True", reason: "Joined", message: "", incarnation: "containerd://1f" },
      },
      false,
    ],
  ];
  for (const [what, given, expected] of cases) {
    it(what, () => assert.equal(joinedInThisLife(given), expected));
  }
});

describe("what somebody else wrote into the condition", () => {
  const read = (message: string | null | undefined): object | undefined =>
    parseJoined({ status: "True", reason: null, message });
  const plain = { status: "True", reason: "" };
  const cases: readonly (readonly [string, string | null | undefined, object])[] = [
    ["nothing at all", undefined, { ...plain, message: "" }],
    ["no message", null, { ...plain, message: "" }],
    ["no part that klight knows", "It is in (or so)", { ...plain, message: "It is in (or so)" }],
    [
      "a part that only ends like one",
      "It is in (the network a)",
      { ...plain, message: "It is in (the network a)" },
    ],
    ["a name without a value", "It is in (network)", { ...plain, message: "It is in (network)" }],
    ["a part among others", "It is in (x y; via b)", { ...plain, message: "It is in", via: "b" }],
    ["lines", "It\nis in (via b)", { ...plain, message: "It\nis in", via: "b" }],
    ["a value of two lines", "In (via b\nc)", { ...plain, message: "In", via: "b\nc" }],
    ["a generation that is no number", "In (via b; generation 2x)", { ...plain, message: "In", via: "b" }],
    ["a generation in words", "In (via b; generation x2)", { ...plain, message: "In", via: "b" }],
    ["no end", "In (via b) now", { ...plain, message: "In (via b) now" }],
    ["no sentence", "(via b)", { ...plain, message: "(via b)" }],
  ];
  for (const [what, message, expected] of cases)
    it(`is read as far as it goes: ${what}`, () => {
      assert.deepEqual(read(message), expected);
    });

  it("is nothing where it is neither True nor False", () => {
    assert.equal(parseJoined({ status: "Unknown", message: "In (via b)" }), undefined);
  });
});

describe("klight's own word", () => {
  const joined = { ...whole, status: "False", reason: "MemberHung", address: "10.0.0.7:9081" } as const;
  const facts = podOf("default/net-a", "peer-a", { incarnation: "containerd://1f", address: joined.address });
  it("is that a peer is not in, and nothing else", () => {
    assert.equal(isOwnWord({ ...facts, ownWrite: true, joined }), true);
    assert.equal(isOwnWord({ ...facts, ownWrite: true, joined: { ...joined, status: "True" } }), false);
    assert.equal(isOwnWord({ ...facts, ownWrite: true }), false);
  });
});
