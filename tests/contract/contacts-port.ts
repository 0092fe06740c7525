import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  callsOf,
  contact,
  empty,
  type Implementation,
  intent,
  logEntry,
  LONG_MS,
  reform,
  type Suite,
  joining,
} from "./contacts-fixtures.ts";
import { ownership } from "./contacts-ownership.ts";
import { places } from "./contacts-places.ts";

const leases = (use: Suite): void => {
  test("a network that nobody knows is leased, with nothing on record", async () => {
    const { contacts } = use();
    assert.deepEqual(await contacts.begin("n/new", "t1", LONG_MS), { tag: "leased", record: empty });
  });

  test("a lease is busy for another token, and leased again for its own", async () => {
    const { contacts, calls } = use();
    await calls.begin("n/busy", "t1");
    const other = await contacts.begin("n/busy", "t2", LONG_MS);
    assert.ok(other.tag === "busy" && other.remainingMs > 0 && other.remainingMs <= LONG_MS);
    await calls.begin("n/busy", "t1");
    assert.equal((await calls.view("n/busy")).leased, true);
  });

  test("of many that begin at once, one gets the lease", async () => {
    const { contacts } = use();
    const tokens = Array.from({ length: 20 }, (_, index) => `t${index}`);
    const begun = await Promise.all(tokens.map((token) => contacts.begin("n/race", token, LONG_MS)));
    const tags = begun.map(({ tag }) => tag).sort();
    assert.deepEqual(tags, [...Array<string>(19).fill("busy"), "leased"]);
  });

  test("a lease that ran out and that nobody took is still its holder's", async () => {
    const { contacts, it, calls } = use();
    await calls.begin("n/late", "t1", 1);
    await it.pass(20);
    assert.equal((await calls.view("n/late")).leased, false);
    assert.deepEqual(await contacts.mark("n/late", "t1", 1, intent), { tag: "marked" });
    await it.pass(20);
    assert.deepEqual(await contacts.commit("n/late", "t1", { push: contact("a") }), { tag: "committed" });
    assert.deepEqual(await calls.names("n/late"), ["a"]);
  });

  test("a lease that another one took is lost, and its late holder writes nothing", async () => {
    const { contacts, it, calls } = use();
    await calls.step("n/taken", "t0", { push: contact("a") });
    await calls.begin("n/taken", "t1", 1);
    await it.pass(20);
    await calls.begin("n/taken", "t2");
    assert.deepEqual(await contacts.mark("n/taken", "t1", LONG_MS, intent), { tag: "lost" });
    const change = { stack: [], push: contact("b"), generation: 9, log: logEntry("late") };
    assert.deepEqual(await contacts.commit("n/taken", "t1", change), { tag: "late" });
    const view = await calls.view("n/taken");
    assert.deepEqual(view, { network: "n/taken", ...empty, stack: [contact("a")], leased: true, log: [] });
    assert.deepEqual(await contacts.mark("n/taken", "t2", LONG_MS, intent), { tag: "marked" });
  });

  test("mark renews a lease that has nearly run out", async () => {
    const { contacts, it, calls } = use();
    await calls.begin("n/renew", "t1", 1);
    await contacts.mark("n/renew", "t1", LONG_MS, intent);
    await it.pass(20);
    const other = await contacts.begin("n/renew", "t2", LONG_MS);
    assert.ok(other.tag === "busy" && other.remainingMs > LONG_MS / 2);
  });
};

const members = (use: Suite): void => {
  test("a joiner on the stack in this life is a member, and takes no lease", async () => {
    const { contacts, calls } = use();
    await calls.step("n/member", "t0", { push: contact("a") });
    assert.deepEqual(await contacts.begin("n/member", "t1", LONG_MS, joining(contact("a"))), {
      tag: "member",
    });
    assert.equal((await calls.view("n/member")).leased, false);
    assert.equal((await contacts.begin("n/member", "t1", LONG_MS, joining(contact("a", 2)))).tag, "leased");
  });

  test("an intent left over puts every membership in doubt", async () => {
    const { contacts, it, calls } = use();
    await calls.step("n/doubt", "t0", { push: contact("doubted") });
    await calls.begin("n/doubt", "t1", 1);
    await contacts.mark("n/doubt", "t1", 1, intent);
    await it.pass(20);
    const begun = await contacts.begin("n/doubt", "t2", LONG_MS, joining(contact("doubted")));
    assert.ok(begun.tag === "leased");
    assert.deepEqual(begun.record.intent, intent);
  });

  test("a member stays one while another step is at work", async () => {
    const { contacts, calls } = use();
    await calls.step("n/work", "t0", { push: contact("worker") });
    await calls.begin("n/work", "t1");
    await contacts.mark("n/work", "t1", LONG_MS, intent);
    assert.deepEqual(await contacts.begin("n/work", "t2", LONG_MS, joining(contact("worker"))), {
      tag: "member",
    });
    assert.equal((await contacts.begin("n/work", "t2", LONG_MS, joining(contact("waiting")))).tag, "busy");
  });
};

const changes = (use: Suite): void => {
  test("a commit clears the intent and gives the lease back; keepIntent leaves it", async () => {
    const { contacts, calls } = use();
    await calls.begin("n/intent", "t1");
    await contacts.mark("n/intent", "t1", LONG_MS, intent);
    await contacts.commit("n/intent", "t1", { push: contact("a"), keepIntent: true });
    const kept = await calls.view("n/intent");
    assert.deepEqual([kept.intent, kept.leased], [intent, false]);
    await calls.step("n/intent", "t2", {});
    assert.equal((await calls.view("n/intent")).intent, undefined);
  });

  test("the newest contact is on top, and takes the place of every older life of its pod", async () => {
    const { calls } = use();
    for (const [index, pushed] of [contact("a"), contact("b"), contact("a", 2)].entries()) {
      await calls.step("n/push", `t${index}`, { push: pushed });
    }
    assert.deepEqual((await calls.view("n/push")).stack, [contact("a", 2), contact("b")]);
  });

  test("only the life that is named is dropped", async () => {
    const { calls } = use();
    await calls.step("n/drop", "t0", { stack: [contact("c"), contact("b", 2), contact("a")] });
    await calls.step("n/drop", "t1", { drop: [contact("b"), contact("a"), contact("x")] });
    assert.deepEqual((await calls.view("n/drop")).stack, [contact("c"), contact("b", 2)]);
    await calls.step("n/drop", "t2", { drop: [contact("b", 2)], push: contact("d") });
    assert.deepEqual(await calls.names("n/drop"), ["d", "c"]);
  });

  test("a whole stack takes the place of the one before", async () => {
    const { calls } = use();
    await calls.step("n/stack", "t0", { stack: [contact("c"), contact("b"), contact("a")] });
    await calls.step("n/stack", "t1", {
      stack: [contact("a"), contact("d")],
      generation: 1,
      newest: "digest",
    });
    const { stack, generation, newest } = await calls.view("n/stack");
    assert.deepEqual([stack, generation, newest], [[contact("a"), contact("d")], 1, "digest"]);
  });

  test("what a change does not name stays as it is", async () => {
    const { calls } = use();
    const change = {
      push: contact("a"),
      generation: 2,
      newest: "",
      quietMs: LONG_MS,
      deaths: true,
      hung: ["i"],
      waitedFor: ["x"],
    };
    await calls.step("n/rest", "t0", change);
    await calls.step("n/rest", "t1", {});
    const { stack, generation, newest, quietMs, deaths, hung, waitedFor } = await calls.view("n/rest");
    assert.deepEqual(
      [stack, generation, newest, deaths, Object.keys(hung), Object.keys(waitedFor)],
      [[contact("a")], 2, "", true, ["i"], ["x"]],
    );
    assert.ok(quietMs > 0 && quietMs <= LONG_MS);
    await calls.step("n/rest", "t2", { deaths: false });
    assert.equal((await calls.view("n/rest")).deaths, false);
  });

  test("a quiet time is never shortened, and ends by itself", async () => {
    const { it, calls } = use();
    await calls.step("n/quiet", "t0", { push: contact("a"), quietMs: 5 });
    await it.pass(30);
    assert.equal((await calls.view("n/quiet")).quietMs, 0);
    await calls.step("n/quiet", "t1", { quietMs: LONG_MS });
    await calls.step("n/quiet", "t2", { quietMs: 5 });
    assert.ok((await calls.view("n/quiet")).quietMs > LONG_MS / 2);
    await calls.step("n/quiet", "t3", { quietMs: 0 });
    assert.ok((await calls.view("n/quiet")).quietMs > LONG_MS / 2);
  });

  test("a member that still hangs keeps its time, one that answers again is forgotten", async () => {
    const { it, calls } = use();
    await calls.step("n/hung", "t0", { push: contact("a"), hung: ["i1", "i2"] });
    await it.pass(40);
    await calls.step("n/hung", "t1", { hung: ["i2", "i3"] });
    const { hung } = await calls.view("n/hung");
    assert.deepEqual(Object.keys(hung).sort(), ["i2", "i3"]);
    assert.ok((hung["i2"] ?? 0) >= 40);
    assert.ok((hung["i3"] ?? Infinity) < (hung["i2"] ?? 0));
    await calls.step("n/hung", "t2", { hung: [] });
    assert.deepEqual((await calls.view("n/hung")).hung, {});
  });

  test("peers that a network has gone on without are known by their addresses, beside members that hang", async () => {
    const { contacts, it, calls } = use();
    const away = "[fd00::7]:9081";
    await calls.step("n/away", "t0", { push: contact("a"), hung: ["i1"], waitedFor: [away] });
    await it.pass(40);
    await calls.step("n/away", "t1", { waitedFor: [away, "10.0.0.2:9081"] });
    const { hung, waitedFor } = await calls.view("n/away");
    assert.deepEqual([Object.keys(hung), Object.keys(waitedFor).sort()], [["i1"], ["10.0.0.2:9081", away]]);
    assert.ok((waitedFor[away] ?? 0) >= 40);
    const record = await calls.begin("n/away", "t2");
    assert.deepEqual(Object.keys(record.waitedFor).sort(), ["10.0.0.2:9081", away]);
    await contacts.commit("n/away", "t2", { hung: [] });
    const later = await calls.view("n/away");
    assert.deepEqual([later.hung, Object.keys(later.waitedFor).sort()], [{}, ["10.0.0.2:9081", away]]);
    await calls.step("n/away", "t3", { waitedFor: [] });
    assert.deepEqual((await calls.view("n/away")).waitedFor, {});
  });

  test("an intent tells where the seed was", async () => {
    const { contacts, calls } = use();
    await calls.begin("n/seed", "t1");
    await contacts.mark("n/seed", "t1", LONG_MS, reform);
    await contacts.commit("n/seed", "t1", { keepIntent: true });
    assert.deepEqual((await calls.begin("n/seed", "t2")).intent, reform);
    assert.deepEqual((await calls.view("n/seed")).intent, reform);
  });

  test("the log holds the newest 20 outcomes, newest first", async () => {
    const { calls } = use();
    for (let index = 0; index < 22; index++) {
      await calls.step("n/log", `t${index}`, { push: contact("a"), log: logEntry(String(index)) });
    }
    const { log } = await calls.view("n/log");
    assert.deepEqual(
      log,
      Array.from({ length: 20 }, (_, index) => logEntry(String(21 - index))),
    );
  });

  test("a network without members and intent leaves nothing behind but its log and who hangs", async () => {
    const { contacts, calls } = use();
    const change = {
      generation: 3,
      newest: "d",
      quietMs: LONG_MS,
      deaths: true,
      hung: ["i"],
      waitedFor: ["x"],
    };
    await calls.step("n/end", "t0", { ...change, push: contact("a"), log: logEntry("founded") });
    await calls.step("n/end", "t1", { drop: [contact("a")] });
    const ended = { network: "n/end", ...empty, leased: false, log: [logEntry("founded")] };
    const isEnded = async (): Promise<void> => {
      const { waitedFor, ...rest } = await calls.view("n/end");
      assert.deepEqual({ ...rest, waitedFor: {} }, ended);
      assert.deepEqual(Object.keys(waitedFor), ["x"]);
    };
    await isEnded();
    await calls.step("n/end", "t2", { ...change, push: contact("a") });
    assert.deepEqual(await contacts.leave("n/end", "uid-a", LONG_MS), { tag: "left" });
    await isEnded();
    await calls.step("n/end", "t3", { waitedFor: [] });
    assert.deepEqual(await calls.view("n/end"), ended);
  });

  test("a thousand contacts come back as they went in", async () => {
    const { contacts, calls } = use();
    const stack = Array.from({ length: 1000 }, (_, index) => contact(`pod-${index}-ünï "{}"`));
    await calls.step("n/large", "t0", { stack });
    await calls.step("n/large", "t1", { push: contact("pod-1000"), drop: stack.slice(0, 500) });
    assert.deepEqual(await calls.begin("n/large", "t2"), {
      ...empty,
      stack: [contact("pod-1000"), ...stack.slice(500)],
    });
    const last = stack.at(-1);
    assert.deepEqual(await contacts.begin("n/large", "t3", LONG_MS, last && joining(last)), {
      tag: "member",
    });
  });
};

const departures = (use: Suite): void => {
  test("a pod that leaves is off the stack, and its death is to be waited out", async () => {
    const { contacts, calls } = use();
    await calls.step("n/leave", "t0", { stack: [contact("b"), contact("a")], newest: "d" });
    assert.deepEqual(await contacts.leave("n/leave", "uid-b", LONG_MS), { tag: "left" });
    const { stack, deaths, quietMs, newest } = await calls.view("n/leave");
    assert.deepEqual([stack, deaths, newest], [[contact("a")], true, "d"]);
    assert.ok(quietMs > 0 && quietMs <= LONG_MS);
  });

  test("every life of the pod leaves, also while another step has the lease", async () => {
    const { contacts, calls } = use();
    await calls.step("n/lives", "t0", { stack: [contact("b", 2), contact("a"), contact("b")] });
    await calls.begin("n/lives", "t1");
    assert.deepEqual(await contacts.leave("n/lives", "uid-b", 1), { tag: "left" });
    assert.deepEqual(await contacts.commit("n/lives", "t1", { push: contact("c") }), { tag: "committed" });
    assert.deepEqual(await calls.names("n/lives"), ["c", "a"]);
  });

  test("the death of a pod that is not on the stack disturbs those who are", async () => {
    const { contacts, calls } = use();
    await calls.step("n/moved", "t0", { push: contact("a") });
    assert.deepEqual(await contacts.leave("n/moved", "uid-x", LONG_MS), { tag: "absent" });
    const { stack, deaths, quietMs } = await calls.view("n/moved");
    assert.deepEqual([stack, deaths, quietMs > 0], [[contact("a")], true, true]);
  });

  test("nobody leaves a network that has no members", async () => {
    const { contacts, calls } = use();
    assert.deepEqual(await contacts.leave("n/nobody", "uid-x", LONG_MS), { tag: "absent" });
    assert.deepEqual(await calls.view("n/nobody"), { network: "n/nobody", ...empty, leased: false, log: [] });
  });

  test("the last one to leave under a lease does not take the generation from its holder", async () => {
    const { contacts, calls } = use();
    await calls.step("n/handover", "t0", { push: contact("a"), generation: 4 });
    await calls.begin("n/handover", "t1");
    assert.deepEqual(await contacts.leave("n/handover", "uid-a", LONG_MS), { tag: "left" });
    await contacts.commit("n/handover", "t1", { push: contact("b") });
    const { stack, generation } = await calls.view("n/handover");
    assert.deepEqual([stack, generation], [[contact("b")], 4]);
  });
};

const twice = (use: Suite): void => {
  test("a commit that is sent twice writes once, also when another step came in between", async () => {
    const { contacts, calls } = use();
    const change = { push: contact("a"), log: logEntry("once") };
    await calls.step("n/again", "t1", change);
    assert.deepEqual(await contacts.commit("n/again", "t1", change), { tag: "committed" });
    await calls.step("n/again", "t2", { drop: [contact("a")], push: contact("b") });
    assert.deepEqual(await contacts.commit("n/again", "t1", change), { tag: "committed" });
    await calls.begin("n/again", "t3");
    assert.deepEqual(await contacts.commit("n/again", "t1", change), { tag: "committed" });
    const { stack, log, leased } = await calls.view("n/again");
    assert.deepEqual([stack, log, leased], [[contact("b")], [logEntry("once")], true]);
  });

  test("a token that has committed and begins again is as new", async () => {
    const { contacts, it, calls } = use();
    await calls.step("n/reuse", "t1", { push: contact("a") });
    await calls.step("n/reuse", "t1", { push: contact("b") });
    assert.deepEqual(await calls.names("n/reuse"), ["b", "a"]);
    await calls.begin("n/reuse", "t1", 1);
    await it.pass(20);
    await calls.begin("n/reuse", "t2");
    assert.deepEqual(await contacts.commit("n/reuse", "t1", { push: contact("c") }), { tag: "late" });
  });

  test("a whole step with every call sent twice ends as one with every call sent once", async () => {
    const { contacts, calls } = use();
    const run = async (network: string, times: number): Promise<unknown[]> => {
      const answers: unknown[] = [];
      const say = async (call: () => Promise<{ readonly tag: string }>): Promise<void> => {
        const tags = new Set<string>();
        for (let time = 0; time < times; time++) tags.add((await call()).tag);
        answers.push([...tags]);
      };
      await say(() => contacts.begin(network, "t1", LONG_MS));
      await say(() => contacts.mark(network, "t1", LONG_MS, intent));
      await say(() =>
        contacts.commit(network, "t1", {
          push: contact("a"),
          hung: ["i"],
          waitedFor: ["x"],
          log: logEntry("x"),
        }),
      );
      await say(() => contacts.begin(network, "t2", LONG_MS, joining(contact("a"))));
      await say(() => contacts.begin(network, "t2", LONG_MS, joining(contact("b"))));
      await say(() => contacts.commit(network, "t2", { push: contact("b"), generation: 1, newest: "d" }));
      await say(() => contacts.leave(network, "uid-c", LONG_MS));
      const { quietMs, hung, waitedFor, network: _, ...rest } = await calls.view(network);
      return [...answers, quietMs > 0, Object.keys(hung), Object.keys(waitedFor), rest];
    };
    assert.deepEqual(await run("n/twice", 2), await run("n/once", 1));
  });
};

const overview = (use: Suite): void => {
  test("the networks known are those with members or an intent, each once", async () => {
    const { contacts, it, calls } = use();
    await it.flush();
    await calls.step("shop/orders", "t1", {
      push: contact("a"),
      generation: 1,
      newest: "d",
      log: logEntry("x"),
    });
    await calls.begin("orders", "t1");
    await contacts.mark("orders", "t1", LONG_MS, intent);
    await calls.begin("n/only-leased", "t1");
    await calls.step("n/over", "t1", { push: contact("a"), log: logEntry("x") });
    await contacts.leave("n/over", "uid-a", LONG_MS);
    assert.deepEqual(await contacts.networks(), { tag: "networks", networks: ["orders", "shop/orders"] });
  });

  test("where a sweep was left is known until it is told otherwise", async () => {
    const { contacts, it } = use();
    for (const network of ["shop/orders", "x", undefined]) {
      assert.equal((await contacts.keepSweepPlace(network)).tag, "kept");
      assert.deepEqual(await contacts.sweepPlace(), { tag: "place", network });
    }
    await it.flush();
    assert.deepEqual(await contacts.sweepPlace(), { tag: "place", network: undefined });
  });

  test("many networks are read in the order asked for, unknown ones as empty", async () => {
    const { contacts, calls } = use();
    await calls.step("n/read-7", "t1", { push: contact("seven") });
    const networks = Array.from({ length: 205 }, (_, index) => `n/read-${204 - index}`);
    const read = await contacts.read(networks);
    assert.ok(read.tag === "read");
    assert.equal(read.views.map(({ network }) => network).join(), networks.join());
    assert.deepEqual(
      read.views.filter(({ stack }) => stack.length > 0).map(({ network }) => network),
      ["n/read-7"],
    );
    assert.deepEqual(await contacts.read([]), { tag: "read", views: [] });
  });
};

/** The contract of the port, for one implementation. */
export const contactsContract = (
  title: string,
  start: () => Promise<Implementation>,
  skip: string | false = false,
): void => {
  describe(title, { skip }, () => {
    let it: Implementation | undefined;
    before(async () => {
      it = await start();
    });
    after(async () => it?.close());
    const use: Suite = () => {
      assert.ok(it);
      return { contacts: it.contacts, it, calls: callsOf(it.contacts) };
    };
    for (const part of [leases, ownership, members, places, changes, departures, twice, overview]) part(use);
  });
};
