import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outcome } from "../../../lib/outcome.ts";
import { contactOf, findings, findingsAtRest, lineOf, pushed } from "../../../lib/reconcile/changes.ts";
import { hold } from "../../../lib/reconcile/move.ts";
import type { Observation } from "../../../lib/reconcile/observation.ts";
import { START } from "../../harness/networks.ts";
import {
  contactNamed,
  joinerNamed,
  members,
  observation,
  podNamed,
  recordOf,
} from "../../harness/step-facts.ts";

const [c, d] = [contactNamed("c"), contactNamed("d")];
const joiner = joinerNamed("e");

describe("what a look has found out is written", () => {
  test("the dead go off the stack, and nothing else does", () => {
    assert.deepEqual(findings(observation({ members: members("a"), dead: [c] })).drop, [c]);
    assert.equal(findings(observation({ members: members("a") })).stack, undefined);
  });

  test("who is gone, with somebody else at its address, goes too where nobody is left who may list it", () => {
    assert.deepEqual(findings(observation({ replaced: [c] })).drop, [c]);
    assert.deepEqual(findings(observation({ members: members("a"), replaced: [c] })).drop, []);
    assert.deepEqual(findings(observation({ hung: [d], replaced: [c] })).drop, []);
    assert.deepEqual(findings(observation({ restored: true, replaced: [c] })).stack, []);
  });

  test("who does not answer is remembered, so that half a minute of it can be counted", () => {
    const seen = observation({
      hung: [contactNamed("a")],
      lost: [contactNamed("b")],
      givenUp: [c],
      unreachable: [d],
      replaced: [contactNamed("f")],
    });
    assert.deepEqual(
      findings(seen).hung,
      ["a", "b", "c", "d"].map((name) => contactNamed(name).incarnation),
    );
  });

  test("whom the members may be waiting for stays remembered", () => {
    assert.deepEqual(findings(observation({ waitedFor: ["10.0.0.9:1"] })).waitedFor, ["10.0.0.9:1"]);
  });

  const disturbed: readonly (readonly [string, Partial<Observation>, true | undefined])[] = [
    ["a death", { dead: [c] }, true],
    ["a member that hangs, for the others notice no death while they wait for it", { hung: [c] }, true],
    ["a member that refuses: it may be dead", { unreachable: [c] }, true],
    ["somebody who hung and does not any more", { stirred: true }, true],
    ["a store that does not know what has happened", { restored: true }, true],
    ["nothing: a death that is known stays noted", { members: members("a", "b") }, undefined],
  ];
  for (const [rule, seen, deaths] of disturbed) {
    test(`it may have broken the network unseen: ${rule}`, () => {
      assert.equal(findings(observation(seen)).deaths, deaths);
    });
  }

  test("a stack that was put together again is written as a whole, newest first, with all who may be members", () => {
    const seen = observation({
      restored: true,
      members: members("a", "b"),
      hung: [c],
      moved: [d],
      shared: [{ contact: contactNamed("e"), other: podNamed("x") }],
      readdressed: [contactNamed("f")],
      replaced: [contactNamed("g")],
      dead: [contactNamed("h")],
    });
    const { stack = [], drop } = findings(seen);
    assert.equal(drop, undefined);
    assert.deepEqual(stack.map(({ name }) => name).sort(), ["a", "b", "c", "d", "e", "f", "g"]);
    assert.equal(stack.at(-1)?.name, "a");
  });

  test("a step that holds does not write a stack put together without its joiner: alone it would hide that one", () => {
    const seen = observation({ restored: true, members: members("a"), joiner });
    assert.deepEqual(findingsAtRest(seen), {});
    assert.ok(findingsAtRest({ ...seen, joiner: undefined }).stack);
    assert.ok(findingsAtRest({ ...seen, restored: false }).hung);
  });

  test("a peer that is in comes on top, of a restored stack too", () => {
    assert.equal(pushed(observation(), d).push, d);
    const { stack, push } = pushed(observation({ restored: true, members: members("a") }), d);
    assert.deepEqual(
      stack?.map(({ name }) => name),
      ["d", "a"],
    );
    assert.equal(push, undefined);
  });

  test("a contact says who, where, which life, through whom and when", () => {
    const { peer } = joiner;
    assert.deepEqual(contactOf(peer, "b", START), {
      uid: peer.uid,
      namespace: "default",
      name: "e",
      address: peer.address,
      incarnation: peer.incarnation,
      via: "b",
      joinedAt: "2026-11-24T08:00:00.000Z",
    });
  });
});

describe("a step that holds", () => {
  const outcome: Outcome = { name: "held", reason: "MemberHung", message: "", retryAfterS: 5 };
  const intent = { kind: "join", at: "2026-11-24T08:00:00.000Z" } as const;
  const seen = observation({ joiner });

  test("keeps what was left half-done, for the next step to settle", () => {
    assert.equal(hold({ record: recordOf({ intent }), seen }, outcome).change?.keepIntent, true);
    assert.equal(hold({ record: recordOf({ intent }) }, outcome).change?.keepIntent, true);
  });

  test("leaves no intent where there was none, but for one of its own", () => {
    assert.equal(hold({ record: recordOf(), seen }, outcome).change?.keepIntent, false);
    assert.equal(hold({ record: recordOf(), seen }, outcome, true).change?.keepIntent, true);
  });

  test("writes what it saw, and tells its joiner's pod", () => {
    const { change, tell } = hold({ record: recordOf(), seen: { ...seen, hung: [c] } }, outcome);
    assert.deepEqual(change?.hung, [c.incarnation]);
    assert.deepEqual(tell, [{ tag: "held", pod: joiner.pod, outcome }]);
    assert.equal(hold({ record: recordOf(), seen: observation() }, outcome).tell, undefined);
    assert.equal(hold({ record: recordOf() }, outcome).tell, undefined);
  });
});

describe("the log of a network has a line", () => {
  const pod = { namespace: "default", name: "d" };
  const held = (reason: "MemberHung" | "StoreUnavailable"): Outcome => ({
    name: "held",
    reason,
    message: "m",
    retryAfterS: 2,
    pod,
  });
  test("for what was done or held, with the pod and the reason", () => {
    assert.deepEqual(lineOf(held("MemberHung"), START), {
      at: "2026-11-24T08:00:00.000Z",
      pod: "default/d",
      outcome: "held",
      reason: "MemberHung",
      message: "m",
    });
  });
  test("none for what changed nothing", () => {
    for (const outcome of [
      { name: "ignored", reason: "NoLabel", message: "" },
      { name: "member", reason: "AlreadyMember", message: "" },
      { name: "left", reason: "Left", message: "" },
    ] as const)
      assert.equal(lineOf(outcome, START), undefined);
  });
  test("none for a step that could not see: it would push out what was known", () => {
    assert.equal(lineOf(held("StoreUnavailable"), START), undefined);
  });
  test("without a pod where it is about none", () => {
    const line = lineOf({ name: "reformed", reason: "Reformed", message: "", generation: 1 }, START);
    assert.ok(line && !("pod" in line));
  });
});
