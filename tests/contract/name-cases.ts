import assert from "node:assert/strict";
import type { NameTold, Seed } from "../../lib/peers/lightpeer.ts";
import { headOf } from "../../lib/reconcile/reform/chain.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { failed, ok } from "../harness/lightpeer/status.ts";
import type { Scenario, World } from "./lightpeer-worlds.ts";

const SOON_MS = 5_000;
const SHORT_MS = 300;
/** Nobody listens there. */
const NOWHERE = "127.0.0.1:1";

/** A seed that is open while questions are put. */
const asking = async (
  { klight }: World,
  work: (ask: (peer: { readonly address: string }, ms?: number) => Promise<NameTold>, seed: Seed) => unknown,
): Promise<void> => {
  const opened = await klight.seeds.open("question");
  assert.ok(opened.tag === "open");
  const { seed } = opened;
  const ask = ({ address }: { readonly address: string }, ms = SOON_MS): Promise<NameTold> =>
    klight.lightpeer.askName(address, seed.address, ms);
  await work(ask, seed);
  seed.close();
};

const named = (name: string): NameTold => ({ tag: "name", name });

const stateOf = (hosts: readonly PeerHost[]): readonly unknown[] =>
  hosts.map(({ state }) => structuredClone(state));

/** "Who are you?": a title, and what is so. */
export const nameCases: Readonly<Record<string, Scenario>> = {
  "a fresh peer and members say their names, stay as they were, and go on as before": async (world) => {
    const members = await world.network(3);
    const fresh = await world.start();
    assert.deepEqual(await world.persist(fresh, "alone"), ok);
    const hosts = [...members, fresh];
    const earlier = stateOf(hosts);
    await asking(world, async (ask) => {
      for (const host of hosts) {
        for (let times = 0; times < 3; times += 1) assert.deepEqual(await ask(host), named(host.address));
      }
    });
    assert.deepEqual(stateOf(hosts), earlier);
    assert.equal(await world.klight.lightpeer.askFresh(fresh.address, SOON_MS), "chained");
    const whole = await world.whole(members);
    assert.equal(whole.tag, "whole", whole.tag === "broken" ? whole.reason : "");
    assert.deepEqual(await world.join(fresh, members.at(-1) ?? fresh), ok);
  },

  "each of many that are asked at once is told from the others, whatever they call themselves": async (
    world,
  ) => {
    const names = [undefined, "10.9.9.9:9081", "10.9.9.9:9081", 'say "x"\\', 'ü, not "y"', undefined];
    const hosts: PeerHost[] = [];
    for (const name of names) hosts.push(await world.start(name === undefined ? {} : { name }));
    await asking(world, async (ask) => {
      const told = await Promise.all(hosts.map((host) => ask(host)));
      assert.deepEqual(
        told,
        hosts.map(({ address }, index) => named(names[index] ?? address)),
      );
    });
  },

  "a name without end is cut, and is still not the peer's address": async (world) => {
    const host = await world.start({ name: `${"x".repeat(5_000)}:9081` });
    await asking(world, async (ask) => {
      const told = await ask(host);
      assert.ok(told.tag === "name" && told.name.length < 300 && told.name.startsWith("xxx"));
    });
  },

  "a peer that does not come is silent, holds nobody up, and what it says late changes nothing": async (
    world,
  ) => {
    const [hung, well] = [await world.start(), await world.start()];
    const earlier = stateOf([hung, well]);
    await asking(world, async (ask) => {
      hung.hang();
      const [silent, told] = await Promise.all([ask(hung, SHORT_MS), ask(well)]);
      assert.equal(silent.tag, "silent");
      assert.deepEqual(told, named(well.address));
      hung.wake();
      assert.deepEqual(await ask(hung), named(hung.address));
      await world.sleep(SHORT_MS);
    });
    assert.deepEqual(stateOf([hung, well]), earlier);
  },

  "a dead peer is silent, and one that cannot reach the seed says so": async (world) => {
    const host = await world.start();
    const { lightpeer } = world.klight;
    assert.equal((await lightpeer.askName(host.address, NOWHERE, SOON_MS)).tag, "unreachable");
    await host.kill();
    await asking(world, async (ask) => {
      assert.equal((await ask(host)).tag, "silent");
    });
  },

  "a peer that words its refusal in its own way, or takes it for a join, tells no name": async (world) => {
    for (const reply of [ok, failed("UNKNOWN", "no"), failed("UNIMPLEMENTED", "unknown method")]) {
      const address = await world.listen({ joinNetwork: async () => reply });
      await asking(world, async (ask) => {
        assert.equal((await ask({ address })).tag, "failed");
      });
    }
  },

  "a question is answered beside a re-form at the same seed, and does not disturb it": async (world) => {
    const [asked, reformed] = [await world.start(), await world.start()];
    const { lightpeer, seeds } = world.klight;
    const opened = await seeds.open("reform");
    assert.ok(opened.tag === "open");
    const { seed } = opened;
    const guest = seed.expect(reformed.address, headOf("beside", [reformed.address]));
    await asking(world, async (ask) => {
      assert.deepEqual(await ask(asked), named(asked.address));
    });
    const joining = lightpeer.join(reformed.address, seed.address, SOON_MS);
    await guest.arrived;
    guest.finish();
    assert.deepEqual(await joining, { tag: "joined" });
    seed.close();
  },
};
