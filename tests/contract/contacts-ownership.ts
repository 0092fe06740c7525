import assert from "node:assert/strict";
import { test } from "node:test";
import type { Intent } from "../../lib/store/contacts.ts";
import { contact, empty, intent, LONG_MS, reform, type Suite } from "./contacts-fixtures.ts";

/** Who may still write where the store has lost the lease, or has taken it back. */
export const ownership = (use: Suite): void => {
  test("a step that re-forms goes on in a store that has lost everything, for it ends in a whole stack", async () => {
    const { contacts, it, calls } = use();
    await calls.step("n/lost", "t0", { push: contact("a"), generation: 3 });
    await calls.begin("n/lost", "t1");
    await it.flush();
    assert.deepEqual(await contacts.mark("n/lost", "t1", LONG_MS, reform), { tag: "marked" });
    const marked = await calls.view("n/lost");
    assert.deepEqual(marked, { network: "n/lost", ...empty, intent: reform, leased: true, log: [] });
    assert.equal((await contacts.begin("n/lost", "t2", LONG_MS)).tag, "busy");
    await it.flush();
    const stack = [contact("b"), contact("a")];
    assert.deepEqual(await contacts.commit("n/lost", "t1", { stack, generation: 4 }), { tag: "committed" });
    const view = await calls.view("n/lost");
    assert.deepEqual(view, { network: "n/lost", ...empty, stack, generation: 4, leased: false, log: [] });
  });

  test("a step that re-forms writes nothing where anybody else has had the network since", async () => {
    const { contacts, it, calls } = use();
    const leftBy: Readonly<Record<string, (network: string) => Promise<unknown>>> = {
      lease: (network) => calls.begin(network, "t2"),
      stack: (network) => calls.step(network, "t2", { push: contact("c") }),
      intent: async (network) => {
        await calls.begin(network, "t2");
        await contacts.mark(network, "t2", LONG_MS, intent);
        await contacts.commit(network, "t2", { keepIntent: true });
      },
    };
    for (const [what, leave] of Object.entries(leftBy)) {
      const network = `n/since-${what}`;
      await calls.begin(network, "t1");
      await it.flush();
      await leave(network);
      const { quietMs: _, ...seen } = await calls.view(network);
      assert.deepEqual(await contacts.mark(network, "t1", LONG_MS, reform), { tag: "lost" }, what);
      const change = { stack: [contact("a")] };
      assert.deepEqual(await contacts.commit(network, "t1", change), { tag: "late" }, what);
      const { quietMs: __, ...view } = await calls.view(network);
      assert.deepEqual(view, seen, what);
    }
  });

  test("a visit in a store that has lost everything is lost", async () => {
    const { contacts, it, calls } = use();
    await calls.begin("n/visit", "t1");
    await it.flush();
    const visit: Intent = { kind: "visit", seed: "10.0.0.9:9082", at: intent.at };
    assert.deepEqual(await contacts.mark("n/visit", "t1", LONG_MS, visit), { tag: "lost" });
    assert.deepEqual(await contacts.commit("n/visit", "t1", { deaths: false }), { tag: "late" });
  });

  test("a store flushed in the middle of a step loses the lease, and the step writes nothing", async () => {
    const { contacts, it, calls } = use();
    await calls.step("n/flushed", "t0", { push: contact("a") });
    await calls.begin("n/flushed", "t1");
    await it.flush();
    assert.deepEqual(await contacts.mark("n/flushed", "t1", LONG_MS, intent), { tag: "lost" });
    assert.deepEqual(await contacts.commit("n/flushed", "t1", { push: contact("b") }), { tag: "late" });
    assert.deepEqual(await calls.view("n/flushed"), {
      network: "n/flushed",
      ...empty,
      leased: false,
      log: [],
    });
  });

  test("a mark that comes after its own commit is lost, and leaves no intent behind", async () => {
    const { contacts, it, calls } = use();
    for (const left of [intent, reform]) {
      const network = `n/marked-${left.kind}`;
      await calls.step(network, "t1", { push: contact("a") });
      assert.deepEqual(await contacts.mark(network, "t1", LONG_MS, left), { tag: "lost" });
      await contacts.leave(network, "uid-a", 1);
      assert.deepEqual(await contacts.mark(network, "t1", LONG_MS, left), { tag: "lost" });
      const { intent: now, leased } = await calls.view(network);
      assert.deepEqual([now, leased], [undefined, false]);
      await it.pass(5);
      await calls.begin(network, "t1");
      assert.deepEqual(await contacts.mark(network, "t1", LONG_MS, left), { tag: "marked" });
    }
  });
};
