import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Settings } from "../../../lib/deps.ts";
import { cause } from "../../../lib/reconcile/cause.ts";
import type { Observation } from "../../../lib/reconcile/observation.ts";
import { type Plan, plan, sharedHeld, type Target } from "../../../lib/reconcile/plan.ts";
import type { NetworkRecord } from "../../../lib/store/contacts.ts";
import {
  contactNamed,
  joinedAs,
  joinerNamed,
  member,
  members,
  NETWORK,
  observation,
  podNamed,
  recordOf,
  settingsOf,
  shortPlan,
} from "../../harness/step-facts.ts";

const AT = "2026-11-24T08:00:00.000Z";
const JOIN = { kind: "join", pod: "default/d", contact: "b", at: AT } as const;
const REFORM = { kind: "reform", at: AT } as const;
const HALF_A_MINUTE_MS = 30_000;

interface Case {
  readonly target?: Partial<Target>;
  readonly seen?: Partial<Observation>;
  readonly record?: Partial<NetworkRecord>;
  readonly settings?: Partial<Settings>;
}

const planned = ({ target, seen, record, settings }: Case): Plan =>
  plan({ network: NETWORK, ...target }, observation(seen), recordOf(record), settingsOf(settings));

const [a, b, c] = ["a", "b", "c"].map((name) => contactNamed(name)) as [
  ReturnType<typeof contactNamed>,
  ReturnType<typeof contactNamed>,
  ReturnType<typeof contactNamed>,
];
const joiner = joinerNamed("d");
const silentJoiner = joinerNamed("d", "silent");
const ELSEWHERE = { network: "default/net-b" };
const two = members("a", "b");
const leaver = contactNamed("a");

const first: readonly (readonly [string, Case, string])[] = [
  // Who comes in.
  ["a joiner and nobody else: it founds", { seen: { joiner } }, "found d"],
  ["a joiner and members: it is asked, and a contact", { seen: { joiner, members: two } }, "ask d"],
  [
    "a joiner that is a member in this life: nothing is to be done",
    { seen: { joiner, members: members("a", "d") } },
    "rest",
  ],
  [
    "a joiner of which an earlier life is a member comes in anew",
    {
      seen: {
        joiner: joinerNamed("d", "serving", { incarnation: "containerd://2" }),
        members: members("a", "d"),
      },
    },
    "ask d",
  ],
  [
    "a joiner whose container is called like that of a member is no member",
    {
      seen: {
        joiner,
        members: [
          member("a"),
          { contact: contactNamed("b", { incarnation: joiner.peer.incarnation }), pod: undefined },
        ],
      },
    },
    "ask d",
  ],
  [
    "a joiner that was elsewhere and finds members is asked: it may be fresh again",
    { seen: { joiner: joinerNamed("d", "serving", { joined: joinedAs("d", ELSEWHERE) }), members: two } },
    "ask d",
  ],
  [
    "a joiner that was elsewhere founds where re-forming is off: nobody else would be helped by it",
    {
      seen: { joiner: joinerNamed("d", "serving", { joined: joinedAs("d", ELSEWHERE) }) },
      settings: { reform: "off" },
    },
    "found d",
  ],
  [
    "who is lost is left out where nobody is there, and no joiner: the network is empty",
    { seen: { lost: [c] } },
    "reform given-up",
  ],
  [
    "members that are given up are left out where one answers at a new address, too",
    { seen: { members: [member("a")], readdressed: [b], givenUp: [c] } },
    "reform given-up",
  ],
  ["nobody to bring in and nothing known: nothing is to be done", { seen: { members: two } }, "rest"],

  // Somebody does not answer.
  [
    "a member that hangs holds the step: a join would break the network",
    { seen: { joiner, members: two, hung: [c] } },
    "hold MemberHung",
  ],
  [
    "a member that hangs holds a step without a joiner, too",
    { seen: { members: two, hung: [c] } },
    "hold MemberHung",
  ],
  [
    "a joiner that does not answer is not joined",
    { seen: { joiner: silentJoiner, members: two } },
    "hold JoinerNotServing",
  ],
  [
    "a joiner that does not serve yet is not joined",
    { seen: { joiner: joinerNamed("d", "not-serving"), members: two } },
    "hold JoinerNotServing",
  ],
  [
    "a joiner that refuses is not joined",
    { seen: { joiner: joinerNamed("d", "refused") } },
    "hold JoinerNotServing",
  ],
  [
    "what hangs is told before what a joiner says",
    { seen: { joiner: silentJoiner, members: two, hung: [c] } },
    "hold MemberHung",
  ],

  // What was left half-done.
  [
    "what was left half-done is settled before a joiner comes in",
    { seen: { joiner, members: two }, record: { intent: JOIN } },
    "reform half-done",
  ],
  [
    "what was left half-done is settled without anybody to bring in",
    { seen: { members: two }, record: { intent: REFORM } },
    "reform half-done",
  ],
  [
    "a joiner that has gone silent over it does not block settling: the others may list it already",
    { seen: { joiner: silentJoiner, members: two }, record: { intent: JOIN } },
    "reform half-done",
  ],
  [
    "where nobody else is left there is nothing to settle without the joiner",
    { seen: { joiner: silentJoiner }, record: { intent: JOIN } },
    "hold JoinerNotServing",
  ],
  [
    "where nothing may be re-formed a silent joiner holds all the same",
    { seen: { joiner: silentJoiner, members: two }, record: { intent: JOIN }, settings: { reform: "off" } },
    "hold JoinerNotServing",
  ],
  [
    "a member that hangs blocks settling",
    { seen: { members: two, hung: [c] }, record: { intent: JOIN } },
    "hold MemberHung",
  ],

  // Members that are not what they were.
  [
    "a member that is proven gone, and hangs at its address: re-formed without it",
    { seen: { members: two, lost: [c] } },
    "reform given-up",
  ],
  [
    "a member that has not answered for too long: re-formed without it",
    { seen: { members: two, givenUp: [c] } },
    "reform given-up",
  ],
  [
    "somebody else at a member's address: re-formed without that one",
    { seen: { joiner, members: two, replaced: [c] } },
    "reform replaced",
  ],
  [
    "a member with another address: re-formed with it",
    { seen: { members: two, readdressed: [c] } },
    "reform new-address",
  ],
  [
    "a member of another network now: re-formed without it",
    { seen: { members: two, moved: [c] } },
    "reform moved-away",
  ],
  [
    "two pods with one address: both are named, neither is touched",
    { seen: { joiner, members: two, shared: [{ contact: c, other: podNamed("e") }] } },
    "hold AddressShared",
  ],
  ["who is dead is just dropped", { seen: { joiner, members: two, dead: [c] } }, "ask d"],

  // Who runs and cannot be reached.
  [
    "a member that refuses and runs holds: it is not dead",
    { seen: { joiner, members: two, unreachable: [c], unreachableMs: 0 } },
    "hold MemberUnreachable",
  ],
  [
    "it holds for half a minute",
    { seen: { joiner, members: two, unreachable: [c], unreachableMs: HALF_A_MINUTE_MS - 1 } },
    "hold MemberUnreachable",
  ],
  [
    "after half a minute a visit finds out whether the others have it still",
    { seen: { members: two, unreachable: [c], unreachableMs: HALF_A_MINUTE_MS } },
    "visit",
  ],
  [
    "where no member answers, it holds for as long as it takes: nobody founds",
    { seen: { joiner, unreachable: [a, b], unreachableMs: 100 * HALF_A_MINUTE_MS } },
    "hold MemberUnreachable",
  ],
  [
    "where no member answers, those who have been silent for long are not given up either",
    { seen: { joiner, givenUp: [a, b] } },
    "hold MemberUnreachable",
  ],
  [
    "the one that leaves is no member to go on with",
    {
      target: { leaver },
      seen: { members: members("a"), unreachable: [b], unreachableMs: HALF_A_MINUTE_MS },
    },
    "hold MemberUnreachable",
  ],

  // Who comes from elsewhere, and who goes.
  [
    "a member that goes to another network: re-formed without it",
    { target: { leaver }, seen: { members: two } },
    "reform moved-away",
  ],
  ["the last one that goes leaves nothing to re-form", { target: { leaver } }, "rest"],
  [
    "a joiner that was in a network before is re-formed alone: others may list it",
    {
      seen: { joiner: joinerNamed("d", "serving", { joined: joinedAs("d", { network: "default/net-b" }) }) },
    },
    "reform was-elsewhere",
  ],
  [
    "so is one that this very network has gone on without",
    {
      seen: {
        joiner: joinerNamed("d", "serving", {
          joined: joinedAs("d", { status: "False", reason: "LeftOut" }),
        }),
      },
    },
    "reform was-elsewhere",
  ],
  [
    "one that says that it is in this network founds it again",
    { seen: { joiner: joinerNamed("d", "serving", { joined: joinedAs("d") }) } },
    "found d",
  ],
  [
    "a re-form that is asked for is done",
    { target: { cause: cause("asked-for", "") }, seen: { members: two } },
    "reform asked-for",
  ],

  // Re-forming is off.
  [
    "where re-forming is off a cause is still told, as long as there are members",
    { seen: { members: two, replaced: [c] }, settings: { reform: "off" } },
    "reform replaced",
  ],
  [
    "without a member there is nobody whom it would help: the joiner founds",
    { seen: { joiner, replaced: [c] }, settings: { reform: "off" } },
    "found d",
  ],

  // Visits.
  [
    "a network with a known death is visited by a sweep",
    { target: { mayVisit: true }, seen: { members: two }, record: { deaths: true } },
    "visit",
  ],
  [
    "so is one with a death just seen",
    { target: { mayVisit: true }, seen: { members: two, dead: [c] } },
    "visit",
  ],
  [
    "so is one whose peers were waiting for somebody that has stirred",
    { target: { mayVisit: true }, seen: { members: two, stirred: true } },
    "visit",
  ],
  ["one without a death is not", { target: { mayVisit: true }, seen: { members: two } }, "rest"],
  ["a step of an event visits nobody", { seen: { members: two }, record: { deaths: true } }, "rest"],
  [
    "where nobody is left there is nobody to visit",
    { target: { mayVisit: true }, seen: { dead: [c] }, record: { deaths: true } },
    "rest",
  ],
];

describe("what a step does next", () => {
  for (const [rule, given, expected] of first) {
    test(rule, () => {
      assert.equal(shortPlan(planned(given)), expected);
    });
  }

  const held: readonly (readonly [string, Case, RegExp, number])[] = [
    [
      "who hangs is named, with its address",
      { seen: { hung: [c] } },
      /^default\/c at \S+:9081 does not answer, its pod looks well$/u,
      5,
    ],
    [
      "who cannot be reached is named, with its address",
      { seen: { unreachable: [c] } },
      /^klight gets no answer from default\/c at \S+:9081, and the API server says that it runs$/u,
      5,
    ],
    [
      "both pods of one address are named",
      { seen: { shared: [{ contact: c, other: podNamed("e") }] } },
      /^default\/c at \S+ and default\/e have one address$/u,
      30,
    ],
    [
      "the joiner's answer is told",
      { seen: { joiner: silentJoiner } },
      /^the peer at \S+:9081 says silent to a health check$/u,
      5,
    ],
  ];
  for (const [rule, given, message, retryAfterS] of held) {
    test(`a hold is about its network and pod: ${rule}`, () => {
      const made = planned(given);
      assert.ok(made.tag === "hold");
      assert.match(made.outcome.message, message);
      assert.equal(made.outcome.retryAfterS, retryAfterS);
      assert.equal(made.outcome.network, NETWORK);
      assert.equal(made.outcome.pod?.name, given.seen?.joiner?.pod.name);
    });
  }

  test("the first cause counts: what was left half-done, then who is lost, replaced, readdressed, moved", () => {
    const seen = { members: two, lost: [c], replaced: [c], readdressed: [c], moved: [c] };
    const target = { cause: cause("asked-for", "") };
    assert.equal(shortPlan(planned({ target, seen, record: { intent: REFORM } })), "reform half-done");
    assert.equal(shortPlan(planned({ target, seen })), "reform given-up");
    assert.equal(shortPlan(planned({ target, seen: { ...seen, lost: [] } })), "reform replaced");
    assert.equal(
      shortPlan(planned({ target, seen: { ...seen, lost: [], replaced: [] } })),
      "reform new-address",
    );
    assert.equal(
      shortPlan(planned({ target, seen: { ...seen, lost: [], replaced: [], readdressed: [] } })),
      "reform moved-away",
    );
  });

  test("causes name who they are about", () => {
    const text = (given: Case): string => {
      const made = planned(given);
      return made.tag === "reform" ? made.cause.text : made.tag;
    };
    assert.equal(
      text({ seen: { members: two }, record: { intent: JOIN } }),
      "a join for default/d was left half-done",
    );
    assert.equal(
      text({ seen: { members: two }, record: { intent: REFORM } }),
      "a reform for the network was left half-done",
    );
    assert.match(text({ seen: { members: two, lost: [c] } }), /^default\/c has not answered for too long$/u);
    assert.match(
      text({ seen: { members: two, replaced: [c] } }),
      /^c was a member at \S+, and another process is there now$/u,
    );
    assert.match(
      text({ seen: { members: two, readdressed: [c] } }),
      /^default\/c at \S+ has another address now$/u,
    );
    assert.match(text({ seen: { members: two, moved: [c] } }), /^default\/c has gone to another network$/u);
    const elsewhere = joinerNamed("d", "serving", { joined: joinedAs("d", ELSEWHERE) });
    assert.equal(text({ seen: { joiner: elsewhere } }), "d was in a network before");
    assert.match(text({ target: { leaver }, seen: { members: two } }), /^a goes to another network$/u);
  });

  test("for both of two pods with one address", () => {
    const other = podNamed("e");
    const outcome = sharedHeld(c, other, {});
    assert.equal(outcome.message, `default/c at ${c.address} and default/e have one address`);
    assert.deepEqual(outcome.beside, [c, other]);
  });
});
