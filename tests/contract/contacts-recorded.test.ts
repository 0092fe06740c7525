import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import type { Contacts } from "../../lib/store/contacts.ts";
import { createUpstashContacts } from "../../lib/store/upstash.ts";
import { skipWithoutRedis, startRedis, type TestRedis } from "../harness/redis.ts";
import { callsOf, LONG_MS } from "./contacts-fixtures.ts";

const network = "shop/orders";
const away = ["10.0.0.3:9081", "[fd00::7]:9081"];

/** What version 0.1.0 had in Redis in the middle of a step, recorded: a command a line. */
const recorded = readFileSync(new URL("../fixtures/store-0.1.0.jsonl", import.meta.url), "utf8")
  .trim()
  .split("\n")
  .map((line) => JSON.parse(line) as string[]);

describe("what version 0.1.0 has written", { skip: skipWithoutRedis() }, () => {
  let redis: TestRedis;
  let contacts: Contacts;
  before(async () => {
    redis = await startRedis();
    contacts = createUpstashContacts({ ...redis, prefix: "klight:", timeoutMs: 5000 });
  });
  after(() => redis.stop());

  const load = async (): Promise<void> => {
    await redis.flush();
    for (const words of recorded) await redis.command(...words);
  };

  test("is read on: members, the step that was under way, and who is waited for", async () => {
    await load();
    assert.deepEqual(await contacts.networks(), { tag: "networks", networks: [network] });
    const { stack, intent, generation, newest, deaths, hung, waitedFor, log } =
      await callsOf(contacts).view(network);
    assert.deepEqual(
      stack.map(({ name, via }) => [name, via]),
      [
        ["orders-b", "orders-a"],
        ["orders-a", null],
      ],
    );
    assert.deepEqual([intent?.kind, intent?.pod], ["join", "shop/orders-c"]);
    assert.deepEqual([generation, newest, deaths, log.length], [1, "d1", true, 2]);
    assert.deepEqual(Object.keys(hung), ["containerd://orders-b-1"]);
    assert.deepEqual(Object.keys(waitedFor).sort(), away);
  });

  test("keeps its times under the keys of now, and the step that was under way can still end", async () => {
    await load();
    await redis.command("HSET", `klight:{${network}}:hung`, "@10.0.0.3:9081", "1000");
    const change = { hung: ["containerd://orders-b-1"], waitedFor: ["10.0.0.3:9081"] };
    assert.deepEqual(await contacts.commit(network, "t3", change), { tag: "committed" });
    assert.deepEqual(await redis.command("HKEYS", `klight:{${network}}:hung`), ["containerd://orders-b-1"]);
    const { waitedFor } = await callsOf(contacts).view(network);
    assert.deepEqual(Object.keys(waitedFor), ["10.0.0.3:9081"]);
    assert.ok((waitedFor["10.0.0.3:9081"] ?? 0) > 1_000_000_000);
  });

  test("is not lost by a change that is about something else", async () => {
    await load();
    assert.deepEqual(await contacts.commit(network, "t3", { hung: [] }), { tag: "committed" });
    const { hung, waitedFor } = await callsOf(contacts).view(network);
    assert.deepEqual([hung, Object.keys(waitedFor).sort()], [{}, away]);
  });

  test("is read by version 0.1.0 after a step of now: every key but the new ones is of the same kind", async () => {
    const kinds = async (): Promise<Record<string, unknown>> => {
      const keys = (await redis.command("KEYS", "*")) as string[];
      const entries = await Promise.all(
        keys
          .filter((key) => !/receipt|quiet/.test(key))
          .map(async (key) => [key.replace(/^.*}:/, ""), await redis.command("TYPE", key)] as const),
      );
      return Object.fromEntries(entries);
    };
    await load();
    const earlier = await kinds();
    const { stack } = await callsOf(contacts).view(network);
    const change = { stack, generation: 2, newest: "d2", deaths: true, hung: ["i1"], waitedFor: away };
    assert.deepEqual(await contacts.commit(network, "t3", change), { tag: "committed" });
    await callsOf(contacts).begin(network, "t4");
    const intent = { kind: "join", at: "2026-01-01T00:00:00Z" } as const;
    assert.deepEqual(await contacts.mark(network, "t4", LONG_MS, intent), { tag: "marked" });
    assert.deepEqual(await kinds(), { ...earlier, waitedFor: "hash", "klight:peers": "hash" });
    assert.match(String(await redis.command("HGET", `klight:{${network}}:hung`, "i1")), /^\d{13}$/);
  });
});
