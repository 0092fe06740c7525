import assert from "node:assert/strict";
import type { Contact, Contacts, Marked } from "../../lib/store/contacts.ts";
import { createMemoryContacts } from "../../lib/store/memory.ts";
import type { Deps, Settings } from "../../lib/deps.ts";
import type { Lease } from "../../lib/lease.ts";
import type { Log } from "../../lib/log.ts";
import { reform, type ReformEnd } from "../../lib/reconcile/reform/reform.ts";
import type { Participants } from "../../lib/reconcile/reform/reforming.ts";
import { createMemoryBudget } from "../../lib/memory-budget.ts";
import { createTurns } from "../../lib/keyed-queue.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { writeList } from "../harness/lightpeer/network-list.ts";
import { ok } from "../harness/lightpeer/status.ts";
import { podOf, podsCluster } from "../harness/networks.ts";
import type { Scenario, World } from "./lightpeer-worlds.ts";

const NETWORK = "default/net-a";
/** Nobody listens there. */
const NOWHERE = "127.0.0.1:1";
/** An application stores 20 times a second. */
const EVERY_MS = 50;

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

const usual: Settings = {
  joinMode: "auto",
  reform: "on",
  historyLimit: 1_000_000,
  probeTimeoutMs: 2_000,
  joinTimeoutMs: 30_000,
  waitMs: 10_000,
};

const addressOf = ({ address }: PeerHost): string => address;

const contactOf = ({ address }: PeerHost): Contact => ({
  uid: `uid-${address}`,
  namespace: "default",
  name: address,
  address,
  incarnation: `containerd://${address}`,
  via: null,
  joinedAt: "2026-01-01T00:00:00Z",
});

/** The API server still shows each where it was. */
const podsOf = (hosts: readonly PeerHost[]): readonly Pod[] =>
  hosts.map(contactOf).map(({ name, ...contact }) => podOf(NETWORK, name, contact));

const depsIn = ({ klight, clock }: World, settings: Partial<Settings>, pods: readonly Pod[]): Deps => {
  let tokens = 0;
  return {
    ...klight,
    contacts: createMemoryContacts(clock),
    cluster: podsCluster(pods),
    clock,
    turns: createTurns(),
    histories: createMemoryBudget(settings.historyLimit ?? usual.historyLimit, clock),
    newToken: () => `token-${(tokens += 1)}`,
    log: quiet,
    settings: { ...usual, ...settings },
  };
};

interface Asked {
  readonly members: readonly PeerHost[];
  readonly joiners?: readonly PeerHost[];
  readonly leavers?: readonly PeerHost[];
  readonly carry?: boolean;
  readonly settings?: Partial<Settings>;
  /** Changes what the re-form gets to see. */
  readonly tamper?: (deps: Deps) => Deps;
}

/** A re-form by klight's own code, as a step does it that has just taken the lease and looked. */
export const reformed = async (
  world: World,
  { members, joiners = [], leavers = [], carry = true, settings = {}, tamper = (deps) => deps }: Asked,
): Promise<ReformEnd> => {
  const deps = tamper(depsIn(world, settings, podsOf([...members, ...joiners, ...leavers])));
  const begun = await deps.contacts.begin(NETWORK, "step", 15_000);
  assert.equal(begun.tag, "leased");
  const now = world.now();
  const lease: Lease = { network: NETWORK, token: "step", until: now + 15_000 };
  const participants: Participants = {
    members: members.map(contactOf),
    joiners: joiners.map(contactOf),
    leavers: leavers.map(contactOf),
    looked: { from: now, to: now },
    carry,
  };
  return reform(deps, lease, participants);
};

type Whole = Extract<ReformEnd, { readonly tag: "whole" }>;

const reformedWhole = async (world: World, asked: Asked): Promise<Whole> => {
  const end = await reformed(world, asked);
  assert.ok(end.tag === "whole", end.tag === "held" ? end.outcome.message : "");
  assert.deepEqual(
    end.list.map(({ address }) => address),
    [...asked.members, ...(asked.joiners ?? [])].map(addressOf),
  );
  return end;
};

interface Application {
  /** All that were acknowledged by now. */
  readonly acknowledged: readonly string[];
  /** All that were refused by now. */
  readonly refused: readonly string[];
  stop(): Promise<void>;
}

/** Stores at a peer, one entry after the other, until it is stopped, or refused. */
const application = (
  world: World,
  host: PeerHost,
  until: "it is stopped" | "it is refused" = "it is stopped",
): Application => {
  const state = { goesOn: true };
  const [acknowledged, refused]: [string[], string[]] = [[], []];
  const stores = async (): Promise<void> => {
    await world.sleep(world.random() * EVERY_MS);
    for (let count = 1; state.goesOn; count += 1) {
      const next = world.now() + EVERY_MS;
      const entry = `${host.address} ${count}`;
      const reply = await world.persist(host, entry);
      (reply.tag === "ok" ? acknowledged : refused).push(entry);
      if (reply.tag === "failed" && until === "it is refused") return;
      await world.sleep(Math.max(0, next - world.now()));
    }
  };
  const done = stores();
  return {
    acknowledged,
    refused,
    stop: () => {
      state.goesOn = false;
      return done;
    },
  };
};

/** Until an application has stored some more. */
const storing = async (world: World, app: Application): Promise<void> => {
  const [before, limit] = [app.acknowledged.length, world.now() + 10_000];
  while (app.acknowledged.length < before + 5) {
    assert.ok(world.now() < limit, "the application cannot store");
    await world.sleep(EVERY_MS);
  }
};

/** One network with every acknowledged entry at every peer, once, and no other; lists in order, without the seed. */
export const assertWhole = async (
  world: World,
  hosts: readonly PeerHost[],
  acknowledged: readonly string[],
): Promise<void> => {
  const expected = new Set(acknowledged);
  for (const host of hosts) {
    const held = await world.entries(host);
    assert.deepEqual(
      acknowledged.filter((entry) => !held.includes(entry)),
      [],
      `lost at ${host.address}`,
    );
    assert.equal(new Set(held).size, held.length, `${host.address} has an entry twice`);
    const others = held.filter((entry) => !expected.has(entry) && !entry.startsWith("whole-"));
    assert.deepEqual(others, [], `refused, and yet at ${host.address}`);
    assert.deepEqual(host.state.network, hosts.map(addressOf));
  }
  const seen = await world.whole(hosts);
  assert.equal(seen.tag, "whole", seen.tag === "broken" ? seen.reason : "");
};

/** Stops applications, which have been refused for a moment, and proves that nothing is lost. */
const assertNothingLost = async (
  world: World,
  hosts: readonly PeerHost[],
  apps: readonly Application[],
): Promise<void> => {
  await Promise.all(apps.map((app) => app.stop()));
  await settled(world);
  for (const { refused } of apps) assert.ok(refused.length > 0, "it was never refused: nothing was held");
  await assertWhole(
    world,
    hosts,
    apps.flatMap(({ acknowledged }) => acknowledged),
  );
};

/** Longer than the seed lingers, and a round of health checks: nobody may still wait for it. */
export const settled = (world: World): Promise<void> => world.sleep(1_500);

export const take = (hosts: readonly PeerHost[], index: number): PeerHost => {
  const host = hosts[index];
  assert.ok(host);
  return host;
};

/** Halves a network: each half lists itself alone and goes on by itself. */
const forkInHalves = async (
  world: World,
  members: readonly PeerHost[],
): Promise<readonly [readonly PeerHost[], readonly PeerHost[]]> => {
  const halves = [members.slice(0, 2), members.slice(2)] as const;
  for (const [index, half] of halves.entries()) {
    const { head } = take(half, 0).state;
    for (const host of half) {
      const payload = writeList(half.map(addressOf));
      const block = { id: `half-${index}`, prevId: head.id, kind: "network", payload } as const;
      assert.deepEqual(await world.notify(host, block), ok);
    }
  }
  return halves;
};

const withApplicationAt =
  (index: number): Scenario =>
  async (world) => {
    const members = await world.network(3);
    const joiner = await world.start();
    const app = application(world, take(members, index));
    await storing(world, app);
    const end = await reformedWhole(world, { members, joiners: [joiner] });
    assert.ok(end.entries >= 5);
    await storing(world, app);
    await settled(world);
    await assertNothingLost(world, [...members, joiner], [app]);
  };

/** A re-form while applications store: a title, and what is so. */
export const storingCases: Readonly<Record<string, Scenario>> = {
  "leaves no timer behind, which would keep what it has read": async (world) => {
    const members = await world.network(3);
    const [first] = members;
    assert.ok(first);
    await world.persist(first, "kept");
    const running = new Set<{ readonly ms: number }>();
    const tamper = ({ clock, ...deps }: Deps): Deps => {
      const sleep = async (ms: number, stop?: AbortSignal): Promise<void> => {
        const timer = { ms };
        running.add(timer);
        stop?.addEventListener("abort", () => running.delete(timer));
        await clock.sleep(ms, stop);
        running.delete(timer);
      };
      return { ...deps, clock: { now: () => clock.now(), sleep } };
    };
    await reformedWhole(world, { members, tamper });
    assert.deepEqual([...running], []);
  },

  "loses nothing that is acknowledged at the first of the list": withApplicationAt(0),
  "loses nothing that is acknowledged at a member in the middle": withApplicationAt(1),
  "loses nothing that is acknowledged at the last of the list": withApplicationAt(2),

  "loses nothing of a network in two halves with an application in each": async (world) => {
    const members = await world.network(4);
    const halves = await forkInHalves(world, members);
    // Two that store in one network may fork it by themselves, so only one goes on when the halves are one again.
    const apps = halves.map((half, index) =>
      application(world, take(half, 1), index === 0 ? "it is stopped" : "it is refused"),
    );
    for (const app of apps) await storing(world, app);
    await reformedWhole(world, { members });
    await assertNothingLost(world, members, apps);
  },

  "loses nothing of a peer that is alone": async (world) => {
    const peer = await world.start();
    const app = application(world, peer);
    await storing(world, app);
    await reformedWhole(world, { members: [peer] });
    await storing(world, app);
    await assertNothingLost(world, [peer], [app]);
  },

  "loses nothing of a peer that founds a network with another one": async (world) => {
    const [peer, joiner] = [await world.start(), await world.start()];
    const app = application(world, peer);
    await storing(world, app);
    await reformedWhole(world, { members: [peer], joiners: [joiner] });
    await storing(world, app);
    await assertNothingLost(world, [peer, joiner], [app]);
  },
};

/** What the store answers from the second mark on, which is made while the network is held. */
const marking =
  (answer: Marked) =>
  (deps: Deps): Deps => {
    let marks = 0;
    const mark: Contacts["mark"] = (...args) =>
      (marks += 1) === 1 ? deps.contacts.mark(...args) : Promise.resolve(answer);
    return { ...deps, contacts: { ...deps.contacts, mark } };
  };

/** A re-form of quiet networks, where connections and their ends matter: a title, and what is so. */
export const connectionCases: Readonly<Record<string, Scenario>> = {
  "leaves it to the API server whether a member that refuses connections is dead": async (world) => {
    const members = await world.network(3);
    const [first, second, third] = members;
    assert.ok(first && second && third);
    assert.deepEqual(await world.persist(second, "kept"), ok);
    await third.kill();
    const end = await reformed(world, { members });
    assert.ok(end.tag === "held");
    assert.deepEqual([end.outcome.reason, end.touched], ["LookTooOld", true]);
    assert.match(end.outcome.message, new RegExp(`connections to ${third.address}`, "u"));
    await settled(world);
    await reformedWhole(world, { members: [first, second] });
    await assertWhole(world, [first, second], ["kept"]);
  },

  "tells nothing to whoever has the address of a member by now": async (world) => {
    const members = await world.network(3);
    const [first, second, third] = members;
    assert.ok(first && second && third);
    assert.deepEqual(await world.persist(second, "ours"), ok);
    let asked = 0;
    // Its pod is gone when all have come to the seed; who has come from there may be anybody's process.
    const tamper = (deps: Deps): Deps => ({
      ...deps,
      cluster: {
        ...deps.cluster,
        getPod: (name) => {
          asked += 1;
          return name.name === third.address
            ? Promise.resolve({ tag: "pod", pod: undefined })
            : deps.cluster.getPod(name);
        },
      },
    });
    const heads = members.map(({ state }) => state.head);
    const end = await reformed(world, { members, tamper });
    assert.ok(end.tag === "held" && asked > 0);
    assert.deepEqual([end.outcome.reason, end.touched], ["LookTooOld", true]);
    assert.deepEqual(
      members.map(({ state }) => state.head.id),
      heads.map(({ id }) => id),
    );
    await settled(world);
    await reformedWhole(world, { members: [first, second] });
  },

  "goes on without a member that hangs, which hurts nobody when it wakes up": async (world) => {
    const members = await world.network(3);
    const [first, second, third] = members;
    assert.ok(first && second && third);
    assert.deepEqual(await world.persist(first, "kept"), ok);
    third.hang();
    const end = await reformed(world, { members, settings: { probeTimeoutMs: 500 } });
    assert.ok(end.tag === "whole", end.tag === "held" ? end.outcome.message : "");
    assert.deepEqual(
      end.list.map(({ address }) => address),
      [first.address, second.address],
    );
    await assertWhole(world, [first, second], ["kept"]);
    third.wake();
    await settled(world);
    assert.equal((await world.persist(third, "astray")).tag, "failed");
    await assertWhole(world, [first, second], ["kept"]);
  },

  "touches nothing where peers cannot reach the seed": async (world) => {
    const members = await world.network(2);
    const heads = members.map(({ state }) => state.head);
    const tamper = (deps: Deps): Deps => ({
      ...deps,
      seeds: {
        open: async (use) => {
          const opened = await deps.seeds.open(use);
          return opened.tag === "open" ? { tag: "open", seed: { ...opened.seed, address: NOWHERE } } : opened;
        },
      },
    });
    const end = await reformed(world, { members, tamper });
    assert.ok(end.tag === "held");
    assert.deepEqual([end.outcome.reason, end.touched], ["SeedUnreachable", false]);
    assert.deepEqual(
      members.map(({ state }) => state.head),
      heads,
    );
    await assertWhole(world, members, []);
  },
};

/** The same, where what klight decides by itself is all that matters. */
export const decisionCases: Readonly<Record<string, Scenario>> = {
  "takes over what a joiner stored alone, and leaves it where it belongs to another network": async (
    world,
  ) => {
    const members = await world.network(2);
    const [carrying, leaving] = [await world.start(), await world.start()];
    assert.deepEqual(await world.persist(take(members, 0), "ours"), ok);
    for (const host of [carrying, leaving]) assert.deepEqual(await world.persist(host, host.address), ok);
    await reformedWhole(world, { members, joiners: [carrying] });
    await reformedWhole(world, { members: [...members, carrying], joiners: [leaving], carry: false });
    const held = await world.entries(leaving);
    assert.deepEqual([...held].sort(), [carrying.address, "ours"].sort());
    await assertWhole(world, [...members, carrying, leaving], held);
  },

  "lets a member go with its history: the others are whole without it, and it stores no more": async (
    world,
  ) => {
    const [first, leaver, third] = await world.network(3);
    assert.ok(first && leaver && third);
    assert.deepEqual(await world.persist(leaver, "shared"), ok);
    await reformedWhole(world, { members: [first, third], leavers: [leaver] });
    assert.deepEqual(await world.entries(leaver), ["shared"]);
    for (let round = 0; round < 2; round += 1) {
      assert.equal((await world.persist(leaver, "lost")).tag, "failed");
      await assertWhole(world, [first, third], ["shared"]);
      await settled(world);
    }
    assert.deepEqual(await world.entries(leaver), ["shared"]);
  },

  "takes in a member that hung for three seconds": async (world) => {
    const members = await world.network(3);
    assert.deepEqual(await world.persist(take(members, 0), "kept"), ok);
    take(members, 2).hang();
    const waking = world.sleep(3_000).then(() => {
      take(members, 2).wake();
    });
    const end = await reformedWhole(world, { members });
    await waking;
    assert.deepEqual(end.leftOut, []);
    await settled(world);
    await assertWhole(world, members, ["kept"]);
  },

  "begins anew where an entry comes in after the histories were read": async (world) => {
    const members = await world.network(3);
    const late = async (): Promise<void> => {
      for (const { address, state } of members) {
        const block = {
          id: "late",
          prevId: state.head.id,
          kind: "client",
          payload: Buffer.from("late"),
        } as const;
        assert.deepEqual(await world.notify({ address }, block), ok);
      }
    };
    let stored: Promise<void> | undefined;
    const tamper = ({ lightpeer, ...deps }: Deps): Deps => ({
      ...deps,
      lightpeer: {
        probe: (...args) => lightpeer.probe(...args),
        askFresh: (...args) => lightpeer.askFresh(...args),
        askName: (...args) => lightpeer.askName(...args),
        newest: async (...args) => {
          await (stored ??= late());
          return lightpeer.newest(...args);
        },
        history: (...args) => lightpeer.history(...args),
        join: (...args) => lightpeer.join(...args),
        visit: (...args) => lightpeer.visit(...args),
        notify: (...args) => lightpeer.notify(...args),
        release: () => {
          lightpeer.release();
        },
      },
    });
    await reformedWhole(world, { members, tamper });
    await assertWhole(world, members, ["late"]);
  },

  "stops where another step has the network now, and leaves the peers as they were": async (world) => {
    const members = await world.network(3);
    assert.deepEqual(await world.persist(take(members, 0), "kept"), ok);
    const end = await reformed(world, { members, tamper: marking({ tag: "lost" }) });
    assert.ok(end.tag === "held");
    assert.deepEqual([end.outcome.reason, end.touched], ["LeaseLost", true]);
    await settled(world);
    await assertWhole(world, members, ["kept"]);
  },

  "goes on where the store is away for a moment": async (world) => {
    const members = await world.network(3);
    assert.deepEqual(await world.persist(take(members, 0), "kept"), ok);
    await reformedWhole(world, { members, tamper: marking({ tag: "failed", message: "away" }) });
    await assertWhole(world, members, ["kept"]);
  },

  "touches nothing where a history is over the limit": async (world) => {
    const members = await world.network(2);
    assert.deepEqual(await world.persist(take(members, 1), "a long entry"), ok);
    const heads = members.map(({ state }) => state.head);
    const end = await reformed(world, { members, settings: { historyLimit: 5 } });
    assert.ok(end.tag === "held");
    assert.deepEqual([end.outcome.reason, end.touched], ["HistoryTooLarge", false]);
    assert.deepEqual(
      members.map(({ state }) => state.head),
      heads,
    );
    await assertWhole(world, members, ["a long entry"]);
  },
};
