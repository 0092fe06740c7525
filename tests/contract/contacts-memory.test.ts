import assert from "node:assert/strict";
import { test } from "node:test";
import type { Clock } from "../../lib/clock.ts";
import { createMemoryContacts } from "../../lib/store/memory.ts";
import { contact, LONG_MS } from "./contacts-fixtures.ts";
import { contactsContract } from "./contacts-port.ts";

const HOUR_MS = 3_600_000;

const virtualClock = (): Clock => {
  let now = 1_750_000_000_000;
  return {
    now: () => now,
    sleep: (ms) => {
      now += ms;
      return Promise.resolve();
    },
  };
};

contactsContract("contacts in memory", () => {
  const clock = virtualClock();
  const contacts = createMemoryContacts(clock);
  return Promise.resolve({
    contacts,
    pass: (ms) => clock.sleep(ms),
    flush: () => Promise.resolve(contacts.flush()),
    close: () => Promise.resolve(),
  });
});

test("a lease that was abandoned for an hour is nobody's", async () => {
  const clock = virtualClock();
  const contacts = createMemoryContacts(clock);
  await contacts.begin("n/x", "t1", LONG_MS);
  await clock.sleep(LONG_MS + HOUR_MS - 1);
  assert.equal((await contacts.mark("n/x", "t1", 1, { kind: "join", at: "" })).tag, "marked");
  await clock.sleep(HOUR_MS + 1);
  assert.equal((await contacts.commit("n/x", "t1", { push: contact("a") })).tag, "late");
});

test("a receipt is known for a minute, and the log for a day", async () => {
  const clock = virtualClock();
  const contacts = createMemoryContacts(clock);
  const log = { at: "", outcome: "founded", reason: "Founded", message: "" };
  await contacts.begin("n/x", "t1", LONG_MS);
  await contacts.commit("n/x", "t1", { push: contact("a"), log });
  await clock.sleep(59_999);
  assert.equal((await contacts.commit("n/x", "t1", {})).tag, "committed");
  await clock.sleep(1);
  assert.equal((await contacts.commit("n/x", "t1", {})).tag, "late");
  await clock.sleep(24 * HOUR_MS);
  const read = await contacts.read(["n/x"]);
  assert.ok(read.tag === "read");
  assert.deepEqual([read.views[0]?.log, read.views[0]?.stack], [[], [contact("a")]]);
});

test("what a lease holder would have needed is forgotten an hour after the last member left", async () => {
  const clock = virtualClock();
  const contacts = createMemoryContacts(clock);
  await contacts.begin("n/x", "t1", LONG_MS);
  await contacts.commit("n/x", "t1", { push: contact("a"), generation: 5 });
  await contacts.begin("n/x", "t2", LONG_MS);
  await contacts.leave("n/x", "uid-a", 1);
  await clock.sleep(HOUR_MS);
  const begun = await contacts.begin("n/x", "t3", LONG_MS);
  assert.ok(begun.tag === "leased");
  assert.equal(begun.record.generation, 0);
});
