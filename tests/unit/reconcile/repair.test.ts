import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Deps, Settings } from "../../../lib/deps.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { cause } from "../../../lib/reconcile/cause.ts";
import type { Ending } from "../../../lib/reconcile/move.ts";
import type { Joiner, KnownContact, Observation } from "../../../lib/reconcile/observation.ts";
import type { Target } from "../../../lib/reconcile/plan.ts";
import { repair } from "../../../lib/reconcile/repair.ts";
import { verify } from "../../../lib/reconcile/verify.ts";
import type { Contact, NetworkRecord } from "../../../lib/store/contacts.ts";
import { inMemory, type World } from "../../contract/lightpeer-worlds.ts";
import type { PeerHost } from "../../harness/lightpeer/calls.ts";
import {
  contactNamed,
  joinedAs,
  joinerNamed,
  members,
  NETWORK,
  observation,
  type PeerAnswers,
  podNamed,
  podsSeen,
  type ScriptedDeps,
  scriptedDeps,
  stepOf,
} from "../../harness/step-facts.ts";

const STORING = cause("storing", "an application stores in it");
const BROKEN = cause("failed-join", "a join failed");
const joiner = joinerNamed("d");

interface Given {
  readonly seen?: Partial<Observation>;
  readonly target?: Partial<Target>;
  readonly record?: Partial<NetworkRecord>;
  readonly settings?: Partial<Settings>;
  readonly peers?: PeerAnswers;
  readonly why?: typeof STORING;
}

/** A repair that gets no further than the seed: what it would have begun with. */
async function stops({ seen, target, record, settings, peers, why = STORING }: Given): Promise<Ending> {
  const { deps } = scriptedDeps({ seed: undefined, ...peers }, settings);
  const given = { ...(target && { target }), ...(record && { record }) };
  return repair(stepOf(deps, observation(seen), given), why);
}

const reasonOf = ({ outcome }: Ending): string => `${outcome.name} ${outcome.reason}`;

describe("a network that must be re-formed", () => {
  test("is held where re-forming is off, with the cause; what is unfinished stays so", async () => {
    const off = { settings: { reform: "off" }, seen: { members: members("a", "b") } } as const;
    const calm = await stops(off);
    assert.equal(reasonOf(calm), "held NeedsReform");
    assert.equal(calm.outcome.message, "an application stores in it, and KLIGHT_REFORM is off");
    assert.equal(calm.change?.keepIntent, false);
    assert.equal((await stops({ ...off, why: BROKEN })).change?.keepIntent, true);
  });

  test("is held where there is no seed, for the joiner's pod; a failed join stays unfinished", async () => {
    const ending = await stops({ seen: { members: members("a"), joiner }, why: BROKEN });
    assert.equal(reasonOf(ending), "held SeedUnreachable");
    assert.deepEqual(
      [ending.outcome.pod?.name, ending.outcome.network, ending.change?.keepIntent],
      ["d", NETWORK, true],
    );
    assert.equal((await stops({ seen: { members: members("a"), joiner } })).change?.keepIntent, false);
  });

  test("and of whom nobody is left is empty: whoever comes next founds it", async () => {
    const { outcome, change } = await stops({ seen: { lost: [contactNamed("a")] } });
    assert.deepEqual([outcome.name, outcome.message], ["left", "nobody is left in default/net-a"]);
    assert.deepEqual([change?.stack, change?.hung, change?.deaths], [[], [], false]);
  });

  test("tells those who run and were left out when nobody is left", async () => {
    const pod = podNamed("a");
    const { tell } = await stops({ seen: { lost: [contactNamed("a")], pods: [pod] } });
    const message = "default/net-a was re-formed without a: it did not answer, or not where it was";
    assert.deepEqual(tell, [{ tag: "out", pod, reason: "LeftOut", message }]);
  });

  test("lets nobody in whose address is another pod's, too", async () => {
    const script = scriptedDeps();
    script.cluster.pods = [podNamed("x", { address: joinerNamed("d").peer.address })];
    const ending = await repair(stepOf(script.deps, observation({ joiner: joinerNamed("d") })), BROKEN);
    assert.equal(ending.outcome.reason, "AddressShared");
  });

  test("lets nobody in who calls itself otherwise", async () => {
    const peers = { seed: "10.0.0.1:9082", name: { d: { tag: "name", name: "x:1" } } } as const;
    const { outcome, change } = await stops({ seen: { joiner }, peers });
    assert.equal(outcome.reason, "PeerNameDiffers");
    assert.deepEqual(change?.stack, []);
  });
});

/** Peers in virtual time, each with the pod of its name. */
class Village {
  readonly world: World;
  readonly script: ScriptedDeps;
  readonly deps: Deps;

  constructor(world: World) {
    this.world = world;
    this.script = scriptedDeps();
    const { klight, clock } = world;
    let tokens = 0;
    this.deps = { ...this.script.deps, ...klight, clock, newToken: () => `token-${(tokens += 1)}` };
  }

  pod(name: string, { address }: PeerHost, changes: Partial<Pod> = {}): Pod {
    const { admission, ...facts } = podNamed(name, { address });
    const peer = { ...facts, address, network: NETWORK };
    return { ...facts, admission: admission.tag === "peer" ? { tag: "peer", peer } : admission, ...changes };
  }

  contact = (name: string, { address }: PeerHost): Contact => contactNamed(name, { address });

  members(...named: readonly (readonly [string, PeerHost])[]): readonly KnownContact[] {
    return named.map(([name, host]) => ({ contact: this.contact(name, host), pod: this.pod(name, host) }));
  }

  joiner(name: string, host: PeerHost): Joiner {
    const pod = this.pod(name, host);
    const { uid, namespace, incarnation } = pod;
    return {
      pod,
      peer: { uid, namespace, name, network: NETWORK, address: host.address, incarnation },
      probe: "serving",
    };
  }

  step(seen: Partial<Observation>, given: Parameters<typeof stepOf>[2] = {}) {
    const now = this.world.now();
    const { cluster } = this.script;
    cluster.pods = [...cluster.pods, ...podsSeen(seen, given.target)];
    const step = stepOf(this.deps, observation({ looked: { from: now, to: now }, ...seen }), given);
    return { ...step, lease: { ...step.lease, until: now + 600_000 } };
  }
}

const village = (scenario: (village: Village) => Promise<void>): Promise<void> =>
  inMemory((world) => scenario(new Village(world)));

describe("a network that is re-formed", () => {
  test("has its joiner in: list, stack, generation, newest entry and what people are told", () =>
    village(async (v) => {
      const [a, b] = (await v.world.network(2)) as [PeerHost, PeerHost];
      await v.world.persist(a, "one");
      const d = await v.world.start();
      const pods = [v.pod("a", a), v.pod("b", b), v.pod("d", d)];
      v.script.cluster.pods = pods;
      const seen = { pods, members: v.members(["a", a], ["b", b]), joiner: v.joiner("d", d) };
      const { outcome, change, tell } = await repair(v.step(seen, { record: { generation: 2 } }), STORING);
      assert.ok(outcome.name === "reformed");
      assert.equal(outcome.generation, 3);
      assert.match(
        outcome.message,
        /^default\/net-a was re-formed because an application stores in it: 3 peers, 1 entries, writes were refused for \d+ ms$/u,
      );
      assert.deepEqual([outcome.pod?.name, outcome.network], ["d", NETWORK]);
      assert.deepEqual(
        change?.stack?.map(({ name }) => name),
        ["d", "b", "a"],
      );
      assert.deepEqual(
        [change?.generation, change?.hung, change?.waitedFor, change?.deaths],
        [3, [], [], false],
      );
      assert.ok(change?.newest !== undefined && change.newest !== "empty");
      assert.deepEqual(
        tell?.map((news) => [news.tag, news.pod?.name]),
        [
          ["re-formed", "d"],
          ["in", "d"],
        ],
      );
      assert.equal((await v.world.whole([a, b, d])).tag, "whole");
    }));

  test("goes on without the one that leaves, which keeps what it holds", () =>
    village(async (v) => {
      const [a, b, c] = (await v.world.network(3)) as [PeerHost, PeerHost, PeerHost];
      await v.world.persist(a, "one");
      const seen = { members: v.members(["a", a], ["b", b], ["c", c]) };
      const leaver = v.contact("c", c);
      const { outcome, change } = await repair(v.step(seen, { target: { leaver } }), STORING);
      assert.equal(outcome.name, "reformed");
      assert.deepEqual(
        change?.stack?.map(({ name }) => name),
        ["b", "a"],
      );
      assert.equal((await v.world.whole([a, b])).tag, "whole");
      assert.deepEqual((await v.world.entries(c)).includes("one"), true);
    }));

  test("takes in the one that a step which died was for, and whose address is new", () =>
    village(async (v) => {
      const [a] = (await v.world.network(1)) as [PeerHost];
      const [e, f] = [await v.world.start(), await v.world.start()];
      const pods = [v.pod("a", a), v.pod("e", e), v.pod("f", f)];
      v.script.cluster.pods = pods;
      const intent = { kind: "join", pod: "default/e", at: "2026-11-24T08:00:00.000Z" } as const;
      const seen = { pods, members: v.members(["a", a]), readdressed: [contactNamed("f")] };
      const { change, tell } = await repair(v.step(seen, { record: { intent } }), BROKEN);
      assert.deepEqual(
        change?.stack?.map(({ name }) => name),
        ["f", "e", "a"],
      );
      assert.deepEqual(
        tell?.filter(({ tag }) => tag === "in").map(({ pod }) => pod?.name),
        ["e", "f"],
      );
      assert.equal((await v.world.whole([a, e, f])).tag, "whole");
    }));

  test("takes in everybody who waits, when the last member goes to another network", () =>
    village(async (v) => {
      const [a] = (await v.world.network(1)) as [PeerHost];
      const e = await v.world.start();
      const pods = [v.pod("e", e)];
      const leaver = v.contact("a", a);
      const { change } = await repair(
        v.step({ pods, members: v.members(["a", a]) }, { target: { leaver } }),
        cause("moved-away", "a goes to another network"),
      );
      assert.deepEqual(
        change?.stack?.map(({ name }) => name),
        ["e"],
      );
    }));

  test("does not take in who does not serve, or calls itself otherwise", () =>
    village(async (v) => {
      const [a] = (await v.world.network(1)) as [PeerHost];
      const e = await v.world.start();
      await e.kill();
      const pods = [v.pod("a", a), v.pod("e", e)];
      const intent = { kind: "join", pod: "default/e", at: "2026-11-24T08:00:00.000Z" } as const;
      const { change } = await repair(
        v.step({ pods, members: v.members(["a", a]) }, { record: { intent } }),
        BROKEN,
      );
      assert.deepEqual(
        change?.stack?.map(({ name }) => name),
        ["a"],
      );
    }));

  test("remembers those who hung when it went on without them, and tells their pods", () =>
    village(async (v) => {
      const [a, b, c] = (await v.world.network(3)) as [PeerHost, PeerHost, PeerHost];
      c.hang();
      const pods = [v.pod("a", a), v.pod("b", b), v.pod("c", c)];
      const seen = {
        pods,
        members: v.members(["a", a], ["b", b]),
        givenUp: [v.contact("c", c)],
        silent: [c.address],
      };
      const { change, tell } = await repair(
        v.step(seen),
        cause("given-up", "c has not answered for too long"),
      );
      assert.deepEqual(change?.waitedFor, [c.address]);
      assert.equal(change?.deaths, false);
      assert.deepEqual(
        tell?.map((news) => [news.tag, news.pod?.name]),
        [
          ["re-formed", "b"],
          ["out", "c"],
        ],
      );
    }));

  test("may have been disturbed by one that does not hang any more", () =>
    village(async (v) => {
      const [a, b] = (await v.world.network(2)) as [PeerHost, PeerHost];
      const seen = { members: v.members(["a", a], ["b", b]), silent: ["10.7.7.7:9081"] };
      const { change } = await repair(v.step(seen), STORING);
      assert.deepEqual([change?.waitedFor, change?.deaths], [[], true]);
    }));

  test("names in first who of it has gone to another network and does not say so yet", () =>
    village(async (v) => {
      const [a, b] = (await v.world.network(2)) as [PeerHost, PeerHost];
      const c = await v.world.start();
      const away = v.pod("c", c, { network: "default/net-b" });
      v.script.cluster.pods = [v.pod("a", a), v.pod("b", b), away];
      const seen = { members: v.members(["a", a], ["b", b]), moved: [v.contact("c", c)] };
      const { first } = await repair(v.step(seen), cause("moved-away", "c has gone to another network"));
      assert.deepEqual([first?.movedOut, first?.ifUntold.keepIntent], [[away], true]);
      v.script.cluster.pods = [v.pod("c", c, { network: "default/net-b", joined: joinedAs("c") })];
      const told = await repair(v.step(seen), STORING);
      assert.deepEqual(told.first?.movedOut, []);
    }));

  test("is held, with all unfinished, where nobody can tell whether somebody has moved out", () =>
    village(async (v) => {
      const [a, b] = (await v.world.network(2)) as [PeerHost, PeerHost];
      v.script.cluster.failure = { kind: "unavailable", message: "away" };
      const seen = { members: v.members(["a", a], ["b", b]), moved: [contactNamed("c")] };
      const { outcome, change } = await repair(v.step(seen), STORING);
      assert.deepEqual([outcome.reason, change?.keepIntent], ["ClusterUnavailable", true]);
    }));
});

describe("a quiet network is visited", () => {
  const visited = async (v: Village, seen: Partial<Observation>): Promise<Ending> => verify(v.step(seen));

  test("and found whole: what died is over, and nothing has changed", () =>
    village(async (v) => {
      const [a, b, c] = (await v.world.network(3)) as [PeerHost, PeerHost, PeerHost];
      await v.world.persist(b, "one");
      const { outcome, change } = await visited(v, { members: v.members(["a", a], ["b", b], ["c", c]) });
      assert.deepEqual([outcome.name, outcome.message], ["member", "default/net-a is whole after a death"]);
      assert.equal(change?.deaths, false);
      assert.equal((await v.world.whole([a, b, c])).tag, "whole");
    }));

  test("and found broken, where a member has lost its chain: re-formed", () =>
    village(async (v) => {
      const [a, b, c] = (await v.world.network(3)) as [PeerHost, PeerHost, PeerHost];
      await b.kill();
      await b.restart();
      const { outcome } = await visited(v, { members: v.members(["a", a], ["b", b], ["c", c]) });
      assert.equal(outcome.name, "reformed", outcome.message);
      assert.equal((await v.world.whole([a, b, c])).tag, "whole");
    }));

  test("and found to list somebody else: re-formed", () =>
    village(async (v) => {
      const [a, b, c] = (await v.world.network(3)) as [PeerHost, PeerHost, PeerHost];
      const { outcome } = await visited(v, { members: v.members(["a", a], ["b", b]) });
      assert.match(outcome.message, /lists .*/u);
      assert.equal(outcome.name, "reformed");
      assert.ok(c.address);
    }));

  test("but not while an application stores in it, nor where a member does not tell its newest entry", () =>
    village(async (v) => {
      const [a, b] = (await v.world.network(2)) as [PeerHost, PeerHost];
      const { lightpeer } = v.deps;
      let entry = 0;
      const storing = {
        ...lightpeer,
        newest: async () => ({ tag: "newest", digest: `${Math.floor((entry += 1) / 2.01)}` }) as const,
      };
      const busy = await verify({
        ...v.step({ members: v.members(["a", a], ["b", b]) }),
        deps: { ...v.deps, lightpeer: storing },
      });
      assert.match(busy.outcome.message, /was not visited: an application stores in it$/u);
      assert.equal("deaths" in (busy.change ?? {}), false);
      const mute = { ...lightpeer, newest: async () => ({ tag: "failed", message: "" }) as const };
      const silent = await verify({
        ...v.step({ members: v.members(["a", a]) }),
        deps: { ...v.deps, lightpeer: mute },
      });
      assert.match(silent.outcome.message, /was not visited/u);
    }));

  test("not at all where its newest entries stay apart: that is a fork", () =>
    village(async (v) => {
      const [a] = (await v.world.network(1)) as [PeerHost];
      const [b] = (await v.world.network(1)) as [PeerHost];
      await v.world.persist(a, "one");
      await v.world.persist(b, "two");
      const { outcome } = await visited(v, { members: v.members(["a", a], ["b", b]) });
      assert.equal(outcome.name, "reformed");
      assert.match(outcome.message, /its newest entries differed twice/u);
      assert.equal((await v.world.whole([a, b])).tag, "whole");
    }));

  test("not where there is no seed to visit from", async () => {
    const { deps } = scriptedDeps({ seed: undefined });
    const ending = await verify(stepOf(deps, observation({ members: members("a", "b") })));
    assert.match(ending.outcome.message, /was not visited: the port is taken$/u);
  });
});
