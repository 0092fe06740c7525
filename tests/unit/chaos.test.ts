import assert from "node:assert/strict";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { isOf } from "../chaos/application.ts";
import { resultOf } from "../chaos/result.ts";
import { Figures } from "../chaos/figures.ts";
import type { Proof } from "../chaos/peers-calls.ts";
import { planFaults } from "../chaos/plan.ts";
import { Witness } from "../chaos/witness.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { startGrpcPeer, type GrpcPeerOptions } from "../harness/lightpeer/grpc-peer.ts";

describe("the faults of a run", () => {
  test("follow from the seed", () => {
    assert.deepEqual(planFaults(60, 7), planFaults(60, 7));
    assert.notDeepEqual(planFaults(60, 7), planFaults(60, 8));
  });

  test("are of every kind, in the order of time, and begin within it", () => {
    const plan = planFaults(600, 7);
    assert.equal(new Set(plan.map(({ kind }) => kind)).size, 19);
    const times = plan.map(({ at }) => at);
    assert.deepEqual(
      times,
      times.toSorted((a, b) => a - b),
    );
    assert.ok((times.at(-1) ?? 0) > 590_000 && (times.at(-1) ?? 0) < 600_000);
  });
});

describe("the witness of chaos", () => {
  const dialer = grpcDialer();

  const startPeers = async (
    t: TestContext,
    options: GrpcPeerOptions = {},
  ): Promise<{ witness: Witness; peers: readonly PeerHost[] }> => {
    const witness = new Witness((entry) => !entry.startsWith("other "));
    const peers = await Promise.all(
      [1, 2].map(async () => {
        const expected = witness.expect();
        const host = await startGrpcPeer({ ...options, seen: (calls) => expected.seen(calls) });
        expected.started(host);
        t.after(() => host.kill());
        return host;
      }),
    );
    return { witness, peers };
  };

  const persist = async ({ address }: PeerHost, entry: string): Promise<void> => {
    const reply = await dialer.dial(address).persist(new Context(), Buffer.from(entry));
    assert.equal(reply.tag, "ok");
  };

  test("an entry is lost that a peer had and has no more after klight told it to join", async (t) => {
    const { witness, peers } = await startPeers(t);
    const [one, two] = peers;
    assert.ok(one && two);
    await persist(one, "kept");
    witness.stored("kept", one.address);
    await persist(two, "forgotten");
    witness.stored("forgotten", two.address);
    await dialer.dial(two.address).joinNetwork(new Context(), one.address);
    const { lost, excused } = witness.missing(["kept"]);
    assert.match(lost.join(), /^"forgotten" \(acknowledged at .* by .*; .* forgot it at .*\)$/u);
    assert.deepEqual(excused, []);
  });

  test("an entry is not lost that died with all that held it", async (t) => {
    const { witness, peers } = await startPeers(t);
    const [one] = peers;
    assert.ok(one);
    await persist(one, "gone");
    witness.stored("gone", one.address);
    witness.dying(one.address);
    await one.kill();
    const { lost, excused } = witness.missing([]);
    assert.deepEqual(lost, []);
    assert.match(excused.join(), /only .* held it, and died/u);
  });

  test("an entry is lost that one of those who held it had when another one died", async (t) => {
    const { witness, peers } = await startPeers(t);
    const [one, two] = peers;
    assert.ok(one && two);
    await dialer.dial(two.address).joinNetwork(new Context(), one.address);
    await persist(one, "of both");
    witness.stored("of both", one.address);
    witness.dying(one.address);
    await one.kill();
    assert.equal(witness.missing([]).lost.length, 1);
  });

  test("an entry of another network is told of, also when it is gone again", async (t) => {
    const { witness, peers } = await startPeers(t);
    const [one, two] = peers;
    assert.ok(one && two);
    await persist(one, "other 1");
    await persist(two, "its own");
    assert.deepEqual(witness.foreign, [`"other 1" was at ${one.address}`]);
    await dialer.dial(one.address).joinNetwork(new Context(), two.address);
    assert.deepEqual(witness.foreign, [`"other 1" was at ${one.address}`]);
    assert.ok(isOf("net-1", "net-1 7") && isOf("net-1", "whole-1-127.0.0.1:1"));
    assert.ok(!isOf("net-1", "net-12 7") && !isOf("net-1", "net-2 7"));
  });

  test("an entry is not lost that its peer forgot by itself", async (t) => {
    // Two writers at once, which nobody may do: while one block is being written, the other goes on top of the same one.
    const { witness, peers } = await startPeers(t, { writeMs: 200 });
    const [one] = peers;
    assert.ok(one);
    await Promise.all(["a", "b"].map((entry) => persist(one, entry)));
    for (const entry of ["a", "b"]) witness.stored(entry, one.address);
    const { lost, excused } = witness.missing([]);
    assert.equal(lost.length, 1, "the one that it has");
    assert.match(excused.join(), /forgot it by itself/u);
  });

  test("nor one that it forgot after a klight had died in the middle of a re-form", async (t) => {
    const { witness, peers } = await startPeers(t, { writeMs: 200 });
    const [one] = peers;
    assert.ok(one);
    const seed = await startGrpcPeer();
    seed.hang();
    const joining = dialer.dial(one.address).joinNetwork(new Context(), seed.address);
    await sleep(50);
    await seed.kill();
    assert.equal((await joining).tag, "failed");
    await Promise.all(["a", "b"].map((entry) => persist(one, entry)));
    for (const entry of ["a", "b"]) witness.stored(entry, one.address);
    assert.match(witness.missing([]).excused.join(), /forgot it by itself/u);
  });
});

describe("the figures of a run", () => {
  const message =
    "chaos/net-1 was re-formed because an application stores in it: 8 peers, 3 entries, writes were refused for 40 ms";

  test("count a re-form once that is in a log and in an Event, with its times", () => {
    const figures = new Figures();
    figures.take({ msg: "event done", outcome: "reformed", reason: "Reformed", message, ms: 300 });
    figures.take({ msg: "event held", outcome: "held", reason: "MemberHung", message: "", ms: 5 });
    figures.take({ msg: "sweep done", steps: 4, ms: 100 });
    const spread = (only: number): object => ({ min: only, median: only, max: only });
    assert.deepEqual(figures.of([{ reason: "NetworkReformed", message }]), {
      steps: 6,
      sweeps: 1,
      joins: { founded: 0, plain: 0, reformed: 1 },
      outcomes: { reformed: 1, held: 1 },
      holds: { MemberHung: 1 },
      reforms: { storing: { count: 1, ms: spread(300), refusedMs: spread(40) } },
    });
  });

  test("name the network that is not whole, the stack that is wrong, and the entry that is lost", () => {
    const stored = { acknowledged: 5, refused: 0, longestPauseMs: 1 };
    const good: Proof = { stored, lost: [], excused: [], foreign: [] };
    const { problems, networks, entries } = resultOf({
      seed: 1,
      seconds: 1,
      tookMs: 1,
      faults: new Map(),
      knocks: 0,
      steps: new Figures().of([]),
      late: [],
      problems: [],
      ends: [
        { network: "chaos/a", pods: 2, proof: good, records: [] },
        { network: "chaos/b", pods: 2, proof: { ...good, broken: "Persist at x" }, records: [] },
        { network: "chaos/c", pods: 2, proof: good, records: ["c-1 is not on its stack"] },
        { network: "chaos/d", pods: 2, proof: { ...good, lost: ['"d 1"'] }, records: [] },
        { network: "chaos/e", pods: 2, proof: { ...good, foreign: ['"d 1" was at x'] }, records: [] },
      ],
    });
    assert.deepEqual(problems, [
      "chaos/b is not whole: Persist at x",
      "chaos/c: c-1 is not on its stack",
      'chaos/d: lost "d 1"',
      'chaos/e: of another network, "d 1" was at x',
    ]);
    assert.deepEqual(networks, { total: 5, whole: 4, pods: 10 });
    assert.equal(entries.acknowledged, 25);
    assert.equal(entries.lost, 1);
  });
});
