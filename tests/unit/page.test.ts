import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { createPage, type PageRequest } from "../../functions/page/answer.ts";
import { html } from "../../functions/page/html.ts";
import { duration } from "../../functions/page/age.ts";
import type { Reply } from "../../functions/http/problem.ts";
import { createStatusReader, type StatusReading } from "../../functions/status/status.ts";
import { exampleNetworks } from "../harness/example-networks.ts";
import { podOf, World } from "../harness/networks.ts";

type Read = () => Promise<StatusReading>;

const answerPage = (status: Read, request: PageRequest): Promise<Reply> =>
  createPage({ status, why: () => Promise.reject(new Error("no pod is asked for")) })(request);

const show = (world: World, what = "page", query: Record<string, unknown> = {}): Promise<Reply> =>
  answerPage(createStatusReader(world), { what, query });

/** Keys of the networks that a page shows. */
const shown = ({ body = "" }: Reply): readonly string[] =>
  [...body.matchAll(/id="network-([^"]+)"/gu)].map(([, key = ""]) => key);

const lost = () =>
  Promise.resolve({ tag: "failed", message: "no <answer>", at: "2026-11-24T08:00:00.000Z" } as const);

const revisions = ({ body = "" }: Reply): readonly string[] =>
  [...body.matchAll(/data-revision="([^"]+)"/gu)].map(([, revision = ""]) => revision);

describe("many who look at the page", () => {
  test("wait for one reading, share it and its text for 300 ms, and then get a new one", async (t) => {
    const world = await exampleNetworks();
    let at = 0;
    t.mock.method(performance, "now", () => at);
    const lists = t.mock.method(world.cluster, "listPods").mock;
    const page = createPage({
      status: createStatusReader(world),
      why: () => Promise.reject(new Error("no pod is asked for")),
    });
    const look = (): Promise<readonly Reply[]> =>
      Promise.all(Array.from({ length: 10 }, () => page({ what: "live", query: {} })));
    const bodies = new Set((await look()).map(({ body }) => body));
    assert.deepEqual([lists.callCount(), bodies.size], [1, 1]);
    await world.join("shop/new", "new-0", null);
    at = 299;
    for (const { body } of await look()) assert.ok(bodies.has(body));
    assert.equal(lists.callCount(), 1);
    at = 301;
    for (const reply of await look()) assert.ok(shown(reply).includes("shop/new"));
    assert.equal(lists.callCount(), 2);
  });

  test("do not share what could not be read", async () => {
    let asked = 0;
    const page = createPage({
      status: () => {
        asked += 1;
        return lost();
      },
      why: () => Promise.reject(new Error("no pod is asked for")),
    });
    for (const what of ["live", "live"]) assert.equal((await page({ what, query: {} })).status, 503);
    assert.equal(asked, 2);
  });
});

describe("a piece of a page", () => {
  test("escapes every value, in text and in attributes", () => {
    const evil = `<img src=x onerror="alert('1')">&`;
    assert.equal(
      String(html`<p title="${evil}">${evil}</p>`),
      '<p title="&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;">&lt;img src=x onerror=&quot;alert(&#39;1&#39;)&quot;&gt;&amp;</p>',
    );
  });

  test("takes pieces as they are, lists in order, and nothing where there is nothing", () => {
    const items = ["<", 2].map((item) => html`<b>${item}</b>`);
    const none: false | undefined = undefined;
    assert.equal(String(html`<i>${items}${none}${false}</i>`), "<i><b>&lt;</b><b>2</b></i>");
  });
});

test("an age has one unit and is rounded down", () => {
  const ages = [-5, 999, 59_999, 60_000, 3_599_999, 3_600_000, 86_400_000 * 3.9].map(duration);
  assert.deepEqual(ages, ["0 s", "0 s", "59 s", "1 min", "59 min", "1 h", "3 d"]);
});

describe("the page", () => {
  test("shows every network under its namespace, those in need first, members newest first", async () => {
    const page = await show(await exampleNetworks());
    assert.equal(page.status, 200);
    assert.deepEqual(shown(page), [
      "metering/readings",
      "metering/tariffs",
      "shop/carts",
      "shop/orders",
      "shop/catalogue",
      "shop/prices",
      "shop/stock",
      "billing/ledger",
    ]);
    const names = [...(page.body ?? "").matchAll(/data-find>(catalogue-\d)</gu)].map(([, name]) => name);
    assert.deepEqual(names, ["catalogue-2", "catalogue-1", "catalogue-0"]);
  });

  const searches: readonly (readonly [Record<string, unknown>, readonly string[]])[] = [
    [{ q: "metering/" }, ["metering/readings", "metering/tariffs"]],
    [{ q: "READINGS-3" }, ["metering/readings"]],
    [{ q: "orders shop" }, ["shop/orders"]],
    [{ q: "badport" }, ["shop/carts"]],
    [{ q: "nothing is like this" }, []],
    [{ show: "attention" }, ["metering/readings", "shop/carts", "shop/orders"]],
    [{ show: "attention", q: "shop" }, ["shop/carts", "shop/orders"]],
    [{ q: ["a", "b"], show: "everything" }, []],
  ];
  for (const [query, found] of searches.slice(0, -1)) {
    test(`finds ${found.length} networks by ${JSON.stringify(query)}`, async () => {
      assert.deepEqual(shown(await show(await exampleNetworks(), "page", query)), found);
    });
  }

  test("shows all where what is asked is no search", async () => {
    const [query] = searches.at(-1) ?? [];
    assert.equal(shown(await show(await exampleNetworks(), "page", query)).length, 8);
  });

  test("keeps what is behind a closed network as a text where there is JavaScript, and the open ones drawn", async () => {
    const { body = "" } = await show(await exampleNetworks());
    const sections = [...body.matchAll(/<details class="network"[^>]*?( open)?>[^]*?<\/details>/gu)];
    assert.equal(sections.length, 8);
    for (const [section, open] of sections) {
      assert.equal(section.includes("<noscript>"), open === undefined);
      assert.match(section, /<div class="inside">[^]*<table/u);
    }
  });

  test("keeps what was searched for in its form", async () => {
    const { body } = await show(await exampleNetworks(), "page", { q: '"><b>', show: "attention" });
    assert.match(body ?? "", /value="&quot;&gt;&lt;b&gt;"/u);
    assert.match(body ?? "", /value="attention"\s+checked/u);
  });

  test("tells how to begin where there is no network", async () => {
    const { body } = await show(new World());
    assert.match(body ?? "", /No network yet/u);
    assert.match(body ?? "", /klight\.networkId/u);
  });

  test("shows networks while the API server is away, and calls none of them well", async () => {
    const world = await exampleNetworks();
    world.cluster.failure = { kind: "forbidden", message: "pods is forbidden: cannot list" };
    const page = await show(world);
    assert.equal(page.status, 200);
    assert.match(page.body ?? "", /pods is forbidden: cannot list/u);
    assert.match(page.body ?? "", /Which pods are not in is not known/u);
    assert.equal(shown(page).length, 8);
    assert.ok(!page.body?.includes('data-level="well"'), "what is not seen is not well");
  });

  test("keeps what it knew of pods while the API server is away, with its age", async () => {
    const world = await exampleNetworks();
    const read = createStatusReader(world);
    const before = await answerPage(read, { what: "page", query: { show: "attention" } });
    world.cluster.failure = { kind: "unavailable", message: "connection refused" };
    world.clock.move(3 * 60_000);
    const blind = await answerPage(read, { what: "page", query: { show: "attention" } });
    assert.deepEqual(shown(blind), shown(before));
    assert.match(blind.body ?? "", /Pods are shown as they were <time[^>]*>3 min<\/time> ago/u);
    assert.ok(!blind.body?.includes('data-level="well"'));
  });

  test("keeps what it knew while the store is away, calls none of it well, and is a 503", async () => {
    const world = await exampleNetworks();
    let isAway = false;
    const contacts = {
      ...world.contacts,
      networks: () => (isAway ? lost() : world.contacts.networks()),
    };
    const read = createStatusReader({ contacts, cluster: world.cluster, clock: world.clock });
    await read();
    isAway = true;
    world.clock.move(4 * 60_000);
    const page = await answerPage(read, { what: "page", query: {} });
    assert.equal(page.status, 503);
    assert.equal(shown(page).length, 8);
    assert.match(
      page.body ?? "",
      /The store could not be read.<\/b> All of this is as it was <time[^>]*>4 min<\/time> ago/u,
    );
    assert.ok(!page.body?.includes('data-level="well"'));
  });

  test("is a 503 with the reason and what helps when the store does not answer", async () => {
    const page = await answerPage(lost, { what: "page", query: {} });
    assert.equal(page.status, 503);
    assert.equal(page.headers["retry-after"], "5");
    assert.match(page.body ?? "", /no &lt;answer&gt;/u);
    assert.match(page.body ?? "", /What helps/u);
    const live = await answerPage(lost, { what: "live", query: {} });
    assert.equal(live.status, 503);
    assert.equal(live.headers["content-type"], "application/problem+json");
  });
});

describe("the part that changes", () => {
  test("has the same tag as long as nothing changes, whatever time it is", async () => {
    const world = new World();
    await world.join("shop/a", "a-0", null);
    const { etag } = (await show(world, "live")).headers;
    world.clock.move(3_600_000);
    const again = await answerPage(createStatusReader(world), {
      what: "live",
      query: {},
      ifNoneMatch: etag ?? "",
    });
    assert.equal(again.status, 304);
    assert.equal(again.body, undefined);
  });

  test("has another tag and another revision for the network that has changed, and for no other", async () => {
    const world = new World();
    await world.join("shop/a", "a-0", null);
    await world.join("shop/b", "b-0", null);
    const before = await show(world, "live");
    world.addPod(podOf("shop/b", "b-1"));
    world.clock.move(60_000);
    const after = await show(world, "live");
    assert.notEqual(after.headers["etag"], before.headers["etag"]);
    assert.equal(revisions(after)[0], revisions(before)[0]);
    assert.notEqual(revisions(after)[1], revisions(before)[1]);
  });
});

describe("a file of the page", () => {
  test("is kept by the browser as long as the page names this version of it", async () => {
    const world = new World();
    const { body = "" } = await show(world);
    const [, name = "", version = ""] = /\/page\/([\w.]+)\?v=([^"]+)"/u.exec(body) ?? [];
    const current = await show(world, name, { v: version });
    const other = await show(world, name, { v: "old" });
    assert.match(current.headers["cache-control"] ?? "", /immutable/u);
    assert.equal(other.headers["cache-control"], "no-cache");
    assert.equal(current.body, other.body);
  });

  for (const name of ["nothing.js", "__proto__", "../page.ts", "toString"]) {
    test(`is not there by the name ${name}`, async () => {
      assert.equal((await show(new World(), name)).status, 404);
    });
  }
});
