import assert from "node:assert/strict";
import { createMemoryBudget } from "../../../lib/memory-budget.ts";
import { describe, test } from "node:test";
import type { Deps } from "../../../lib/deps.ts";
import { createTurns } from "../../../lib/keyed-queue.ts";
import { sweep, type SweepReport } from "../../../lib/reconcile/sweep.ts";
import type { Contacts } from "../../../lib/store/contacts.ts";
import { createMemoryContacts } from "../../../lib/store/memory.ts";
import { contactOf, podOf, podsCluster, type PodsCluster } from "../../harness/networks.ts";
import { VirtualClock } from "../../harness/virtual-clock.ts";

const LIMIT_MS = 60_000;

/** Networks of settled pods, and a sweep over them whose every call is counted. */
class Sweeps {
  readonly clock = new VirtualClock();
  readonly store = createMemoryContacts(this.clock);
  readonly cluster: PodsCluster = podsCluster();
  /** Networks whose members take so long to tell their newest entry, ms. */
  readonly slow = new Map<string, number>();
  /** What a member tells next, by its address; else all tell the same. */
  readonly told = new Map<string, string[]>();
  readonly down = new Set<string>();
  /** Who serves, but tells no newest entry. */
  readonly mute = new Set<string>();
  /** Networks whose members make the question fail in a way that nobody expects. */
  readonly broken = new Set<string>();
  readonly errors: unknown[] = [];
  /** Networks whose members were asked, in order. */
  readonly asked: string[] = [];
  readonly calls: Record<string, number> = {};
  readonly #networks = new Map<string, string>();

  async add(network: string, size = 2): Promise<readonly string[]> {
    const pods = Array.from({ length: size }, (_, index) => {
      const name = `${network.replace("/", "-")}-${index}`;
      const { incarnation } = podOf(network, name);
      return podOf(network, name, {
        joined: { status: "True", reason: "Joined", message: "", network, incarnation },
      });
    });
    this.cluster.pods = [...this.cluster.pods, ...pods];
    await this.store.begin(network, network, 1_000);
    const stack = pods.map((pod) => contactOf(pod, null, this.clock.now()));
    await this.store.commit(network, network, { stack });
    for (const { address } of stack) this.#networks.set(address, network);
    return stack.map(({ address }) => address);
  }

  async sweep(): Promise<SweepReport & { readonly ms: number }> {
    const from = this.clock.now();
    const report = await this.clock.run(sweep(this.#deps(), LIMIT_MS));
    return { ...report, ms: this.clock.now() - from };
  }

  #count(call: string): void {
    this.calls[call] = (this.calls[call] ?? 0) + 1;
  }

  #deps(): Deps {
    const unasked = (): never => assert.fail("asked for nothing else");
    const contacts = Object.fromEntries(
      Object.entries(this.store).map(([name, call]) => [
        name,
        (...args: unknown[]): unknown => {
          this.#count(name);
          // A step is taken up to here, and ends.
          if (name === "begin") return Promise.resolve({ tag: "failed", message: "counted" });
          return (call as (...words: unknown[]) => unknown)(...args);
        },
      ]),
    ) as unknown as Contacts;
    return {
      contacts,
      cluster: this.cluster,
      clock: this.clock,
      turns: createTurns(),
      histories: createMemoryBudget(0, { sleep: unasked }),
      newToken: () => "token",
      log: {
        debug: unasked,
        info: unasked,
        warn: unasked,
        error: (...words) => void this.errors.push(words),
      },
      seeds: { open: unasked },
      lightpeer: {
        probe: (address: string) => {
          this.#count("probe");
          return Promise.resolve(this.down.has(address) ? "silent" : "serving");
        },
        newest: async (address: string) => {
          this.#count("newest");
          const network = this.#networks.get(address) ?? "";
          this.asked.push(network);
          await this.clock.sleep(this.slow.get(network) ?? 1);
          if (this.broken.has(network)) throw new Error("a defect");
          if (this.down.has(address) || this.mute.has(address)) return { tag: "failed", message: "silent" };
          return { tag: "newest", digest: this.told.get(address)?.shift() ?? "same" };
        },
        release: () => {},
      } as never,
      settings: {
        joinMode: "auto",
        reform: "on",
        historyLimit: 1,
        probeTimeoutMs: 1_000,
        joinTimeoutMs: 1_000,
        waitMs: 1_000,
      },
    };
  }
}

const addAll = async (sweeps: Sweeps, names: readonly string[], size = 1): Promise<void> => {
  for (const name of names) await sweeps.add(name, size);
};
const named = (letter: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `n/${letter}${String(index).padStart(3, "0")}`);

describe("a sweep", () => {
  test("of networks that are well reads the store once, asks each member once, and writes nothing", async () => {
    const sweeps = new Sweeps();
    await addAll(sweeps, named("a", 30), 5);
    const { outcomes, unfinished, slow, seen } = await sweeps.sweep();
    assert.deepEqual([outcomes, unfinished, slow], [[], [], []]);
    assert.deepEqual(sweeps.calls, { networks: 1, sweepPlace: 1, read: 1, newest: 150 });
    assert.equal(seen?.pods.length, 150);
  });

  test("of 24 slow networks before 20 others comes to all of them within its time", async () => {
    const sweeps = new Sweeps();
    const [bad, good] = [named("a", 24), named("z", 20)];
    await addAll(sweeps, [...bad, ...good]);
    for (const network of bad) sweeps.slow.set(network, 300_000);
    const { ms, slow, unfinished } = await sweeps.sweep();
    assert.ok(ms <= LIMIT_MS, `${ms} ms`);
    assert.deepEqual([slow.toSorted(), unfinished], [bad, []]);
    assert.deepEqual(new Set(sweeps.asked), new Set([...bad, ...good]));
  });

  test("goes on where the last one stopped, and round, until it has come to every network", async () => {
    const sweeps = new Sweeps();
    const bad = named("a", 100);
    await addAll(sweeps, [...bad, "n/z"]);
    for (const network of bad) sweeps.slow.set(network, 300_000);
    const first = await sweeps.sweep();
    assert.ok(first.ms <= LIMIT_MS + 250, `${first.ms} ms`);
    assert.equal(first.unfinished.at(-1), "n/z");
    assert.deepEqual(await sweeps.store.sweepPlace(), { tag: "place", network: first.unfinished[0] });
    const begun = new Set(sweeps.asked).size;
    assert.ok(begun >= 40, `${begun} networks in one sweep`);
    await sweeps.sweep();
    await sweeps.sweep();
    assert.deepEqual(new Set(sweeps.asked), new Set([...bad, "n/z"]));
  });

  test("that has come round writes that once, and begins at the first network again", async () => {
    const sweeps = new Sweeps();
    await addAll(sweeps, named("a", 3));
    await sweeps.store.keepSweepPlace("n/a001");
    await sweeps.sweep();
    assert.deepEqual(sweeps.asked, ["n/a001", "n/a002", "n/a000"]);
    await sweeps.sweep();
    assert.deepEqual(sweeps.asked.slice(3), named("a", 3));
    assert.equal(sweeps.calls["keepSweepPlace"], 1);
  });

  test("begins with the next network where the one that it stopped at is gone, and at the first where all are", async () => {
    const sweeps = new Sweeps();
    await addAll(sweeps, named("a", 3));
    await sweeps.store.keepSweepPlace("n/a0005");
    await sweeps.sweep();
    assert.deepEqual(sweeps.asked, ["n/a001", "n/a002", "n/a000"]);
    await sweeps.store.keepSweepPlace("z");
    await sweeps.sweep();
    assert.deepEqual(sweeps.asked.slice(3), named("a", 3));
  });

  test("that cannot ask the API server saw nothing, and says why", async () => {
    const sweeps = new Sweeps();
    await sweeps.add("n/a");
    sweeps.cluster.failure = { kind: "unavailable", message: "away" };
    const { outcomes, seen } = await sweeps.sweep();
    assert.equal(seen, undefined);
    assert.deepEqual(
      outcomes.map(({ reason }) => reason),
      ["ClusterUnavailable"],
    );
  });

  const stepsAfter = async (
    prepare: (sweeps: Sweeps, addresses: readonly string[]) => unknown,
  ): Promise<number> => {
    const sweeps = new Sweeps();
    await prepare(sweeps, await sweeps.add("n/a", 2));
    await sweeps.sweep();
    return sweeps.calls["begin"] ?? 0;
  };

  test("takes a step where newest entries differ twice, and none where they differ once", async () => {
    const twice = ["other", "other"];
    assert.equal(await stepsAfter((sweeps, [one = ""]) => sweeps.told.set(one, twice)), 1);
    assert.equal(await stepsAfter((sweeps, [one = ""]) => sweeps.told.set(one, ["other"])), 0);
  });

  test("takes a step where a member does not serve", async () => {
    assert.equal(await stepsAfter((sweeps, [one = ""]) => sweeps.down.add(one)), 1);
  });

  test("takes none where a member serves and has an entry that cannot be read", async () => {
    assert.equal(await stepsAfter((sweeps, [one = ""]) => sweeps.mute.add(one)), 0);
  });

  test("takes a step where a contact has no pod", async () => {
    assert.equal(
      await stepsAfter((sweeps) => {
        sweeps.cluster.pods = sweeps.cluster.pods.slice(1);
      }),
      1,
    );
  });

  test("takes none for what was so when it began and is not any more", async () => {
    const begins = await stepsAfter(async (sweeps) => {
      sweeps.slow.set("n/a", 2_000);
      await sweeps.store.begin("n/a", "t", 60_000);
      await sweeps.store.mark("n/a", "t", 60_000, { kind: "join", at: "" });
      sweeps.clock.after(1_000, () => void sweeps.store.commit("n/a", "t", {}));
    });
    assert.equal(begins, 0);
  });
});

test("a step of a slow network that breaks off when nobody waits any more is in the log", async () => {
  const sweeps = new Sweeps();
  await sweeps.add("n/a");
  sweeps.slow.set("n/a", 20_000);
  sweeps.broken.add("n/a");
  await sweeps.sweep();
  await sweeps.clock.advance(60_000);
  assert.deepEqual(sweeps.errors, [[{ error: "Error: a defect" }, "a step of a sweep broke off"]]);
});
