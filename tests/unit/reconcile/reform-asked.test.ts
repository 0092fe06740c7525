import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { present } from "../../../lib/reconcile/bring-in.ts";
import { asksForReform, reformAsked, reformAskedBy } from "../../../lib/reconcile/reform-asked.ts";
import type { LogEntry } from "../../../lib/store/contacts.ts";
import { START } from "../../harness/networks.ts";
import { away, member, MoveWorld, NETWORK, networkOf, OTHER, pod, said, shown } from "./fixtures.ts";

const { incarnation } = pod("b");
const asking = member("b", { reformAsked: "two", ...said("True", "Joined", { incarnation, reform: "one" }) });
const reforms = ({ calls }: MoveWorld): boolean => calls.some((call) => call.startsWith("join"));
const off = ({ deps }: MoveWorld): Deps => ({ ...deps, settings: { ...deps.settings, reform: "off" } });

describe("a re-form that somebody asks for", () => {
  test("is done, and says why", async () => {
    const world = await networkOf("a", "b");
    const causes: unknown[] = [];
    const onReform: NonNullable<Deps["onReform"]> = ({ cause }) => void causes.push(cause);
    const outcome = await reformAsked({ ...world.deps, onReform }, NETWORK);
    assert.match(
      shown(outcome),
      /^reformed Reformed nobody default\/net: .* because somebody asked for it: /u,
    );
    assert.deepEqual(causes, [{ kind: "asked-for", text: "somebody asked for it" }]);
  });

  test("is refused where re-forming is off", async () => {
    const world = await networkOf("a", "b");
    assert.equal(
      shown(await reformAsked(off(world), NETWORK)),
      `refused ReformOff nobody ${NETWORK}: KLIGHT_REFORM is off`,
    );
  });

  test("is refused where there is no such network, or none of it is left", async () => {
    const world = new MoveWorld();
    const refused = `refused NoNetwork nobody ${NETWORK}: there is no network ${NETWORK} with a member`;
    assert.equal(shown(await reformAsked(world.deps, NETWORK)), refused);
    const forgetful = world.withStore({ read: () => Promise.resolve({ tag: "read", views: [] }) });
    assert.equal(shown(await reformAsked(forgetful, NETWORK)), refused);
  });

  test("is held while the store cannot be read", async () => {
    const world = await networkOf("a");
    assert.equal(
      shown(await reformAsked(world.withStore({ read: away }), NETWORK)),
      `held StoreUnavailable nobody ${NETWORK}: away`,
    );
  });

  const entry = (secondsAgo: number, changes: Partial<LogEntry> = {}): LogEntry => ({
    at: new Date(START - secondsAgo * 1_000).toISOString(),
    outcome: "reformed",
    reason: "Reformed",
    message: "",
    ...changes,
  });
  const joiner = { pod: "default/x" };
  const cases: readonly (readonly [string, readonly LogEntry[], boolean])[] = [
    ["is done after two in a minute", [entry(2), entry(1)], true],
    ["is refused after three in a minute", [entry(3), entry(2), entry(1)], false],
    ["is refused until the minute is over", [entry(59), entry(2), entry(1)], false],
    ["is done when the first of three is a minute ago", [entry(60), entry(2), entry(1)], true],
    ["is done after three that brought somebody in", [3, 2, 1].map((ago) => entry(ago, joiner)), true],
    [
      "is done after three other outcomes",
      [3, 2, 1].map((ago) => entry(ago, { outcome: "held", reason: "MemberHung" })),
      true,
    ],
  ];
  for (const [rule, log, done] of cases)
    test(rule, async () => {
      const world = await networkOf("a", "b");
      for (const line of log) await world.commit(NETWORK, { log: line });
      const outcome = await reformAsked(world.deps, NETWORK);
      assert.equal(outcome.reason, done ? "Reformed" : "ReformedJustNow");
      assert.equal(reforms(world), done);
    });

  test("says when it can be done again", async () => {
    const world = await networkOf("a", "b");
    for (const ago of [30, 20, 10]) await world.commit(NETWORK, { log: entry(ago) });
    world.clock.move(1);
    const outcome = await reformAsked(world.deps, NETWORK);
    assert.equal(outcome.name === "refused" && outcome.retryAfterS, 30, "whole seconds, and none too few");
    assert.equal(
      shown(outcome),
      `refused ReformedJustNow nobody ${NETWORK}: ${NETWORK} was re-formed and is whole; it can be again at 2026-11-24T08:00:30.000Z`,
    );
  });

  test("is done at once where one was left half-done", async () => {
    const world = await networkOf("a", "b");
    for (const ago of [3, 2, 1]) await world.commit(NETWORK, { log: entry(ago) });
    await world.beginStep(NETWORK, { kind: "reform", at: "2026-11-24T08:00:00.000Z" }, 1_000);
    world.clock.move(1_001);
    assert.equal((await reformAsked(world.deps, NETWORK)).name, "reformed");
  });
});

describe("a pod asks for a re-form", () => {
  const asks: readonly (readonly [string, Partial<Pod>, boolean])[] = [
    ["by its annotation", { reformAsked: "one" }, true],
    ["by a new value of it", { reformAsked: "two", ...said("True", "Joined", { reform: "one" }) }, true],
    [
      "not by one that is answered",
      { reformAsked: "one", ...said("True", "Joined", { reform: "one" }) },
      false,
    ],
    ["not without one", said("True", "Joined", { reform: "one" }), false],
    ["not if it says nothing at all", {}, false],
  ];
  for (const [rule, changes, expected] of asks)
    test(rule, () => {
      assert.equal(asksForReform(pod("b", changes)), expected);
    });

  const world = async (now: Pod = asking): Promise<MoveWorld> => {
    const made = await networkOf("a", "b");
    made.cluster.pods = [member("a"), now];
    return made;
  };

  test("and its network is re-formed, which it is told", async () => {
    const made = await world();
    const outcome = await present(made.deps, asking);
    assert.match(shown(outcome), /^reformed Reformed b default\/net: /u);
    assert.deepEqual(made.told.slice(-2), ["b True Joined", "b Normal ReformDone"]);
  });

  test("and a refusal is an answer, too: it stays a member", async () => {
    const made = await world();
    const outcome = await reformAskedBy(off(made), asking, NETWORK);
    assert.equal(shown(outcome), `member AlreadyMember b ${NETWORK}: KLIGHT_REFORM is off`);
    assert.deepEqual(made.told, ["b True Joined", "b Warning ReformRefused"]);
  });

  test("and a hold that somebody has to end is an answer, too", async () => {
    const made = await world();
    made.say("a", { probe: "silent" });
    const outcome = await reformAskedBy(made.deps, asking, NETWORK);
    assert.match(shown(outcome), /^member AlreadyMember b default\/net: default\/a at \S+ does not answer/u);
    assert.deepEqual(made.told, ["b True Joined", "b Warning ReformRefused"]);
  });

  test("and what passes in seconds is no answer: its event comes again", async () => {
    const made = await world();
    await made.contacts.begin(NETWORK, "another", 60_000);
    assert.equal((await reformAskedBy(made.deps, asking, NETWORK)).reason, "NetworkBusy");
    assert.deepEqual(made.told, []);
  });

  test("and what klight could not see is no answer", async () => {
    const made = await world();
    const outcome = await reformAskedBy(made.withStore({ read: away }), asking, NETWORK);
    assert.equal(shown(outcome), `held StoreUnavailable b ${NETWORK}: away`);
    assert.deepEqual(made.told, []);
  });

  test("and nothing is done while the API server cannot tell whether it is answered", async () => {
    const made = await world();
    made.cluster.failure = { kind: "unavailable", message: "away" };
    assert.equal(
      shown(await reformAskedBy(made.deps, asking, NETWORK)),
      `held ClusterUnavailable b ${NETWORK}: away`,
    );
  });

  const answered = said("True", "Joined", { incarnation, reform: "two" });
  for (const [what, now] of [
    ["is answered by now", { ...asking, ...answered }],
    ["is gone", undefined],
    ["is another one of that name", { ...asking, uid: "another" }],
    ["has another label", { ...asking, network: OTHER }],
    ["does not ask any more", member("b")],
  ] as const)
    test(`and nothing is done for an event that is old: the pod ${what}`, async () => {
      const made = await networkOf("a", "b");
      made.cluster.pods = [member("a"), ...(now ? [now] : [])];
      assert.equal(
        shown(await reformAskedBy(made.deps, asking, NETWORK)),
        `member AlreadyMember b ${NETWORK}: b is in ${NETWORK} already`,
      );
      assert.deepEqual([reforms(made), made.told], [false, []]);
    });
});
