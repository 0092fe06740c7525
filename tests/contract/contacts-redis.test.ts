import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { StoreFailure } from "../../lib/store/contacts.ts";
import { createRedisContacts, type RedisContacts, type RedisOptions } from "../../lib/store/redis.ts";
import {
  certificateFile,
  inlineCommand,
  skipWithoutRedis,
  startRedis,
  startSentinel,
  type TestRedis,
} from "../harness/redis.ts";
import { type FaultyRedis, startCutting, startMute, startSaying } from "./contacts-cut.ts";
import { failures } from "./contacts-failures.ts";
import { contact, intent, logEntry, LONG_MS } from "./contacts-fixtures.ts";
import { contactsContract } from "./contacts-port.ts";

const skip = skipWithoutRedis();
const timeoutMs = 5000;

const contactsAt = (url: string, more: Partial<RedisOptions> = {}): RedisContacts =>
  createRedisContacts({ url, sentinels: [], timeoutMs, prefix: `${randomUUID()}:`, ...more });

const contract = (title: string, start: (redis: TestRedis) => RedisContacts, options = {}): void =>
  contactsContract(
    title,
    async () => {
      const redis = await startRedis(options);
      const contacts = start(redis);
      const close = async (): Promise<void> => {
        contacts.close();
        await redis.stop();
      };
      return { contacts, pass: (ms) => sleep(ms), flush: () => redis.flush(), close };
    },
    skip,
  );

contract("contacts in Redis by its own protocol", ({ redisUrl }) => contactsAt(redisUrl));

contract(
  "contacts in another database of a Redis with TLS",
  ({ redisUrl }) => contactsAt(`${redisUrl}/3`, { caFile: certificateFile }),
  { tls: true },
);

contactsContract(
  "contacts in a Redis that cuts the connection instead of its first reply to everything",
  async () => {
    const redis = await startRedis();
    const cutting = await startCutting(redis.redisPort);
    const contacts = contactsAt(redis.redisUrl.replace(/:\d+$/, `:${cutting.port}`));
    const close = async (): Promise<void> => {
      contacts.close();
      await cutting.close();
      await redis.stop();
    };
    return { contacts, pass: (ms) => sleep(ms), flush: () => redis.flush(), close };
  },
  skip,
);

const until = async (isSo: () => Promise<boolean>): Promise<void> => {
  const deadline = performance.now() + 30_000;
  while (!(await isSo().catch(() => false))) {
    assert.ok(performance.now() < deadline, `not within 30 s: ${isSo.toString()}`);
    await sleep(100);
  }
};

/** Uses contacts that are closed afterwards. */
const using = async (
  contacts: RedisContacts,
  use: (contacts: RedisContacts) => Promise<void>,
): Promise<void> => {
  try {
    await use(contacts);
  } finally {
    contacts.close();
  }
};

const allFail = (url: string, message: RegExp, more: Partial<RedisOptions> = {}): Promise<void> =>
  using(contactsAt(url, more), async (contacts) => {
    for (const said of await failures(contacts)) assert.match(said, message);
  });

describe("contacts in a Redis that refuses", { skip }, () => {
  let redis: TestRedis;
  let tls: TestRedis;
  before(async () => {
    [redis, tls] = await Promise.all([startRedis(), startRedis({ tls: true })]);
    await redis.say("ACL SETUSER klight on >s3cr3t ~klight:* +@all");
    await redis.say("ACL SETUSER reader on >s3cr3t ~* +@read");
  });
  after(() => Promise.all([redis.stop(), tls.stop()]));

  const at = (login: string, port = redis.redisPort): string => `redis://${login}127.0.0.1:${port}`;

  test("a wrong password is told, and not repeated", async () => {
    await allFail(
      at(":wr0ng-p4ss@"),
      /^Redis: WRONGPASS (?!.*wr0ng).*\(see user and password in REDIS_URL\)$/,
    );
  });

  test("no password where one is needed is told", async () => {
    await allFail(at(""), /^Redis: NOAUTH .*\(see user and password in REDIS_URL\)$/);
  });

  test("a user of its own is logged in, and what it may not do is told", async () => {
    await using(contactsAt(at("klight:s3cr3t@"), { prefix: "klight:" }), async (contacts) => {
      assert.equal((await contacts.begin("n/x", "t1", LONG_MS)).tag, "leased");
    });
    await allFail(at("klight:s3cr3t@"), /^Redis: NOPERM|No permissions to access a key/, {
      prefix: "other:",
    }).catch((error: unknown) => assert.match(String(error), /networks/));
    await using(contactsAt(at("reader:s3cr3t@")), async (contacts) => {
      const begun = await contacts.begin("n/x", "t1", LONG_MS);
      assert.match(
        (begun as StoreFailure).message,
        /^Redis: NOPERM .*\(the user in REDIS_URL may not do this\)$/,
      );
    });
  });

  test("a database that is not there is told, and nothing is written to another one", async () => {
    const size = await redis.say("DBSIZE");
    await allFail(`${redis.redisUrl}/99`, /^Redis: ERR .*\(see the database in REDIS_URL\)$/);
    assert.equal(await redis.say("DBSIZE"), size);
  });

  test("a server that nobody vouches for is told", async () => {
    await allFail(tls.redisUrl, /^Redis: .*self-signed certificate.*\(see REDIS_CA_FILE/);
  });

  test("plain words to a port that wants TLS, and TLS to one that does not, end", async () => {
    await allFail(tls.redisUrl.replace("rediss:", "redis:"), /^Redis: /, { timeoutMs: 500 });
    await allFail(redis.redisUrl.replace("redis:", "rediss:"), /^Redis: /, { timeoutMs: 500 });
  });

  test("a CA file that cannot be read is told", async () => {
    await allFail(tls.redisUrl, /^Redis: ENOENT.*nowhere\.pem/, { caFile: "/nowhere.pem" });
  });

  test("nobody at the address is told with it", async () => {
    const mute = await startMute();
    await mute.close();
    await allFail(at("", mute.port), /^Redis: connect ECONNREFUSED 127\.0\.0\.1:\d+$/);
    await allFail("redis://no-such-host.invalid", /^Redis: getaddrinfo \w+ no-such-host\.invalid/);
  });

  test("a Redis that is full is told, and has forgotten nothing", async () => {
    await using(contactsAt(redis.redisUrl), async (contacts) => {
      await contacts.begin("n/full", "t1", LONG_MS);
      await contacts.commit("n/full", "t1", { push: contact("a") });
      await redis.say("CONFIG SET maxmemory 1");
      const begun = await contacts.begin("n/full", "t2", LONG_MS);
      await redis.say("CONFIG SET maxmemory 0");
      assert.match((begun as StoreFailure).message, /^Redis: OOM .*\(it is full/);
      const read = await contacts.read(["n/full"]);
      assert.deepEqual(read.tag === "read" && read.views[0]?.stack, [contact("a")]);
    });
  });

  test("a Redis that has become a replica is told, and used again when it is the primary", async () => {
    await using(contactsAt(redis.redisUrl), async (contacts) => {
      assert.equal((await contacts.begin("n/role", "t1", LONG_MS)).tag, "leased");
      await redis.say("REPLICAOF 127.0.0.1 1");
      const committed = await contacts.commit("n/role", "t1", { push: contact("a") });
      assert.match((committed as StoreFailure).message, /^Redis: READONLY .*\(it is a replica/);
      await redis.say("REPLICAOF NO ONE");
      assert.equal((await contacts.commit("n/role", "t1", { push: contact("a") })).tag, "committed");
    });
  });

  test("a script that Redis has forgotten is told to it again", async () => {
    await using(contactsAt(redis.redisUrl), async (contacts) => {
      await contacts.begin("n/forgot", "t1", LONG_MS);
      await redis.say("SCRIPT FLUSH");
      assert.equal((await contacts.commit("n/forgot", "t1", { push: contact("a") })).tag, "committed");
    });
  });
});

describe("contacts in a Redis that goes away", { skip }, () => {
  let redis: TestRedis;
  before(async () => {
    redis = await startRedis({
      settings: { "key-load-delay": "2000", "loading-process-events-interval-bytes": "1024" },
    });
  });
  after(() => redis.stop());

  test("a connection that was cut while nobody asked is replaced at the next call", async () => {
    await using(contactsAt(redis.redisUrl), async (contacts) => {
      await contacts.begin("n/idle", "t1", LONG_MS);
      await redis.say("CLIENT KILL TYPE normal");
      assert.equal((await contacts.commit("n/idle", "t1", { push: contact("a") })).tag, "committed");
    });
  });

  test("one that died is told with its address, and used again when it is back", async () => {
    await using(contactsAt(redis.redisUrl), async (contacts) => {
      await contacts.begin("n/died", "t1", LONG_MS);
      await redis.redis.kill();
      for (const message of await failures(contacts)) assert.match(message, /^Redis: .*127\.0\.0\.1:\d+$/);
      await redis.redis.restart();
      assert.equal((await contacts.commit("n/died", "t1", { push: contact("a") })).tag, "late");
      assert.equal((await contacts.begin("n/died", "t2", LONG_MS)).tag, "leased");
    });
  });

  test("one that is still loading its data is told, and used when it is done", async () => {
    await using(contactsAt(redis.redisUrl), async (contacts) => {
      await redis.say(
        `EVAL "for i = 1, 1000 do redis.call('SET', 'filler' .. i, string.rep('x', 200)) end" 0`,
      );
      await redis.say("SAVE");
      await redis.redis.kill();
      const loaded = redis.redis.restart();
      let said = "";
      while (!said.includes("LOADING")) {
        const begun = await contacts.begin("n/loading", "t1", LONG_MS);
        assert.equal(begun.tag, "failed");
        said = begun.message;
      }
      assert.match(said, /^Redis: LOADING /);
      await loaded;
      assert.equal((await contacts.begin("n/loading", "t1", LONG_MS)).tag, "leased");
      await redis.flush();
    });
  });

  test("a call that hangs on a paused Redis ends, and what it did arrives once", async () => {
    const change = { push: contact("a"), log: logEntry("once") };
    const prefix = "paused:";
    await using(contactsAt(redis.redisUrl, { prefix }), async (patient) => {
      await patient.begin("n/paused", "t1", LONG_MS);
      await using(contactsAt(redis.redisUrl, { prefix, timeoutMs: 150 }), async (contacts) => {
        await contacts.networks();
        redis.redis.pause();
        const begun = performance.now();
        const committed = await contacts.commit("n/paused", "t1", change);
        assert.deepEqual(committed, { tag: "failed", message: "Redis: no answer within 150 ms" });
        assert.ok(performance.now() - begun < 3 * 150 + 220 + 500);
        redis.redis.resume();
      });
      assert.equal((await patient.commit("n/paused", "t1", change)).tag, "committed");
      const read = await patient.read(["n/paused"]);
      assert.ok(read.tag === "read");
      assert.deepEqual([read.views[0]?.stack, read.views[0]?.log], [[contact("a")], [logEntry("once")]]);
    });
  });

  test("fifty calls at once on one connection that is cut are all done", async () => {
    await using(contactsAt(redis.redisUrl), async (contacts) => {
      await contacts.networks();
      const calls = Array.from({ length: 50 }, (_, at) => contacts.begin(`n/many-${at}`, "t1", LONG_MS));
      await redis.say("CLIENT KILL TYPE normal");
      assert.deepEqual(new Set((await Promise.all(calls)).map(({ tag }) => tag)), new Set(["leased"]));
    });
  });
});

describe("contacts in a Redis that Sentinels look after", { skip }, () => {
  test("go to whoever is the primary, also after a failover", async () => {
    const first = await startRedis();
    const { password } = new URL(first.redisUrl);
    const second = await startRedis();
    await second.say(`CONFIG SET masterauth ${password} requirepass ${password}`);
    await first.say(`CONFIG SET masterauth ${password}`);
    const sentinel = await startSentinel({ primaryPort: first.redisPort, password });
    const servers = [first, second];
    try {
      await inlineCommand(second.redisPort, password, `REPLICAOF 127.0.0.1 ${first.redisPort}`);
      await using(
        contactsAt(`redis://:${password}@mine`, {
          sentinels: [`127.0.0.1:${sentinel.port}`],
          sentinelPassword: password,
        }),
        async (contacts) => {
          assert.equal((await contacts.begin("n/x", "t1", LONG_MS)).tag, "leased");
          await until(async () => (await first.say("INFO replication")).includes("state=online"));
          await until(async () => (await sentinel.say("FAILOVER mine")) === "OK");
          await until(async () =>
            (await inlineCommand(second.redisPort, password, "INFO replication")).includes("role:master"),
          );
          // Until then it takes what it is going to lose.
          await until(async () => (await first.say("INFO replication")).includes("role:slave"));
          await until(
            async () => (await contacts.commit("n/x", "t1", { push: contact("a") })).tag === "committed",
          );
          const keys = await inlineCommand(second.redisPort, password, "KEYS *stack");
          assert.match(keys, /\{n\/x\}:stack/);
        },
      );
      await using(
        contactsAt(`redis://:${password}@other`, {
          sentinels: [`127.0.0.1:${sentinel.port}`],
          sentinelPassword: password,
        }),
        async (contacts) => {
          for (const said of await failures(contacts)) assert.match(said, /^Redis: .*[Ss]entinel/);
        },
      );
    } finally {
      await Promise.all([...servers.map((each) => each.stop()), sentinel.stop()]);
    }
  });
});

describe("contacts in a Redis that is a cluster", { skip }, () => {
  test("are kept where one server has all of it, also those of networks whose keys are not together", async () => {
    const redis = await startRedis({ settings: { "cluster-enabled": "yes" } });
    try {
      await redis.say("CLUSTER ADDSLOTSRANGE 0 16383");
      await using(contactsAt(redis.redisUrl), async (contacts) => {
        let begun = await contacts.begin("n/a", "t1", LONG_MS);
        for (let tries = 0; begun.tag !== "leased" && tries < 20; tries++) {
          await sleep(200);
          begun = await contacts.begin("n/a", "t1", LONG_MS);
        }
        assert.equal((await contacts.commit("n/a", "t1", { push: contact("a") })).tag, "committed");
        const read = await contacts.read(["n/a", "n/b", "n/c"]);
        assert.ok(read.tag === "read", JSON.stringify(read));
        assert.deepEqual(
          read.views.map(({ network, stack }) => [network, stack.length]),
          [
            ["n/a", 1],
            ["n/b", 0],
            ["n/c", 0],
          ],
        );
      });
    } finally {
      await redis.stop();
    }
  });
});

describe("contacts in something that is no Redis", () => {
  const at = async (
    starting: Promise<FaultyRedis>,
    use: (contacts: RedisContacts, faulty: FaultyRedis) => Promise<void>,
  ): Promise<void> => {
    const faulty = await starting;
    try {
      const url = `redis://:s3cr3t-p4ss@127.0.0.1:${faulty.port}`;
      await using(contactsAt(url, { timeoutMs: 100 }), (contacts) => use(contacts, faulty));
    } finally {
      await faulty.close();
    }
  };

  for (const [what, reply, message] of [
    ["an HTTP server", "HTTP/1.1 400 Bad Request\r\n\r\n", /^Redis: .*RESP type.*\(is it a Redis/],
    [
      "the word that it knows no password",
      "-ERR AUTH <password> called without any password\r\n",
      /see user and/,
    ],
    ["nothing but OK", "+OK\r\n", /^Redis(?::| answered)/],
    ["an error with the password in it", "-ERR s3cr3t-p4ss\r\n", /^Redis: ERR \*\*\*$/],
    ["the way to another node", "-MOVED 1 10.0.0.1:6379\r\n", /^Redis: MOVED .*\(it is a Redis Cluster/],
    ["an empty list", "*0\r\n", /^Redis(?::| answered)/],
  ] as const) {
    test(`${what} is a failure of every call`, async () => {
      await at(startSaying(reply), async (contacts) => {
        for (const said of await failures(contacts)) assert.match(said, message);
      });
    });
  }

  test("a server that never answers is asked three times and given up", async () => {
    await at(startMute(), async (contacts, faulty) => {
      const begun = await contacts.begin("n/x", "t1", LONG_MS);
      assert.deepEqual(begun, { tag: "failed", message: "Redis: no answer within 100 ms" });
      assert.equal(faulty.connections(), 3);
    });
  });

  test("a refusal is not asked for again", async () => {
    await at(startSaying("-WRONGPASS no\r\n"), async (contacts, faulty) => {
      await contacts.mark("n/x", "t1", LONG_MS, intent);
      assert.equal(faulty.connections(), 1);
    });
  });
});
