import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decode } from "../../lib/store/decode.ts";

const contact = {
  uid: "u",
  namespace: "n",
  name: "a",
  address: "10.0.0.1:9081",
  incarnation: "containerd://1",
  via: null,
  joinedAt: "2026-01-01T00:00:00Z",
};
const text = JSON.stringify(contact);
const record = (over: Partial<Record<number, unknown>> = {}): unknown[] =>
  [[text], "", "0", "0", [], [], [], "0"].map((part, at) => (at in over ? over[at] : part));

test("a lease is read with all that is known of the network", () => {
  const left = { kind: "join", pod: "n/b", contact: "a", at: "2026-01-01T00:00:00Z" };
  const reply = [
    "leased",
    [
      [text],
      JSON.stringify(left),
      "3",
      "1200",
      ["digest"],
      ["i1", "5", "i2", "0"],
      ["10.0.0.2:9081", "7"],
      "1",
    ],
  ];
  assert.deepEqual(decode.begun(reply), {
    tag: "leased",
    record: {
      stack: [contact],
      intent: left,
      generation: 3,
      quietMs: 1200,
      newest: "digest",
      hung: { i1: 5, i2: 0 },
      waitedFor: { "10.0.0.2:9081": 7 },
      deaths: true,
    },
  });
});

test("an intent tells where klight's seed was", () => {
  const left = { kind: "reform", seed: "10.0.0.9:9082", at: "2026-01-01T00:00:00Z" };
  const begun = decode.begun(["leased", record({ 1: JSON.stringify(left) })]);
  assert.ok(begun.tag === "leased");
  assert.deepEqual(begun.record.intent, left);
});

const newestOf = (part: unknown): unknown => {
  const begun = decode.begun(["leased", record({ 4: part })]);
  return begun.tag === "leased" ? begun.record.newest : begun;
};

test("an empty digest is a digest, and no digest is none", () => {
  assert.equal(newestOf([""]), "");
  assert.equal(newestOf([]), undefined);
});

test("fields of a contact that a newer version has added are passed over", () => {
  const begun = decode.begun(["leased", record({ 0: [JSON.stringify({ ...contact, zone: "eu" })] })]);
  assert.deepEqual(begun.tag === "leased" && begun.record.stack, [contact]);
});

test("each reply is taken by the call that it belongs to, and by no other", () => {
  const known = {
    begun: [["member"], ["busy", "12"], ["leased", record()]],
    marked: [["marked"], ["lost"]],
    committed: [["committed"], ["late"]],
    departed: [["left"], ["absent"]],
    view: [["read", record(), "0", []]],
    page: [["0", ["k"]]],
  };
  for (const [call, replies] of Object.entries(known)) {
    for (const [name, narrow] of Object.entries(decode)) {
      for (const reply of replies) {
        assert.equal(narrow(reply).tag !== "failed", name === call, `${name} of ${JSON.stringify(reply)}`);
      }
    }
  }
});

const broken: Record<string, unknown> = {
  "no record": ["leased"],
  "an empty record": ["leased", []],
  "a contact that is not JSON": ["leased", record({ 0: ["{"] })],
  "a contact without an address": [
    "leased",
    record({ 0: [JSON.stringify({ ...contact, address: undefined })] }),
  ],
  "a null in the stack": ["leased", record({ 0: [null] })],
  "a stack that is not a list": ["leased", record({ 0: "" })],
  "an intent of an unknown kind": ["leased", record({ 1: '{"kind":"party","at":"x"}' })],
  "a seed that is no text": ["leased", record({ 1: '{"kind":"reform","seed":9082,"at":"x"}' })],
  "a negative generation": ["leased", record({ 2: "-1" })],
  "a generation with an exponent": ["leased", record({ 2: "1e3" })],
  "a generation that is a number": ["leased", record({ 2: 1 })],
  "two digests": ["leased", record({ 4: ["a", "b"] })],
  "half a pair in hung": ["leased", record({ 5: ["i1"] })],
  "a time that is none in hung": ["leased", record({ 5: ["i1", "soon"] })],
  "a flag that is none": ["leased", record({ 6: "yes" })],
  "busy without a time": ["busy"],
  "more than there should be": ["member", "1"],
};

for (const [what, reply] of Object.entries(broken)) {
  test(`a reply with ${what} is a failure`, () => {
    assert.equal(decode.begun(reply).tag, "failed");
  });
}

test("whatever a server answers, decoding never throws, and nothing unknown passes for a reply", () => {
  fc.assert(
    fc.property(fc.anything({ withNullPrototype: true, withSparseArray: true }), (reply) => {
      for (const [name, narrow] of Object.entries(decode)) {
        const { tag } = narrow(reply);
        // Null tells that nobody has left a place, and a text or a number beside a list may be a page.
        const isKnown = (name === "place" && reply === null) || (name === "page" && Array.isArray(reply));
        if (!isKnown) assert.equal(tag, "failed");
      }
    }),
    { numRuns: 300 },
  );
});

for (const reply of [["0"], ["0", "key"], ["0", [1]], [null, []], ["0", [], []]]) {
  test(`a page that is ${JSON.stringify(reply)} is a failure`, () => {
    assert.equal(decode.page(reply).tag, "failed");
  });
}

test("a null reply asks for the token, and what was received is not repeated", () => {
  assert.deepEqual(decode.marked(null), {
    tag: "failed",
    message: "Redis answered what klight does not know: null (is the token right?)",
  });
  assert.deepEqual(decode.marked(["secret"]), {
    tag: "failed",
    message: "Redis answered what klight does not know: a list that starts with string",
  });
});
