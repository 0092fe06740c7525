import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Contacts, StoreFailure } from "../../lib/store/contacts.ts";
import { createUpstashContacts } from "../../lib/store/upstash.ts";
import { skipWithoutRedis, startRedis, type TestRedis } from "../harness/redis.ts";
import { type FaultyRest, startRubbish, startSilent } from "./contacts-faulty-rest.ts";
import { everyCall, failures } from "./contacts-failures.ts";
import { contact, intent, logEntry, LONG_MS, joining } from "./contacts-fixtures.ts";
import { contactsContract } from "./contacts-port.ts";

const skip = skipWithoutRedis();
const timeoutMs = 5000;

contactsContract(
  "contacts in Redis",
  async () => {
    const redis = await startRedis();
    const contacts = createUpstashContacts({ ...redis, prefix: `${randomUUID()}:`, timeoutMs });
    return { contacts, pass: (ms) => sleep(ms), flush: () => redis.flush(), close: () => redis.stop() };
  },
  skip,
);

const between = (value: number, low: number, high: number): void => {
  assert.ok(value > low && value <= high, `${value} is not between ${low} and ${high}`);
};

describe("contacts in a Redis that is there", { skip }, () => {
  let redis: TestRedis;
  let prefix: string;
  let contacts: Contacts;
  before(async () => {
    redis = await startRedis();
    prefix = `${randomUUID()}:`;
    contacts = createUpstashContacts({ ...redis, prefix, timeoutMs });
  });
  after(() => redis.stop());

  const count = async (call: () => Promise<unknown>): Promise<number> => {
    const earlier = await redis.commandsProcessed();
    await call();
    return (await redis.commandsProcessed()) - earlier;
  };

  const ttl = async (key: string): Promise<number> =>
    Number(await redis.command("PTTL", `${prefix}{n/ttl}:${key}`));

  test("each call is one command, once Redis knows the scripts", async () => {
    await Promise.all(Object.values(everyCall(contacts)));
    assert.equal(await count(() => contacts.begin("n/count", "t1", LONG_MS, joining(contact("a")))), 1);
    assert.equal(await count(() => contacts.mark("n/count", "t1", LONG_MS, intent)), 1);
    assert.equal(await count(() => contacts.commit("n/count", "t1", { push: contact("a") })), 1);
    assert.equal(await count(() => contacts.begin("n/count", "t2", LONG_MS, joining(contact("a")))), 1);
    assert.equal(await count(() => contacts.leave("n/count", "uid-a", 1)), 1);
    const hundred = Array.from({ length: 100 }, (_, index) => `n/count-${index}`);
    assert.equal(await count(() => contacts.read(["n/count", ...hundred.slice(1)])), 1);
    assert.equal(await count(() => contacts.read(["n/count", ...hundred])), 2);
    assert.equal(await count(() => contacts.networks()), 1);
    assert.equal(await count(() => contacts.sweepPlace()), 1);
    assert.equal(await count(() => contacts.keepSweepPlace("n/count")), 1);
  });

  test("a Redis that has forgotten the scripts is told them again", async () => {
    await contacts.begin("n/forgot", "t1", LONG_MS);
    await redis.command("SCRIPT", "FLUSH");
    assert.equal((await contacts.commit("n/forgot", "t1", { push: contact("a") })).tag, "committed");
    const read = await contacts.read(["n/forgot", "n/none"]);
    assert.ok(read.tag === "read");
    assert.deepEqual(
      read.views.map(({ stack }) => stack),
      [[contact("a")], []],
    );
  });

  test("everything that is not needed for ever has its end", async () => {
    await contacts.begin("n/ttl", "t1", LONG_MS);
    between(await ttl("lease"), LONG_MS, LONG_MS + 3_600_000);
    await contacts.commit("n/ttl", "t1", {
      push: contact("a"),
      generation: 1,
      quietMs: 9000,
      log: logEntry("x"),
    });
    assert.equal(await ttl("lease"), -2);
    between(await ttl("receipt:t1"), 0, 60_000);
    between(await ttl("log"), 3_600_000, 86_400_000);
    between(await ttl("quiet"), 0, 9000);
    assert.equal(await ttl("generation"), -1);
    await contacts.keepSweepPlace("n/ttl");
    between(Number(await redis.command("PTTL", `${prefix}sweep`)), 3_600_000, 86_400_000);
    await contacts.begin("n/ttl", "t2", LONG_MS);
    await contacts.leave("n/ttl", "uid-a", 1);
    between(await ttl("generation"), 0, 3_600_000);
    await contacts.commit("n/ttl", "t2", { push: contact("b") });
    assert.equal(await ttl("generation"), -1);
  });

  test("all keys of a network share its hash tag, and two prefixes share nothing", async () => {
    const star = createUpstashContacts({ ...redis, prefix: `${prefix}*[a]?`, timeoutMs });
    for (const [store, name] of [
      [contacts, "plain"],
      [star, "star"],
    ] as const) {
      await store.begin(`n/${name}`, "t1", LONG_MS);
      await store.commit(`n/${name}`, "t1", { push: contact(name) });
    }
    assert.deepEqual(await star.networks(), { tag: "networks", networks: ["n/star"] });
    const plain = await contacts.networks();
    assert.ok(
      plain.tag === "networks" && plain.networks.includes("n/plain") && !plain.networks.includes("n/star"),
    );
    const keys = (await redis.command("KEYS", "*")) as string[];
    assert.ok(
      keys.every((key) => key.includes("{n/") || key.endsWith(":sweep") || key.endsWith("peers")),
      keys.join(" "),
    );
  });

  test("a key that holds something else is a failure, not an empty network", async () => {
    await redis.command("SET", `${prefix}{n/foreign}:stack`, "not a list");
    await redis.command("RPUSH", `${prefix}{n/garbage}:stack`, "not JSON");
    for (const network of ["n/foreign", "n/garbage"]) {
      assert.equal((await contacts.begin(network, "t1", LONG_MS, joining(contact("a")))).tag, "failed");
      assert.equal((await contacts.read(["n/fine", network])).tag, "failed");
      assert.equal((await contacts.leave(network, "uid-a", 1)).tag, "failed");
    }
  });

  test("a wrong token is a failure of every call, and is not told", async () => {
    const token = `wrong-${randomUUID()}`;
    for (const message of await failures(createUpstashContacts({ ...redis, token, prefix, timeoutMs }))) {
      assert.match(message, /^Redis: Unauthorized$/);
    }
  });
});

describe("contacts in a Redis that goes away", { skip }, () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  test("a Redis that died is a failure, and a step begun before it came back writes nothing", async () => {
    const contacts = createUpstashContacts({ ...redis, prefix: "k:", timeoutMs: 150 });
    const patient = createUpstashContacts({ ...redis, prefix: "k:", timeoutMs });
    assert.equal((await patient.begin("n/died", "t1", LONG_MS)).tag, "leased");
    await redis.redis.kill();
    await failures(contacts);
    await redis.redis.restart();
    assert.equal((await patient.mark("n/died", "t1", LONG_MS, intent)).tag, "lost");
    assert.equal((await patient.commit("n/died", "t1", { push: contact("a") })).tag, "late");
    const read = await patient.read(["n/died"]);
    assert.deepEqual(read.tag === "read" && read.views[0]?.stack, []);
  });

  test("a call that hangs on a paused Redis ends, and what it did arrives once", async () => {
    const contacts = createUpstashContacts({ ...redis, prefix: "p:", timeoutMs: 150 });
    const patient = createUpstashContacts({ ...redis, prefix: "p:", timeoutMs });
    await patient.begin("n/paused", "t1", LONG_MS);
    redis.redis.pause();
    const change = { push: contact("a"), log: logEntry("once") };
    assert.match(
      ((await contacts.commit("n/paused", "t1", change)) as StoreFailure).message,
      /no answer within 150 ms/,
    );
    redis.redis.resume();
    assert.equal((await patient.commit("n/paused", "t1", change)).tag, "committed");
    const read = await patient.read(["n/paused"]);
    assert.ok(read.tag === "read");
    assert.deepEqual([read.views[0]?.stack, read.views[0]?.log], [[contact("a")], [logEntry("once")]]);
  });

  test("a REST server that is away is a failure that names its address", async () => {
    const contacts = createUpstashContacts({ ...redis, prefix: "k:", timeoutMs });
    await redis.rest.kill();
    for (const message of await failures(contacts)) assert.match(message, /ECONNREFUSED 127\.0\.0\.1:\d+$/);
    await redis.rest.restart();
    assert.equal((await contacts.begin("n/back", "t1", LONG_MS)).tag, "leased");
  });
});

describe("contacts in something that is no Redis", () => {
  const token = "s3cr3t-t0k3n";
  const using = async (
    rest: Promise<FaultyRest>,
    use: (contacts: Contacts, rest: FaultyRest) => Promise<void>,
  ): Promise<void> => {
    const faulty = await rest;
    try {
      await use(createUpstashContacts({ url: faulty.url, token, prefix: "k:", timeoutMs: 100 }), faulty);
    } finally {
      await faulty.close();
    }
  };

  const rubbish: [number, string][] = [
    [200, ""],
    [200, "<html>It works!</html>"],
    [200, "null"],
    [200, "{}"],
    [200, "[]"],
    [200, '[{"result":null},{"result":null}]'],
    [200, '{"result":null}'],
    [200, '{"result":"OK"}'],
    [200, '{"result":[]}'],
    [200, '{"result":["leased"]}'],
    [200, '{"result":["bGVhc2Vk",[[],"","0","0",[],[],"0"]]}'],
    [200, '{"result":["0",[null]]}'],
    [200, `{"error":"ERR ${token}"}`],
    [400, "{}"],
    [401, `{"error":"Unauthorized: ${token}"}`],
    [429, '{"error":"ERR max requests limit exceeded"}'],
    [500, "Internal Server Error"],
    [502, `<html>${token}</html>`],
  ];
  for (const [status, body] of rubbish) {
    test(`an answer ${status} ${body.replaceAll(token, "TOKEN") || "without a body"} is a failure of every call`, async () => {
      await using(startRubbish(status, body), async (contacts) => {
        for (const message of await failures(contacts)) {
          assert.ok(message.startsWith("Redis"), message);
          assert.ok(!message.includes(token) && !message.includes("uid-a"), message);
        }
      });
    });
  }

  test("a server that never answers is asked three times and given up", async () => {
    await using(startSilent(), async (contacts, rest) => {
      const begun = await contacts.begin("n/x", "t1", LONG_MS);
      assert.deepEqual(begun, { tag: "failed", message: "Redis: no answer within 100 ms" });
      assert.equal(rest.requests(), 3);
    });
  });

  test("an answer that was understood as an error is not asked for again", async () => {
    await using(startRubbish(401, '{"error":"Unauthorized"}'), async (contacts, rest) => {
      assert.deepEqual(await contacts.networks(), { tag: "failed", message: "Redis: Unauthorized" });
      assert.equal(rest.requests(), 1);
    });
  });
});
