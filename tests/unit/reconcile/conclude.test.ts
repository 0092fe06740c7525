import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outcome } from "../../../lib/outcome.ts";
import type { Ending } from "../../../lib/reconcile/move.ts";
import { conclude, reconcile } from "../../../lib/reconcile/reconcile.ts";
import { alreadyMember } from "../../../lib/reconcile/rest.ts";
import type { Contacts } from "../../../lib/store/contacts.ts";
import {
  contactNamed,
  joinedAs,
  leaseOf,
  NETWORK,
  podNamed,
  recordOf,
  type ScriptedDeps,
  scriptedDeps,
} from "../../harness/step-facts.ts";

const pod = podNamed("d");
const joined: Outcome = {
  name: "joined",
  reason: "Joined",
  message: "m",
  pod,
  network: NETWORK,
  via: "c",
  generation: 0,
};
const held: Outcome = {
  name: "held",
  reason: "JoinerNotServing",
  message: "m",
  pod,
  network: NETWORK,
  retryAfterS: 5,
};
const ignored: Outcome = { name: "ignored", reason: "PodGone", message: "m", pod, network: NETWORK };

const isIn: Ending = {
  outcome: joined,
  change: { newest: "7f" },
  tell: [{ tag: "in", pod, outcome: joined as never }],
};
const isHeld: Ending = { outcome: held, change: {}, tell: [{ tag: "held", pod, outcome: held }] };

const LATE: Partial<Contacts> = { commit: () => Promise.resolve({ tag: "late" }) };
const AWAY: Partial<Contacts> = { commit: () => Promise.resolve({ tag: "failed", message: "away" }) };

async function ends(
  ending: Ending,
  store: Partial<Contacts> = {},
  prepare: (script: ScriptedDeps) => void = () => {},
): Promise<ScriptedDeps & { readonly outcome: Outcome }> {
  const script = scriptedDeps({}, {}, store);
  prepare(script);
  return { ...script, outcome: await conclude(script.deps, ending, leaseOf()) };
}

describe("the end of a step", () => {
  test("is written with its line for the log, the lease is given back, and then people are told", async () => {
    const { outcome, committed, conditions } = await ends(isIn);
    assert.equal(outcome, joined);
    assert.equal(committed.length, 1);
    assert.equal(committed[0]?.newest, "7f");
    assert.equal(committed[0]?.log?.reason, "Joined");
    assert.equal(conditions.length, 1);
  });

  test("has no line where nothing was done", async () => {
    const { committed } = await ends({ outcome: ignored, change: {} });
    assert.deepEqual(committed, [{}]);
  });

  test("that another step has overtaken is held, and nobody is told that it is in", async () => {
    const { outcome, conditions, events } = await ends(isIn, LATE);
    assert.deepEqual(
      [outcome.name, outcome.reason, outcome.pod?.name, outcome.network],
      ["held", "LeaseLost", "d", NETWORK],
    );
    assert.deepEqual([conditions, events], [[], []]);
  });

  test("that could not be written is held", async () => {
    const { outcome, conditions } = await ends(isIn, AWAY);
    assert.deepEqual([outcome.reason, conditions.length], ["StoreUnavailable", 0]);
  });

  test("of a hold stays what it is, written or not, and is told", async () => {
    const { outcome, conditions } = await ends(isHeld, LATE);
    assert.equal(outcome, held);
    assert.equal(conditions.length, 1);
  });

  test("that nothing was to be done in stays that, written or not, and nobody is told", async () => {
    const tell = [{ tag: "in", pod, outcome: joined as never }] as const;
    const { outcome, conditions } = await ends({ outcome: ignored, change: {}, tell }, LATE);
    assert.deepEqual([outcome, conditions], [ignored, []]);
  });

  test("of a hold is not another one because the pod got another label meanwhile", async () => {
    const { outcome } = await ends(isHeld, {}, ({ cluster }) => {
      cluster.pods = [podNamed("d", { network: "default/net-b" })];
    });
    assert.equal(outcome, held);
  });

  test("without a change writes nothing: the lease is another's", async () => {
    const { outcome, calls } = await ends({ outcome: held });
    assert.deepEqual([outcome, calls], [held, []]);
  });

  test("whose pod got another label meanwhile is held, so that its event comes again", async () => {
    const { outcome } = await ends(isIn, {}, ({ cluster }) => {
      cluster.pods = [podNamed("d", { network: "default/net-b" })];
    });
    assert.deepEqual([outcome.name, outcome.reason], ["held", "LabelChanged"]);
    assert.equal(outcome.message, "d was brought into default/net-a, and is labelled for default/net-b now");
    const unlabelled = await ends(isIn, {}, ({ cluster }) => {
      const { network: _, ...gone } = podNamed("d");
      cluster.pods = [gone];
    });
    assert.match(unlabelled.outcome.message, /is labelled for none now$/u);
  });

  test("is not held because another pod that was told got another label", async () => {
    const other = podNamed("c");
    const ending: Ending = {
      ...isIn,
      tell: [{ tag: "in", pod: other, outcome: { ...joined, pod: other } as never }],
    };
    const { outcome } = await ends(ending, {}, ({ cluster }) => {
      cluster.pods = [podNamed("c", { network: "default/net-b" })];
    });
    assert.equal(outcome, joined);
  });

  test("is not held because a pod of that name in another namespace got another label", async () => {
    const other = podNamed("d", { namespace: "elsewhere" });
    const tell = [{ tag: "in", pod: other, outcome: joined as never }] as const;
    const relabelled = ({ cluster }: ScriptedDeps): void => {
      cluster.pods = [podNamed("d", { namespace: "elsewhere", network: "default/net-b" })];
    };
    assert.equal((await ends({ ...isIn, tell }, {}, relabelled)).outcome, joined);
    const { pod: _, ...ofNobody } = joined;
    const outcome = ofNobody as Outcome;
    assert.equal((await ends({ outcome, change: {}, tell }, {}, relabelled)).outcome, outcome);
  });

  test("waits for those who have moved out: untold they would never be re-formed", async () => {
    const first = { movedOut: [podNamed("b", { network: "default/net-b" })], ifUntold: { keepIntent: true } };
    const told = await ends({ ...isIn, first });
    assert.deepEqual([told.outcome, told.conditions.map(({ pod: name }) => name)], [joined, ["b", "d"]]);
    const untold = await ends({ ...isIn, first }, {}, ({ cluster }) => {
      const failed = { tag: "failed", kind: "unavailable", message: "away" } as const;
      cluster.setCondition = () => Promise.resolve(failed);
    });
    assert.deepEqual([untold.outcome.name, untold.outcome.reason], ["held", "ClusterUnavailable"]);
    assert.equal(untold.committed[0]?.keepIntent, true);
    assert.equal(untold.committed[0]?.newest, undefined);
  });

  test("without a lease only tells", async () => {
    const script = scriptedDeps();
    await conclude(script.deps, isHeld);
    assert.deepEqual([script.calls, script.conditions.length], [[], 1]);
  });
});

describe("a step", () => {
  const begins = (record: Parameters<typeof recordOf>[0]): Partial<Contacts> => ({
    begin: () => Promise.resolve({ tag: "leased", record: recordOf(record) }),
  });

  test("of a peer that the store knows as a member is over with one command", async () => {
    const script = scriptedDeps({}, {}, { begin: () => Promise.resolve({ tag: "member" }) });
    const outcome = await reconcile(script.deps, { network: NETWORK, joiner: pod });
    assert.deepEqual([outcome.name, script.calls], ["member", []]);
    assert.deepEqual(outcome, alreadyMember({ network: NETWORK, joiner: pod }));
  });

  test("asks the store whether its pod is a member in this life, before anything else", async () => {
    const asked: unknown[] = [];
    const begin: Contacts["begin"] = (_network, _token, _ms, stepPod) => {
      asked.push(stepPod);
      return Promise.resolve({ tag: "member" });
    };
    const script = scriptedDeps({}, {}, { begin });
    const outcome = await reconcile(script.deps, { network: NETWORK, joiner: pod });
    const { uid, incarnation, address } = pod;
    assert.partialDeepStrictEqual(asked, [{ how: "joins", uid, life: { incarnation, address } }]);
    assert.deepEqual(outcome, {
      name: "member",
      reason: "AlreadyMember",
      message: "d is in default/net-a already",
      network: NETWORK,
      pod,
    });
    assert.deepEqual(await reconcile(script.deps, { network: NETWORK }), {
      name: "member",
      reason: "AlreadyMember",
      message: "nothing is to be done for default/net-a",
      network: NETWORK,
    });
    const waiting = podNamed("d", { admission: { tag: "ignored", reason: "NotRunning", message: "" } });
    await reconcile(script.deps, { network: NETWORK, joiner: waiting });
    assert.deepEqual(asked.at(-1), { how: "joins", uid });
  });

  test("waits as long as another one of this process has its network, and is held", async () => {
    const script = scriptedDeps({}, {}, { begin: () => new Promise(() => {}) });
    const waits: number[] = [];
    const clock = { ...script.deps.clock, sleep: async (ms: number) => void waits.push(ms) };
    const deps = { ...script.deps, clock };
    void reconcile(deps, { network: NETWORK });
    assert.deepEqual(await reconcile(deps, { network: NETWORK, joiner: pod }), {
      name: "held",
      reason: "NetworkBusy",
      message: "other steps of this process have had default/net-a for all of 1000 ms",
      network: NETWORK,
      pod,
      retryAfterS: 2,
    });
    assert.equal("pod" in (await reconcile(deps, { network: NETWORK })), false);
    assert.deepEqual(new Set(waits), new Set([1_000]));
  });

  test("lets go of its connections when no other one is under way", async () => {
    let [released, isStuck] = [0, false];
    const script = scriptedDeps(
      {},
      {},
      { begin: () => (isStuck ? new Promise(() => {}) : Promise.resolve({ tag: "member" })) },
    );
    const lightpeer = { ...script.deps.lightpeer, release: () => void (released += 1) };
    const deps = { ...script.deps, lightpeer };
    await reconcile(deps, { network: NETWORK });
    assert.equal(released, 1);
    isStuck = true;
    void reconcile(deps, { network: "default/net-b" });
    isStuck = false;
    await reconcile(deps, { network: NETWORK });
    assert.equal(released, 1);
  });

  test("visits a network with a death where the sweep asks for that", async () => {
    const script = scriptedDeps(
      { seed: undefined },
      {},
      begins({ deaths: true, stack: [contactNamed("a")] }),
    );
    script.cluster.pods = [podNamed("a")];
    const { message } = await reconcile(script.deps, { network: NETWORK, mayVisit: true });
    assert.match(message, /was not visited/u);
  });

  test("for a pod of another network changes nothing, and says where its peer is", async () => {
    const elsewhere = "default/net-b";
    const begin: Contacts["begin"] = () => Promise.resolve({ tag: "elsewhere", network: elsewhere });
    const script = scriptedDeps({}, {}, { begin });
    const outcome = await reconcile(script.deps, { network: NETWORK, joiner: pod });
    assert.deepEqual(outcome, {
      name: "held",
      reason: "LabelChanged",
      message: `d is in ${elsewhere} until it has been taken out there, and is labelled for ${NETWORK}`,
      network: elsewhere,
      pod,
      retryAfterS: 1,
    });
    assert.deepEqual(script.calls, []);
  });

  test("for a peer that goes says that it leaves", async () => {
    const asked: unknown[] = [];
    const begin: Contacts["begin"] = (_network, _token, _ms, stepPod) => {
      asked.push(stepPod);
      return Promise.resolve({ tag: "busy", remainingMs: 9_000 });
    };
    const script = scriptedDeps({}, {}, { begin });
    await reconcile(script.deps, { network: NETWORK, leaver: contactNamed("d") });
    assert.deepEqual(asked[0], { how: "leaves", uid: contactNamed("d").uid });
  });

  test("that must re-form a member is not stopped by the store's knowing it", async () => {
    const asked: unknown[] = [];
    const begin: Contacts["begin"] = (_network, _token, _ms, stepPod) => {
      asked.push(stepPod);
      return Promise.resolve({ tag: "leased", record: recordOf() });
    };
    const script = scriptedDeps({ seed: undefined }, {}, { begin });
    await reconcile(script.deps, {
      network: NETWORK,
      joiner: pod,
      cause: { kind: "was-elsewhere", text: "" },
    });
    assert.deepEqual(asked, [{ how: "joins", uid: pod.uid }]);
  });

  test("that cannot have the lease in time is held, for its pod", async () => {
    const script = scriptedDeps({}, {}, { begin: () => Promise.resolve({ tag: "busy", remainingMs: 50 }) });
    const outcome = await reconcile(script.deps, { network: NETWORK, joiner: pod });
    assert.deepEqual([outcome.reason, outcome.pod?.name], ["NetworkBusy", "d"]);
  });

  test("that cannot see the pods gives the lease back, and keeps what was left half-done", async () => {
    const intent = { kind: "join", at: "2026-11-24T08:00:00.000Z" } as const;
    const script = scriptedDeps({}, {}, begins({ intent, stack: [contactNamed("a")] }));
    script.cluster.failure = { kind: "unavailable", message: "away" };
    const outcome = await reconcile(script.deps, { network: NETWORK, joiner: pod });
    assert.equal(outcome.reason, "ClusterUnavailable");
    assert.deepEqual(script.committed, [{ keepIntent: true }]);
  });

  test("founds with the first peer of a network, and writes that", async () => {
    const script = scriptedDeps();
    script.cluster.pods = [pod];
    const outcome = await reconcile(script.deps, { network: NETWORK, joiner: pod });
    assert.equal(outcome.reason, "Founded");
    assert.equal(script.committed[0]?.push?.name, "d");
  });

  test("looks anew where its look got too old, three times at most", async () => {
    let begun = 0;
    const begin: Contacts["begin"] = () => {
      begun += 1;
      return Promise.resolve({ tag: "leased", record: recordOf({ stack: [contactNamed("a")] }) });
    };
    const script = scriptedDeps({}, {}, { begin });
    script.cluster.pods = [pod, podNamed("a")];
    const slow: Contacts["mark"] = (...args) => {
      script.clock.move(2_000);
      return script.deps.contacts.mark(...args);
    };
    const deps = { ...script.deps, contacts: { ...script.deps.contacts, mark: slow } };
    const outcome = await reconcile(deps, { network: NETWORK, joiner: pod });
    assert.deepEqual([outcome.reason, begun], ["LookTooOld", 3]);
  });

  test("for a leaver that came back under its old label leaves it where it is", async () => {
    const a = podNamed("a");
    const script = scriptedDeps(
      { seed: undefined },
      {},
      begins({ stack: [contactNamed("b"), contactNamed("a")] }),
    );
    script.cluster.pods = [a, podNamed("b")];
    const leaver = contactNamed("a");
    assert.equal((await reconcile(script.deps, { network: NETWORK, leaver })).name, "member");
    script.cluster.pods = [podNamed("a", { network: "default/net-b" }), podNamed("b")];
    assert.equal((await reconcile(script.deps, { network: NETWORK, leaver })).reason, "SeedUnreachable");
  });

  test("after a leaver has left remembers where it hangs: the others may be waiting for it", async () => {
    const script = scriptedDeps({ probe: { a: "silent" } }, {}, begins({ stack: [contactNamed("b")] }));
    script.cluster.pods = [podNamed("b")];
    const outcome = await reconcile(script.deps, { network: NETWORK, leaver: contactNamed("a") });
    assert.equal(outcome.name, "member");
    assert.deepEqual(script.committed[0]?.waitedFor, [contactNamed("a").address]);
    assert.deepEqual([script.committed[0]?.deaths, script.committed[0]?.quietMs], [true, 1_200]);
  });

  test("of the last one that leaves says that nobody is left, and what died is over", async () => {
    const script = scriptedDeps({}, {}, begins({}));
    const outcome = await reconcile(script.deps, { network: NETWORK, leaver: contactNamed("a") });
    assert.deepEqual([outcome.name, outcome.message], ["left", "nobody is left in default/net-a"]);
    assert.equal(script.committed[0]?.deaths, false);
  });

  test("that nobody asked for finds nothing to do in a network that is empty", async () => {
    const script = scriptedDeps({}, {}, begins({}));
    const outcome = await reconcile(script.deps, { network: NETWORK, mayVisit: true });
    assert.deepEqual([outcome.name, outcome.message], ["member", "nothing is to be done for default/net-a"]);
    assert.equal(script.committed[0]?.deaths, false);
  });

  test("does not tell a member's pod of a hold: its condition says that it is in", async () => {
    const script = scriptedDeps({ probe: { a: "silent" } }, {}, begins({ stack: [contactNamed("a")] }));
    const member = podNamed("d", { joined: joinedAs("d") });
    script.cluster.pods = [podNamed("a"), member];
    const outcome = await reconcile(script.deps, { network: NETWORK, joiner: member });
    assert.deepEqual([outcome.reason, script.conditions], ["MemberHung", []]);
  });
});
