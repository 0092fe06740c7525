import assert from "node:assert/strict";
import type { Contacts, StoreFailure } from "../../lib/store/contacts.ts";
import { contact, intent, LONG_MS, joining } from "./contacts-fixtures.ts";

/** Every call of the port, each by its name. */
export const everyCall = (contacts: Contacts): Record<string, Promise<{ readonly tag: string }>> => ({
  begin: contacts.begin("n/x", "t1", LONG_MS, joining(contact("a"))),
  mark: contacts.mark("n/x", "t1", LONG_MS, intent),
  commit: contacts.commit("n/x", "t1", { push: contact("a") }),
  leave: contacts.leave("n/x", "uid-a", 1),
  networks: contacts.networks(),
  read: contacts.read(["n/x", "n/y"]),
});

/** The messages of all calls, each of which must have failed. */
export const failures = async (contacts: Contacts): Promise<string[]> =>
  Promise.all(
    Object.entries(everyCall(contacts)).map(async ([name, call]) => {
      const answer = await call;
      assert.equal(answer.tag, "failed", `${name}: ${JSON.stringify(answer)}`);
      return (answer as StoreFailure).message;
    }),
  );
