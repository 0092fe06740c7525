import assert from "node:assert/strict";
import { test } from "node:test";
import type { Begun } from "../../lib/store/contacts.ts";
import { contact, intent, LONG_MS, type Suite } from "./contacts-fixtures.ts";

/** In which network a pod's peer is. All tests use one store, so each has pods and networks of its own. */
export const places = (use: Suite): void => {
  const begins = (network: string, uid: string, leaseMs = LONG_MS): Promise<Begun> =>
    use().contacts.begin(network, `${uid} ${network}`, leaseMs, { how: "joins", uid });
  const elsewhere = (network: string): Begun => ({ tag: "elsewhere", network });

  test("a pod that a step may bring in is elsewhere for all other networks, and free after a commit without it", async () => {
    const { contacts, calls } = use();
    assert.equal((await begins("n/p1", "p1")).tag, "leased");
    assert.deepEqual(await begins("n/p1-other", "p1"), elsewhere("n/p1"));
    assert.equal((await calls.view("n/p1-other")).leased, false);
    await contacts.commit("n/p1", "p1 n/p1", {});
    assert.equal((await begins("n/p1-other", "p1")).tag, "leased");
  });

  test("a pod of a step that died is free with its lease, if the step wrote no intent", async () => {
    await begins("n/p2", "p2", 500);
    assert.deepEqual(await begins("n/p2-other", "p2"), elsewhere("n/p2"));
    await use().it.pass(510);
    assert.equal((await begins("n/p2-other", "p2")).tag, "leased");
  });

  test("a pod of an intent stays where it may have come, until that is settled without it", async () => {
    const { contacts, it, calls } = use();
    await begins("n/p3", "p3", 1);
    await contacts.mark("n/p3", "p3 n/p3", 1, { ...intent, uid: "p3" });
    await it.pass(20);
    assert.deepEqual(await begins("n/p3-other", "p3"), elsewhere("n/p3"));
    await calls.step("n/p3", "t2", { keepIntent: true });
    assert.deepEqual(await begins("n/p3-other", "p3"), elsewhere("n/p3"));
    await calls.step("n/p3", "t3", { stack: [contact("other")] });
    assert.equal((await begins("n/p3-other", "p3")).tag, "leased");
  });

  for (const how of ["drop", "stack", "leave"]) {
    test(`a member is elsewhere until it is off the stack: by ${how}`, async () => {
      const { contacts, calls } = use();
      const member = contact(`p4-${how}`);
      const network = `n/${how}-p4`;
      await calls.step(network, "t1", { push: member });
      assert.deepEqual(await begins("n/p4-other", member.uid), elsewhere(network));
      if (how === "leave") await contacts.leave(network, member.uid, 0);
      else await calls.step(network, "t2", how === "drop" ? { drop: [member] } : { stack: [contact("x")] });
      assert.equal((await begins(`${network}-other`, member.uid)).tag, "leased");
    });
  }

  test("a pod that leaves may be of any network, and stays in another one", async () => {
    const { contacts, calls } = use();
    const { uid } = contact("p5");
    await calls.step("n/p5", "t1", { push: contact("p5") });
    const begun = await contacts.begin("n/p5-other", "t2", LONG_MS, { how: "leaves", uid });
    assert.equal(begun.tag, "leased");
    await contacts.commit("n/p5-other", "t2", {});
    await contacts.leave("n/p5-other", uid, 0);
    assert.deepEqual(await begins("n/p5-other", uid), elsewhere("n/p5"));
  });
};
