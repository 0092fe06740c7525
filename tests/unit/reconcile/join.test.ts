import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps, Settings } from "../../../lib/deps.ts";
import type { Outcome } from "../../../lib/outcome.ts";
import type { NameTold } from "../../../lib/peers/lightpeer.ts";
import { checkName, type NameCheck } from "../../../lib/reconcile/peer-name.ts";
import { bringJoinerIn, found } from "../../../lib/reconcile/join.ts";
import type { Ending } from "../../../lib/reconcile/move.ts";
import type { Observation } from "../../../lib/reconcile/observation.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import type { Contacts } from "../../../lib/store/contacts.ts";
import {
  contactNamed,
  joinedAs,
  joinerNamed,
  members,
  observation,
  type PeerAnswers,
  podNamed,
  podsSeen,
  QUIET,
  type ScriptedDeps,
  scriptedDeps,
  stepOf,
} from "../../harness/step-facts.ts";
import { START } from "../../harness/networks.ts";

const joiner = joinerNamed("d");
const three = members("a", "b", "c");

interface Given {
  readonly peers?: PeerAnswers;
  readonly seen?: Partial<Observation>;
  readonly settings?: Partial<Settings>;
  readonly store?: Partial<Contacts>;
  readonly others?: ScriptedDeps["cluster"]["pods"];
}

type Ended = Ending & { readonly calls: readonly string[] };

async function joins({ peers, seen, settings, store, others = [] }: Given = {}): Promise<Ended> {
  const script = scriptedDeps(peers, settings, store);
  script.cluster.pods = [...others, ...podsSeen({ joiner, members: three, ...seen })];
  const step = stepOf(script.deps, observation({ joiner, members: three, ...seen }));
  const ending = await bringJoinerIn(step, step.seen.joiner ?? joiner);
  return { ...ending, calls: script.calls };
}

async function founds({ peers, seen, settings, others = [] }: Given = {}): Promise<Ended> {
  const script = scriptedDeps(peers, settings);
  script.cluster.pods = others;
  const step = stepOf(script.deps, observation({ joiner, ...seen }), { record: { generation: 4 } });
  return { ...(await found(step, step.seen.joiner ?? joiner)), calls: script.calls };
}

const reasonOf = ({ outcome }: Ending): string => `${outcome.name} ${outcome.reason}`;
const UNREACHABLE = { tag: "unreachable", message: "connection refused" } as const;
const other = { tag: "newest", digest: "other" } as const;
/** A seed that cannot be opened: a re-form ends there, and the reason shows that there was to be one. */
const NO_SEED = { seed: undefined } as const;

describe("a joiner is joined", () => {
  test("through the newest member, with the intent written first", async () => {
    const ending = await joins();
    assert.deepEqual(ending.calls, ["mark join through c", "join d through c"]);
    assert.equal(reasonOf(ending), "joined Joined");
    assert.ok(ending.outcome.name === "joined");
    assert.equal(ending.outcome.via, "c");
    assert.match(ending.outcome.message, /^d at \S+ has joined default\/net-a through c$/u);
  });

  test("and comes on top of the stack, through whom it came; the newest entry is remembered", async () => {
    const { change, tell } = await joins();
    assert.deepEqual([change?.push?.name, change?.push?.via, change?.newest], ["d", "c", "empty"]);
    assert.deepEqual(
      tell?.map(({ tag }) => tag),
      ["in"],
    );
  });

  test("a death before it stays noted: nobody has seen who is listed", async () => {
    assert.equal("deaths" in ((await joins()).change ?? {}), false);
    assert.equal((await joins({ seen: { dead: [three[0]?.contact as never] } })).change?.deaths, true);
  });

  test("through the next contact where it cannot reach the first, each with its intent", async () => {
    const { calls, outcome } = await joins({ peers: { join: { c: UNREACHABLE } } });
    assert.deepEqual(calls, [
      "mark join through c",
      "join d through c",
      "mark join through b",
      "join d through b",
    ]);
    assert.ok(outcome.name === "joined" && outcome.via === "b");
  });

  test("and where it reaches none, the step holds, and says of the last one why", async () => {
    const ending = await joins({ peers: { join: { a: UNREACHABLE, b: UNREACHABLE, c: UNREACHABLE } } });
    assert.equal(reasonOf(ending), "held ContactsUnreachable");
    assert.equal(ending.calls.filter((call) => call.startsWith("join")).length, 3);
    assert.match(
      ending.outcome.message,
      /^d reaches no member of default\/net-a; a at \S+: connection refused$/u,
    );
  });

  test("where the first took long, all must still answer before the next one is tried", async () => {
    const slow = { joinMs: 1_500, join: { c: UNREACHABLE } } as const;
    assert.equal(reasonOf(await joins({ peers: slow })), "joined Joined");
    const silent = await joins({ peers: { ...slow, probe: { a: "silent" } } });
    assert.equal(reasonOf(silent), "held LookTooOld");
    assert.equal(silent.calls.filter((call) => call.startsWith("join")).length, 1);
  });

  test("never twice: a join whose end is unclear is a re-form, and its intent stays", async () => {
    const ending = await joins({
      peers: { join: { c: { tag: "unclear", message: "cut off" } }, ...NO_SEED },
    });
    assert.deepEqual(ending.calls, ["mark join through c", "join d through c"]);
    assert.equal(reasonOf(ending), "held SeedUnreachable");
    assert.equal(ending.change?.keepIntent, true);
  });

  test("not where the lease has gone to another step: nothing is called, and nothing written", async () => {
    const ending = await joins({ store: { mark: () => Promise.resolve({ tag: "lost" }) } });
    assert.deepEqual(ending.calls, []);
    assert.equal(reasonOf(ending), "held LeaseLost");
    assert.equal(ending.outcome.pod?.name, "d");
    assert.equal(ending.change, undefined);
  });

  test("not where the store cannot be asked whether it has not", async () => {
    const ending = await joins({
      store: { mark: () => Promise.resolve({ tag: "failed", message: "away" }) },
    });
    assert.deepEqual([ending.calls, reasonOf(ending)], [[], "held StoreUnavailable"]);
  });

  test("not by a look that is too old", async () => {
    const seen = { looked: { from: 0, to: 0 } };
    const ending = await joins({ seen });
    assert.equal(reasonOf(ending), "held LookTooOld");
    assert.deepEqual(ending.calls, ["mark join through c"]);
  });

  test("not where there is no contact but itself", async () => {
    const ending = await joins({ seen: { members: members("d") } });
    assert.equal(reasonOf(ending), "held ContactsUnreachable");
    assert.match(ending.outcome.message, /there is no other contact$/u);
  });

  test("but an entry that came in meanwhile may be missing on one side: re-formed", async () => {
    for (const newest of [
      { c: [QUIET, other] },
      { d: [other] },
      { d: [{ tag: "failed", message: "" } as const] },
    ]) {
      const ending = await joins({ peers: { newest, ...NO_SEED } });
      assert.equal(reasonOf(ending), "held SeedUnreachable");
      assert.equal(ending.change?.keepIntent, true, "the next step must find that out");
    }
  });

  test("where re-forming is off that cannot be mended, and it is in all the same", async () => {
    assert.equal(
      reasonOf(await joins({ peers: { newest: { d: other } }, settings: { reform: "off" } })),
      "joined Joined",
    );
  });
});

describe("a joiner is asked before it is joined", () => {
  test("whether it is fresh: one with a chain is re-formed in, and not joined", async () => {
    const ending = await joins({ peers: { fresh: { d: "chained" }, ...NO_SEED } });
    assert.deepEqual([ending.calls, reasonOf(ending)], [[], "held SeedUnreachable"]);
  });

  test("a network of one is not asked whether it is fresh: it may be", async () => {
    const ending = await joins({ seen: { members: members("c") }, peers: { fresh: { c: "fresh" } } });
    assert.equal(reasonOf(ending), "joined Joined");
  });

  test("what it calls itself: by another name its others would not find it", async () => {
    const ending = await joins({ peers: { name: { d: { tag: "name", name: "10.9.9.9:9081" } } } });
    assert.deepEqual([ending.calls, reasonOf(ending)], [[], "held PeerNameDiffers"]);
    assert.match(ending.outcome.message, /default\/d calls itself 10\.9\.9\.9:9081, and its pod is at /u);
  });

  test("a peer that does not get through to the seed is joined plainly, with a Warning once", async () => {
    const unreachable = { d: { tag: "unreachable", message: "no route" } } as const;
    const { outcome, tell } = await joins({ peers: { name: unreachable } });
    assert.equal(outcome.name, "joined");
    assert.deepEqual(
      tell?.map(({ tag }) => tag),
      ["in", "unreached"],
    );
    const off = await joins({ peers: { name: unreachable }, settings: { reform: "off" } });
    assert.deepEqual(
      off.tell?.map(({ tag }) => tag),
      ["in"],
      "nobody needs the seed",
    );
  });

  test("where there is no seed to ask at, or a peer of another make tells no name, it is joined without a word", async () => {
    for (const peers of [NO_SEED, { name: { d: { tag: "failed", message: "odd" } as const } }]) {
      const { outcome, tell } = await joins({ peers });
      assert.deepEqual([outcome.name, tell?.map(({ tag }) => tag)], ["joined", ["in"]]);
    }
  });

  test("one that should be new and has a chain may be another pod's process: both are named, neither is touched", async () => {
    const twin = podNamed("x", { address: joiner.peer.address });
    const ending = await joins({ peers: { fresh: { d: "chained" } }, others: [joiner.pod, twin] });
    assert.deepEqual([ending.calls, reasonOf(ending)], [[], "held AddressShared"]);
    assert.match(ending.outcome.message, /^default\/d at \S+ and default\/x have one address$/u);
  });

  const twinOf = (changes: Partial<Pod>): Pod => podNamed("x", { address: joiner.peer.address, ...changes });
  const ended = { tag: "ignored", reason: "Finished", message: "x has finished: Failed, Evicted" } as const;
  const unlabelled = { ...twinOf({}), joined: joinedAs("x", { status: "False", reason: "LabelRemoved" }) };
  delete unlabelled.network;
  const { joined: _, ...stranger } = unlabelled;
  const others: readonly (readonly [string, Pod, "shared" | "alone"])[] = [
    ["that runs", twinOf({}), "shared"],
    ["whose container has terminated and may run again", twinOf({ finished: true }), "shared"],
    ["that has finished", twinOf({ finished: true, admission: ended }), "alone"],
    ["that has terminated and is being deleted", twinOf({ finished: true, deleting: true }), "alone"],
    ["that has lost its label, and whose peer runs on", unlabelled, "shared"],
    ["that klight has nothing to do with", stranger, "alone"],
    ["at another port", twinOf({ address: joiner.peer.address.replace(/\d+$/u, "1") }), "alone"],
  ];
  for (const [whose, neighbour, expected] of others) {
    test(`the address of a pod ${whose} is ${expected === "shared" ? "shared" : "not shared"}`, async () => {
      const ending = await joins({ others: [neighbour] });
      assert.equal(reasonOf(ending), expected === "shared" ? "held AddressShared" : "joined Joined");
    });
  }

  test("a contact whose address is another pod's by now is not joined through", async () => {
    const looked = { from: START - 200, to: START };
    const c = podNamed("c", { address: "10.9.9.9:9081" });
    const ending = await joins({ seen: { looked }, others: [c] });
    assert.deepEqual([ending.calls, reasonOf(ending)], [["mark join through c"], "held LookTooOld"]);
    assert.equal(reasonOf(await joins({ seen: { looked } })), "joined Joined");
  });

  test("a chain is no wonder at a peer that was in a network before", async () => {
    const twin = podNamed("x", { address: joiner.peer.address });
    const before = joinerNamed("d", "serving", { joined: joinedAs("d", { network: "default/net-b" }) });
    const ending = await joins({
      seen: { joiner: before },
      peers: { fresh: { d: "chained" }, ...NO_SEED },
      others: [twin],
    });
    assert.equal(reasonOf(ending), "held SeedUnreachable");
  });
});

describe("a joiner without a contact", () => {
  test("founds its network, is its first contact, and a death before is over", async () => {
    const ending = await founds();
    assert.equal(reasonOf(ending), "founded Founded");
    assert.deepEqual(
      [ending.change?.push?.name, ending.change?.push?.via, ending.change?.deaths],
      ["d", null, false],
    );
    assert.equal(ending.outcome.name === "founded" && ending.outcome.generation, 4);
    assert.deepEqual(
      ending.tell?.map(({ tag }) => tag),
      ["in"],
    );
    assert.deepEqual(ending.calls, [], "nobody is told to join anybody");
  });

  const stops: readonly (readonly [string, Given, string])[] = [
    ["is held where it does not answer", { peers: { fresh: { d: "silent" } } }, "held PeerNotAnswering"],
    ["is held by a look that is too old", { seen: { looked: { from: 0, to: 0 } } }, "held LookTooOld"],
    [
      "is held where it calls itself otherwise",
      { peers: { name: { d: { tag: "name", name: "x:1" } } } },
      "held PeerNameDiffers",
    ],
    [
      "is held where its chain may be another pod's",
      { peers: { fresh: { d: "chained" } }, others: [podNamed("x", { address: joiner.peer.address })] },
      "held AddressShared",
    ],
    [
      "is re-formed alone where it has a chain",
      { peers: { fresh: { d: "chained" }, ...NO_SEED } },
      "held SeedUnreachable",
    ],
    [
      "founds with its chain where re-forming is off",
      { peers: { fresh: { d: "chained" } }, settings: { reform: "off" } },
      "founded Founded",
    ],
    [
      "founds where it is of another make and cannot be asked",
      { peers: { fresh: { d: "unimplemented" } } },
      "founded Founded",
    ],
  ];
  for (const [rule, given, expected] of stops) {
    test(rule, async () => {
      const ending = await founds(given);
      assert.equal(reasonOf(ending), expected);
      assert.equal(ending.outcome.pod?.name, "d");
    });
  }
});

test("a founder takes those off the stack who are gone, wherever somebody hangs", async () => {
  const [lost, dead] = [contactNamed("a"), contactNamed("b")];
  const { change } = await founds({ seen: { lost: [lost], dead: [dead] } });
  assert.deepEqual([change?.drop, change?.hung], [[dead, lost], []]);
});

describe("what people read of how a joiner came in", () => {
  const FAILED = { tag: "failed", message: "no" } as const;
  const { address } = joiner.peer;
  const asked = async (given: Given, causes: unknown[] = []): Promise<Outcome> => {
    const script = scriptedDeps(given.peers, given.settings, given.store);
    script.cluster.pods = given.others ?? [];
    const onReform: NonNullable<Deps["onReform"]> = ({ cause }) => void causes.push(cause);
    const step = stepOf({ ...script.deps, onReform }, observation({ joiner, members: three, ...given.seen }));
    return (await bringJoinerIn(step, joiner)).outcome;
  };

  test("that it founded its network", async () => {
    const { outcome } = await founds();
    assert.equal(outcome.message, `d at ${address} is the first of default/net-a`);
    assert.deepEqual([outcome.network, outcome.pod?.name], ["default/net-a", "d"]);
  });

  test("that it does not answer, where it has no contact", async () => {
    const { outcome } = await founds({ peers: { fresh: { d: "silent" } } });
    assert.equal(outcome.message, "d does not answer a question");
  });

  test("that it or its contact does not answer", async () => {
    const ofJoiner = await asked({ peers: { fresh: { d: "silent" } } });
    assert.deepEqual([ofJoiner.name, ofJoiner.message], ["held", "d does not answer a question"]);
    const ofContact = await asked({ peers: { newest: { c: FAILED } } });
    assert.deepEqual([ofContact.name, ofContact.message], ["held", "c does not answer a question"]);
  });

  test("that it reaches no member, and the pod and network that this is about", async () => {
    const outcome = await asked({ seen: { members: members("d") } });
    assert.deepEqual(
      [outcome.message, outcome.network, outcome.pod?.name],
      ["d reaches no member of default/net-a; there is no other contact", "default/net-a", "d"],
    );
  });

  test("why its network was re-formed", async () => {
    const causes: unknown[] = [];
    await asked({ peers: { fresh: { d: "chained" } } }, causes);
    await asked({ peers: { join: { c: { tag: "unclear", message: "no word" } } } }, causes);
    const newest = [QUIET, other];
    await asked({ peers: { newest: { c: newest } } }, causes);
    await asked({ peers: { newest: { d: FAILED } } }, causes);
    assert.deepEqual(causes, [
      { kind: "has-chain", text: "d has a chain already" },
      {
        kind: "failed-join",
        text: `a join failed, through c at ${three[2]?.contact.address}: no word`,
      },
      { kind: "entry-came", text: "an entry came in while d was joined" },
      { kind: "entry-came", text: "an entry came in while d was joined" },
    ]);
  });

  test("nothing while nobody can tell whether another pod has its address", async () => {
    const script = scriptedDeps();
    script.cluster.failure = { kind: "unavailable", message: "away" };
    const step = stepOf(script.deps, observation({ joiner, members: three }));
    const { outcome } = await bringJoinerIn(step, joiner);
    assert.deepEqual(
      [outcome.name, outcome.reason, outcome.network, outcome.pod?.name],
      ["held", "ClusterUnavailable", "default/net-a", "d"],
    );
  });
});

describe("what a peer calls itself", () => {
  const asks = async (
    told: NameTold,
    peers: PeerAnswers = {},
  ): Promise<{ readonly check: NameCheck; readonly opened: readonly string[] }> => {
    const script = scriptedDeps({ name: { d: told }, ...peers });
    const opened: string[] = [];
    const seeds: Deps["seeds"] = {
      open: (use) => {
        opened.push(use);
        return script.deps.seeds.open(use);
      },
    };
    return { check: await checkName({ ...script.deps, seeds }, joiner), opened };
  };
  const { address } = joiner.peer;

  test("is asked at a seed for questions", async () => {
    const { check, opened } = await asks({ tag: "name", name: address });
    assert.deepEqual([check, opened], [{ tag: "same" }, ["question"]]);
  });

  test("is another name: it stays out, and both are named", async () => {
    const { check } = await asks({ tag: "name", name: "x:1" });
    assert.ok(check.tag === "differs");
    assert.equal(
      check.outcome.message,
      `the peer of default/d calls itself x:1, and its pod is at ${address}`,
    );
    assert.deepEqual(
      [check.outcome.reason, check.outcome.pod?.name, check.outcome.network, check.outcome.retryAfterS],
      ["PeerNameDiffers", "d", "default/net-a", 30],
    );
  });

  for (const tag of ["unreachable", "silent"] as const)
    test(`does not get to the seed: ${tag}`, async () => {
      const { check } = await asks({ tag, message: "no route" });
      const message = `${address} does not get through to klight's seed: no route`;
      assert.deepEqual(check, { tag: "unreached", message });
    });

  test("is not told by a peer of another make, nor where there is no seed", async () => {
    assert.deepEqual((await asks({ tag: "failed", message: "" })).check, { tag: "unasked" });
    assert.deepEqual((await asks({ tag: "failed", message: "" }, NO_SEED)).check, { tag: "unasked" });
  });
});
