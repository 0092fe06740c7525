import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Settings } from "../../../lib/deps.ts";
import type { Freshness, Newest } from "../../../lib/peers/lightpeer.ts";
import type { Observation } from "../../../lib/reconcile/observation.ts";
import { contactsToTry, type JoinPlan, planJoin } from "../../../lib/reconcile/plan.ts";
import type { NetworkRecord } from "../../../lib/store/contacts.ts";
import {
  joinedAs,
  joinerNamed,
  member,
  members,
  NETWORK,
  observation,
  recordOf,
  settingsOf,
  shortPlan,
} from "../../harness/step-facts.ts";

interface JoinCase {
  readonly seen?: Partial<Observation>;
  readonly joiner?: Freshness;
  readonly contact?: Freshness | undefined;
  readonly newest?: Newest;
  readonly record?: Partial<NetworkRecord>;
  readonly settings?: Partial<Settings>;
  readonly pod?: Parameters<typeof joinerNamed>[2];
}

const entry = (digest: string): Newest => ({ tag: "newest", digest });
const NOTHING: Newest = { tag: "failed", message: "no answer" };

const joins: readonly (readonly [string, JoinCase, string])[] = [
  ["a fresh joiner in a quiet network is joined plainly", {}, "join"],
  [
    "a joiner with a chain is re-formed in: a second join would break the network",
    { joiner: "chained" },
    "reform has-chain",
  ],
  ["a peer of another make without a record is joined", { joiner: "unimplemented" }, "join"],
  [
    "a peer of another make that was in a network is believed by its record",
    { joiner: "unimplemented", pod: { joined: joinedAs("d", { status: "False", reason: "LeftOut" }) } },
    "reform has-chain",
  ],
  [
    "where a member has hung the others may have waited for it: re-formed",
    { seen: { waitedFor: ["x:1", joinerNamed("d").peer.address] } },
    "reform was-waited-for",
  ],
  [
    "not where nothing is re-formed",
    { seen: { waitedFor: [joinerNamed("d").peer.address] }, settings: { reform: "off" } },
    "join",
  ],
  ["a peer that hangs elsewhere is no reason", { seen: { waitedFor: ["x:1"] } }, "join"],
  ["a contact that has lost its chain is not joined through", { contact: "fresh" }, "reform lost-chain"],
  [
    "one that was put together again may lack a member: re-formed",
    { seen: { restored: true } },
    "reform store-lost",
  ],
  ["but not where re-forming is off", { seen: { restored: true }, settings: { reform: "off" } }, "join"],
  ["a joiner that does not answer the question is held", { joiner: "silent" }, "hold PeerNotAnswering"],
  ["a contact that does not answer the question is held", { contact: "silent" }, "hold PeerNotAnswering"],
  ["a contact that does not tell its newest entry is held", { newest: NOTHING }, "hold PeerNotAnswering"],
  ["where an application stores, the joiner is re-formed in", { newest: entry("other") }, "reform storing"],
  [
    "where the record does not know the newest entry, it is taken for one that stores",
    { record: { newest: undefined } },
    "reform storing",
  ],
  [
    "with KLIGHT_JOIN=plain it is joined all the same",
    { newest: entry("other"), settings: { joinMode: "plain" } },
    "join",
  ],
  [
    "with KLIGHT_REFORM=off it is joined all the same",
    { newest: entry("other"), settings: { reform: "off" } },
    "join",
  ],
  [
    "with KLIGHT_JOIN=reform every join is a re-form",
    { settings: { joinMode: "reform" } },
    "reform configured",
  ],
  [
    "a network of one is joined plainly even when it is written to: freezing it could lose what it stores",
    { seen: { members: members("a") }, contact: undefined, newest: entry("other") },
    "join",
  ],
  [
    "a network of one is joined plainly with KLIGHT_JOIN=reform, too",
    { seen: { members: members("a") }, contact: undefined, settings: { joinMode: "reform" } },
    "join",
  ],
];

function joinPlanned(given: JoinCase): JoinPlan {
  const who = joinerNamed("d", "serving", given.pod ?? {});
  const seen = observation({ joiner: who, members: members("a", "b", "c"), ...given.seen });
  const answers = {
    joiner: given.joiner ?? "fresh",
    contact: "contact" in given ? given.contact : "chained",
    newest: given.newest ?? entry("empty"),
  } as const;
  const record = recordOf(given.record);
  return planJoin(seen, record, settingsOf(given.settings), { network: NETWORK, joiner: who, answers });
}

describe("how a joiner comes in", () => {
  for (const [rule, given, expected] of joins) {
    test(rule, () => {
      assert.equal(shortPlan(joinPlanned(given)), expected);
    });
  }

  test("a plain join knows the newest entry before it", () => {
    assert.deepEqual(joinPlanned({ settings: { joinMode: "plain" }, newest: entry("7f") }), {
      tag: "join",
      newest: "7f",
    });
  });

  test("one that is held is named, and its network", () => {
    const made = joinPlanned({ joiner: "silent" });
    assert.ok(made.tag === "hold");
    assert.deepEqual([made.outcome.pod?.name, made.outcome.network], ["d", NETWORK]);
  });

  const causes: readonly (readonly [JoinCase, string])[] = [
    [{ joiner: "chained" }, "d has a chain already"],
    [{ seen: { waitedFor: [joinerNamed("d").peer.address] } }, "d is where a member has hung"],
    [{ seen: { restored: true } }, "the store had lost who is in it"],
    [{ newest: entry("other") }, "an application stores in it"],
    [{ settings: { joinMode: "reform" } }, "KLIGHT_JOIN makes every join a re-form"],
  ];
  for (const [given, text] of causes)
    test(`its network is re-formed because ${text}`, () => {
      const made = joinPlanned(given);
      assert.equal(made.tag === "reform" && made.cause.text, text);
    });

  test("it is joined where nobody is left to ask", () => {
    assert.equal(joinPlanned({ seen: { members: [] }, contact: undefined }).tag, "join");
  });

  test("who does not answer a question is named: the joiner first, then the contact", () => {
    const message = (given: JoinCase): string => {
      const made = joinPlanned(given);
      return made.tag === "hold" ? made.outcome.message : made.tag;
    };
    assert.equal(message({ joiner: "silent", contact: "silent" }), "d does not answer a question");
    assert.equal(message({ contact: "silent" }), "c does not answer a question");
    assert.equal(message({ newest: NOTHING }), "c does not answer a question");
    assert.equal(joinPlanned({ joiner: "silent" }).tag, "hold");
  });

  test("a contact without its chain is named", () => {
    const made = joinPlanned({ contact: "fresh" });
    assert.equal(made.tag === "reform" && made.cause.text, "c has lost its chain");
  });
});

describe("contacts are tried", () => {
  const order = (seen: Partial<Observation>): string =>
    contactsToTry(observation(seen))
      .map(({ contact }) => contact.name)
      .join(" ");

  test("from the top of the stack, the newest first and the oldest last", () => {
    assert.equal(order({ members: members("a", "b", "c") }), "c b a");
  });

  test("those being deleted after those that stay, but before the oldest, which every writer tells first", () => {
    assert.equal(order({ members: [member("a"), member("b"), member("c", { deleting: true })] }), "b c a");
    assert.equal(order({ members: [member("a", { deleting: true }), member("b")] }), "b a");
  });

  test("those whose pod is not known like those that stay", () => {
    const [x, y] = members("x", "y").map(({ contact }) => ({ contact, pod: undefined }));
    assert.equal(order({ members: [member("a"), ...(x && y ? [x, y] : [])] }), "y x a");
  });

  test("never at the joiner's own address: a peer that joins itself ends its network", () => {
    assert.equal(order({ joiner: joinerNamed("b"), members: members("a", "b", "c") }), "c a");
  });

  test("where there is none, nobody", () => {
    assert.equal(order({}), "");
    assert.equal(order({ joiner: joinerNamed("a"), members: members("a") }), "");
  });
});
