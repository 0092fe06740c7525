import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Outcome } from "../../../lib/outcome.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { announce, announceLast, announceMovedOut, type News } from "../../../lib/reconcile/announce.ts";
import { cause } from "../../../lib/reconcile/cause.ts";
import { joinedAs, NETWORK, podNamed, scriptedDeps } from "../../harness/step-facts.ts";

const pod = podNamed("d");

/** What was written: the condition, and the Events, each in a line. */
async function told(news: News): Promise<readonly string[]> {
  const script = scriptedDeps();
  await announce(script.deps, news);
  return [
    ...script.conditions.map(
      ({ condition: { status, reason, message } }) => `${status} ${reason}: ${message}`,
    ),
    ...script.events.map(
      ({ pod: name, event: { type, reason, message } }) => `${name} ${type} ${reason}: ${message}`,
    ),
  ];
}

const held = (
  reason: "AddressShared" | "JoinerNotServing" | "NetworkBusy" | "StoreUnavailable",
): Outcome => ({
  name: "held",
  reason,
  message: "m",
  retryAfterS: 2,
});
const { incarnation } = pod;

describe("people are told", () => {
  test("that a peer is in: network, life, through whom and generation stand in the condition", async () => {
    const outcome = {
      name: "joined",
      reason: "Joined",
      message: "m",
      pod,
      network: NETWORK,
      via: "c",
      generation: 3,
    } as const;
    const [condition = "", event] = await told({ tag: "in", pod, outcome });
    assert.match(condition, /^True Joined: m \(/u);
    for (const part of [`network ${NETWORK}`, `incarnation ${incarnation}`, "via c", "generation 3"])
      assert.ok(condition.includes(part), part);
    assert.equal(event, "d Normal Joined: m");
  });

  test("where it is, in every condition", async () => {
    const lines = await told({ tag: "mended", pod, via: "b", generation: 2 });
    assert.match(
      lines[0] ?? "",
      /^True Joined: d is in default\/net-a \(network default\/net-a; incarnation \S+; address \S+:9081; via b; generation 2\)$/u,
    );
    const { address: _, network: __, ...nowhere } = pod;
    const [bare = ""] = await told({ tag: "mended", pod: nowhere, via: null, generation: 0 });
    assert.match(bare, /\(incarnation \S+; generation 0\)$/u);
    const out = { tag: "out", reason: "LeftOut", message: "without d" } as const;
    assert.match(
      (await told({ ...out, pod: nowhere }))[0] ?? "",
      /^False LeftOut: without d \(incarnation \S+\)$/u,
    );
  });

  test("through nobody where it founded or came in by a re-form", async () => {
    const outcome = {
      name: "founded",
      reason: "Founded",
      message: "m",
      pod,
      network: NETWORK,
      generation: 0,
    } as const;
    const [condition = ""] = await told({ tag: "in", pod, outcome });
    assert.match(
      condition,
      /^True Founded: m \(network default\/net-a; incarnation \S+; address \S+; generation 0\)$/u,
    );
    const { network: _, ...ofNone } = outcome;
    const [bare = ""] = await told({ tag: "in", pod, outcome: ofNone });
    assert.match(bare, /^True Founded: m \(incarnation /u);
  });

  test("that a member is in, by its condition alone, where only that does not say so", async () => {
    const lines = await told({ tag: "mended", pod, via: "b", generation: 2 });
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /^True Joined: d is in default\/net-a \(.*via b.*generation 2/u);
    const [founder = ""] = await told({ tag: "mended", pod, via: null, generation: 2 });
    assert.ok(!founder.includes("via"));
  });

  test("why it is not in, as a Warning", async () => {
    const [condition = "", event] = await told({ tag: "held", pod, outcome: held("JoinerNotServing") });
    assert.match(condition, /^False JoinerNotServing: m \(network default\/net-a; incarnation /u);
    assert.equal(event, "d Warning JoinerNotServing: m");
  });

  test("at another pod that it is about, too, in an Event alone, and once", async () => {
    const outcome: Outcome = {
      ...held("AddressShared"),
      beside: [podNamed("d"), podNamed("e")],
    };
    const [condition, ...events] = await told({ tag: "held", pod, outcome });
    assert.match(condition ?? "", /^False AddressShared: m /u);
    assert.deepEqual(events, ["d Warning AddressShared: m", "e Warning AddressShared: m"]);
    const again = podNamed("d", { joined: joinedAs("d", { status: "False", reason: "AddressShared" }) });
    assert.deepEqual(await told({ tag: "held", pod: again, outcome }), []);
  });

  test("why it will not be let in, too", async () => {
    const outcome: Outcome = { name: "refused", reason: "RelabelRefused", message: "m" };
    assert.equal((await told({ tag: "held", pod, outcome })).length, 2);
  });

  const silent: readonly (readonly [string, News])[] = [
    [
      "twice the same reason",
      {
        tag: "held",
        pod: podNamed("d", { joined: joinedAs("d", { status: "False", reason: "JoinerNotServing" }) }),
        outcome: held("JoinerNotServing"),
      },
    ],
    [
      "a hold over a condition that says that it is in: it may be all that is left of that",
      { tag: "held", pod: podNamed("d", { joined: joinedAs("d") }), outcome: held("JoinerNotServing") },
    ],
    ["what passes within seconds", { tag: "held", pod, outcome: held("NetworkBusy") }],
    ["what klight could not see", { tag: "held", pod, outcome: held("StoreUnavailable") }],
    [
      "an outcome that is no hold",
      { tag: "held", pod, outcome: { name: "ignored", reason: "PodGone", message: "" } },
    ],
  ];
  for (const [rule, news] of silent) {
    test(`nothing of ${rule}`, async () => {
      assert.deepEqual(await told(news), []);
    });
  }

  test("of a hold after another one, and of one of another life", async () => {
    const other = joinedAs("d", { status: "False", reason: "MemberHung" });
    const news = (joined: typeof other): News => ({
      tag: "held",
      pod: podNamed("d", { joined }),
      outcome: held("JoinerNotServing"),
    });
    assert.equal((await told(news(other))).length, 2);
    assert.equal((await told(news(joinedAs("d", { incarnation: "containerd://old" })))).length, 2);
  });

  test("who was left out, and that it lost its label", async () => {
    const [left = ""] = await told({ tag: "out", pod, reason: "LeftOut", message: "without d" });
    assert.match(left, /^False LeftOut: without d \(/u);
    const [label = ""] = await told({ tag: "out", reason: "LabelRemoved", pod, message: "gone" });
    assert.match(label, /^False LabelRemoved: gone \(/u);
  });

  test("that its pod has ended for good, in the condition alone", async () => {
    const lines = await told({ tag: "ended", pod, reason: "Finished", message: "d has finished" });
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /^False Finished: d has finished \(incarnation /u);
  });

  test("that a re-form will not reach it, as a Warning alone", async () => {
    assert.deepEqual(await told({ tag: "unreached", pod, message: "no way" }), [
      "d Warning SeedNotReached: no way",
    ]);
  });

  const asking = podNamed("d", { reformAsked: "two", joined: joinedAs("d", { reform: "one", via: "c" }) });
  const reformed = { name: "reformed", reason: "Reformed", message: "whole", generation: 1 } as const;

  test("how a re-form that was asked for has ended: the condition stays what it is and names the request", async () => {
    const [condition = "", event] = await told({ tag: "answered", pod: asking, outcome: reformed });
    assert.match(condition, /^True Joined: .*via c.*reform two\)$/u);
    assert.equal(event, "d Normal ReformDone: whole");
    const refused = { name: "refused", reason: "ReformOff", message: "it is off" } as const;
    const [, no] = await told({ tag: "answered", pod: asking, outcome: refused });
    assert.equal(no, "d Warning ReformRefused: ReformOff: it is off");
  });

  test("nothing as an answer to a pod that has not asked, or says nothing of itself", async () => {
    assert.deepEqual(await told({ tag: "answered", pod, outcome: reformed }), []);
    assert.deepEqual(
      await told({ tag: "answered", pod: podNamed("d", { reformAsked: "x" }), outcome: reformed }),
      [],
    );
    const content = podNamed("d", { joined: joinedAs("d") });
    assert.deepEqual(await told({ tag: "answered", pod: content, outcome: reformed }), []);
  });

  test("with the request that was answered last in every condition: it would be done again", async () => {
    for (const news of [
      { tag: "mended", pod: asking, via: null, generation: 1 },
      { tag: "out", pod: asking, reason: "LeftOut", message: "" },
      { tag: "ended", pod: asking, reason: "Finished", message: "" },
      { tag: "in", pod: asking, outcome: reformed },
    ] as const)
      assert.match((await told(news))[0] ?? "", /reform one\)$/u, news.tag);
  });

  test("of where it was before, as long as that is another network", async () => {
    const was = podNamed("d", { joined: joinedAs("d", { network: "default/net-b" }) });
    const [condition = ""] = await told({ tag: "out", reason: "LabelRemoved", pod: was, message: "gone" });
    assert.match(condition, /; was default\/net-b\)$/u);
    const [here = ""] = await told({
      tag: "out",
      reason: "LabelRemoved",
      pod: podNamed("d", { joined: joinedAs("d") }),
      message: "gone",
    });
    assert.ok(!here.includes("was "));
  });

  test("of what it alone has, until it is in or others have it, in this life", async () => {
    const says = {
      status: "False",
      reason: "MovedOut",
      network: "default/net-b",
      carries: "default/net-b",
    } as const;
    const carrier = podNamed("d", { joined: joinedAs("d", says) });
    const carries = async (news: News): Promise<unknown> =>
      /carries [^;)]*/u.exec((await told(news))[0] ?? "")?.[0];
    const hold = { tag: "held", pod: carrier, outcome: held("JoinerNotServing") } as const;
    assert.equal(await carries(hold), "carries default/net-b");
    assert.equal(
      await carries({ ...hold, pod: podNamed("d", { joined: { ...carrier.joined!, incarnation: "x" } }) }),
      undefined,
    );
    const out = { tag: "out", pod: carrier, reason: "LabelRemoved", message: "" } as const;
    assert.equal(await carries(out), "carries default/net-b");
    assert.equal(await carries({ ...out, carries: NETWORK }), `carries ${NETWORK}`);
    assert.equal(await carries({ tag: "mended", pod: carrier, via: null, generation: 1 }), undefined);
    assert.equal(
      await carries({ tag: "in", pod: carrier, outcome: { ...reformed, pod: carrier } }),
      undefined,
    );
    const script = scriptedDeps();
    await announceMovedOut(script.deps, carrier, "default/net-b");
    assert.ok(!script.conditions[0]?.condition.message.includes("carries"));
  });

  test("of a re-form at one pod; a network that was broken has a Warning first", async () => {
    const lines = await told({
      tag: "re-formed",
      pod,
      cause: cause("failed-join", "a join failed"),
      message: "whole",
    });
    assert.deepEqual(lines, ["d Warning NetworkBroken: a join failed", "d Normal NetworkReformed: whole"]);
    const calm = await told({
      tag: "re-formed",
      pod,
      cause: cause("storing", "it is stored in"),
      message: "whole",
    });
    assert.deepEqual(calm, ["d Normal NetworkReformed: whole"]);
    assert.deepEqual(
      await told({ tag: "re-formed", pod: undefined, cause: cause("storing", ""), message: "" }),
      [],
    );
  });

  test("and no more where all of it can be told", async () => {
    const warnings: unknown[] = [];
    const script = scriptedDeps();
    const log = { ...script.deps.log, warn: (...words: unknown[]) => void warnings.push(words) };
    await announce({ ...script.deps, log }, { tag: "out", pod, reason: "LeftOut", message: "without d" });
    assert.deepEqual(warnings, []);
  });

  test("by the pod as it is now, which comes back, so that a new label is seen", async () => {
    const script = scriptedDeps();
    script.cluster.pods = [podNamed("d", { network: "default/net-b" })];
    const now = await announce(script.deps, { tag: "out", pod, reason: "LeftOut", message: "without d" });
    assert.equal(now?.network, "default/net-b");
  });

  test("as far as it goes: what cannot be told undoes nothing and is in the log", async () => {
    const warnings: unknown[] = [];
    const script = scriptedDeps();
    const failed = { tag: "failed", kind: "forbidden", message: "no" } as const;
    Object.assign(script.cluster, {
      setCondition: () => Promise.resolve(failed),
      recordEvent: () => Promise.resolve(failed),
    });
    const log = { ...script.deps.log, warn: (...words: unknown[]) => void warnings.push(words) };
    assert.equal(
      await announce({ ...script.deps, log }, { tag: "out", pod, reason: "LeftOut", message: "without d" }),
      undefined,
    );
    const warning = [{ pod: "default/d", kind: "forbidden", reason: "no" }, "could not tell the API server"];
    assert.deepEqual(warnings, [warning, warning]);
  });
});

describe("who has moved out", () => {
  test("is told by a condition that names the network it was in", async () => {
    const script = scriptedDeps();
    assert.equal(
      await announceMovedOut(script.deps, podNamed("d", { network: "default/net-b" }), NETWORK),
      undefined,
    );
    const [{ condition } = { condition: undefined }] = script.conditions;
    assert.match(condition?.message ?? "", /\(network default\/net-a; incarnation /u);
    assert.equal(condition?.reason, "MovedOut");
    const words = "d is of another network now, and default/net-a has gone on without it";
    assert.ok(condition.message.startsWith(words));
  });

  test("and was the last one says that it takes along what is stored, in its condition alone", async () => {
    const words = async (given: Pod): Promise<string> => {
      const script = scriptedDeps();
      assert.equal(await announceLast(script.deps, given, NETWORK), undefined);
      assert.deepEqual(script.events, []);
      const [{ condition } = { condition: undefined }] = script.conditions;
      return `${condition?.reason}: ${condition?.message}`;
    };
    assert.match(
      await words(podNamed("d", { network: "default/net-b" })),
      /^MovedOut: d was the last of default\/net-a, and what is stored there goes with it \(network default\/net-a; .*; carries default\/net-a\)$/u,
    );
    const { network: _, ...unlabelled } = pod;
    assert.match(await words(unlabelled), /^LabelRemoved: d was the last of .*; carries default\/net-a\)$/u);
    const script = scriptedDeps();
    const failed = { tag: "failed", kind: "unavailable", message: "away" } as const;
    script.cluster.setCondition = () => Promise.resolve(failed);
    assert.deepEqual(await announceLast(script.deps, pod, NETWORK), failed);
  });

  test("and that it could not be told comes back, for only that leads to its re-form", async () => {
    const script = scriptedDeps();
    const failed = { tag: "failed", kind: "unavailable", message: "away" } as const;
    script.cluster.setCondition = () => Promise.resolve(failed);
    assert.deepEqual(await announceMovedOut(script.deps, pod, NETWORK), failed);
  });
});
