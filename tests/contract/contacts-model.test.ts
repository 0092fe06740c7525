import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import * as fc from "fast-check";
import type { Change, Contacts, Intent, StepPod } from "../../lib/store/contacts.ts";
import { createMemoryContacts } from "../../lib/store/memory.ts";
import { createUpstashContacts } from "../../lib/store/upstash.ts";
import { skipWithoutRedis, startRedis, type TestRedis } from "../harness/redis.ts";
import { contact, intent, joining, logEntry, LONG_MS, reform } from "./contacts-fixtures.ts";

/** A time that is over at the next call, and one that does not end within a run. */
const SHORT_MS = 1;

type Call =
  | {
      readonly call: "begin";
      readonly token: string;
      readonly leaseMs: number;
      readonly network: string;
      readonly pod?: StepPod;
    }
  | {
      readonly call: "mark";
      readonly network: string;
      readonly token: string;
      readonly leaseMs: number;
      readonly about: Intent;
    }
  | { readonly call: "commit"; readonly network: string; readonly token: string; readonly change: Change }
  | { readonly call: "leave"; readonly network: string; readonly name: string; readonly quietMs: number }
  | { readonly call: "flush" };

const token = fc.constantFrom("t1", "t2", "t3");
const name = fc.constantFrom("a", "b", "c");
const life = fc.constantFrom(1, 2);
const leaseMs = fc.constantFrom(SHORT_MS, LONG_MS, LONG_MS);
const member = fc.tuple(name, life).map(([pod, which]) => contact(pod, which));

const about = fc.constantFrom(intent, reform, { ...intent, uid: "uid-a" }, { ...reform, uid: "uid-b" });
// A pod may change from one to the other.
const network = fc.constantFrom("n/x", "n/x", "n/y");
const pod: fc.Arbitrary<StepPod> = fc.oneof(
  member.map(joining),
  name.map((each) => ({ how: "joins" as const, uid: `uid-${each}` })),
  name.map((each) => ({ how: "leaves" as const, uid: `uid-${each}` })),
);

const change: fc.Arbitrary<Change> = fc.record(
  {
    stack: fc.uniqueArray(member, { selector: ({ uid }) => uid, maxLength: 3 }),
    drop: fc.array(member, { maxLength: 2 }),
    push: member,
    keepIntent: fc.boolean(),
    generation: fc.nat(9),
    newest: fc.constantFrom("", "d1", "d2"),
    quietMs: fc.constantFrom(0, LONG_MS),
    deaths: fc.boolean(),
    hung: fc.uniqueArray(fc.constantFrom("i1", "i2", "__proto__"), { maxLength: 2 }),
    waitedFor: fc.uniqueArray(fc.constantFrom("10.0.0.2:9081", "[fd00::7]:9081"), { maxLength: 2 }),
    log: fc.nat(9).map((number) => logEntry(String(number))),
  },
  { requiredKeys: [] },
);

const call: fc.Arbitrary<Call> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      { call: fc.constant("begin" as const), network, token, leaseMs, pod },
      { requiredKeys: ["call", "network", "token", "leaseMs"] },
    ),
  },
  { weight: 2, arbitrary: fc.record({ call: fc.constant("mark" as const), network, token, leaseMs, about }) },
  { weight: 4, arbitrary: fc.record({ call: fc.constant("commit" as const), network, token, change }) },
  {
    weight: 2,
    arbitrary: fc.record({
      call: fc.constant("leave" as const),
      network,
      name,
      quietMs: fc.constantFrom(0, LONG_MS),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ call: "flush" as const }) },
);

interface Store {
  readonly contacts: Contacts;
  readonly flush: () => Promise<void>;
}

const make = async ({ contacts, flush }: Store, made: Call): Promise<unknown> => {
  switch (made.call) {
    case "begin":
      return contacts.begin(made.network, made.token, made.leaseMs, made.pod);
    case "mark":
      return contacts.mark(made.network, made.token, made.leaseMs, made.about);
    case "commit":
      return contacts.commit(made.network, made.token, made.change);
    case "leave":
      return contacts.leave(made.network, `uid-${made.name}`, made.quietMs);
    case "flush":
      await flush();
      return "flushed";
  }
};

/** Two stores have two clocks: of a duration only whether there is one is compared. */
const comparable = (answer: unknown): unknown => {
  const text = JSON.stringify(answer, (key, value: unknown) => {
    if (key === "remainingMs" || key === "quietMs") return Number(value) > 0;
    if (key === "hung" || key === "waitedFor") return Object.keys(value as object).sort();
    return value;
  });
  return JSON.parse(text) as unknown;
};

const endsALease = (made: Call): boolean => "leaseMs" in made && made.leaseMs === SHORT_MS;

describe("contacts in memory and in Redis", { skip: skipWithoutRedis() }, () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  const run = async (calls: readonly Call[]): Promise<void> => {
    let now = 1_750_000_000_000;
    const memory = createMemoryContacts({ now: () => now, sleep: () => Promise.resolve() });
    const upstash = createUpstashContacts({ ...redis, prefix: `${randomUUID()}:`, timeoutMs: 5000 });
    const inMemory: Store = {
      contacts: memory,
      flush: () => Promise.resolve(memory.flush()),
    };
    const inRedis: Store = { contacts: upstash, flush: () => redis.flush() };
    for (const made of calls) {
      const expected = await make(inMemory, made);
      assert.deepEqual(comparable(await make(inRedis, made)), comparable(expected), JSON.stringify(made));
      if (endsALease(made)) {
        now += 5;
        await sleep(5);
      }
      const views = [await memory.read(["n/x", "n/y"]), await memory.networks()];
      assert.deepEqual(
        comparable([await upstash.read(["n/x", "n/y"]), await upstash.networks()]),
        comparable(views),
        JSON.stringify(made),
      );
    }
  };

  const seed = Number(process.env["FC_SEED"] ?? Date.now() % 2 ** 31);
  test(`give the same answers and hold the same state (FC_SEED=${seed})`, async () => {
    const calls = fc.array(call, { minLength: 5, maxLength: 25 });
    await fc.assert(fc.asyncProperty(calls, run), {
      seed,
      numRuns: 35,
      interruptAfterTimeLimit: 20_000,
      markInterruptAsFailure: true,
    });
  });
});
