import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser, Locator } from "playwright-core";
import { launchChromium, noChromium, openPage } from "../harness/chromium.ts";
import { handClock, ignoredPod, podOf, World } from "../harness/networks.ts";
import { manyNetworks } from "../harness/many-networks.ts";
import { focused, isOpen, keysShown, members, network } from "../harness/page-looks.ts";
import { type PageServer, servePage } from "../harness/page-server.ts";

/** A network of two, and one of one before it. */
async function small(): Promise<World> {
  const world = new World(handClock(Date.now()));
  await world.join("bank/ledger", "ledger-0", null);
  await world.join("shop/orders", "orders-0", null);
  await world.join("shop/orders", "orders-1", "orders-0");
  return world;
}

describe("the page while something happens", { skip: noChromium }, () => {
  let browser: Browser;
  before(async () => {
    browser = await launchChromium();
  });
  after(() => browser.close());

  test("shows peers as they join, and keeps what is open and focused", async (context) => {
    const world = await small();
    const server = await servePage(world);
    context.after(() => server.close());
    const { page, wrong } = await openPage(browser, server.url);
    await network(page, "bank/ledger").locator("summary").click();
    assert.equal(await isOpen(page, "bank/ledger"), false);
    await network(page, "shop/orders").locator("summary").focus();
    const element = await network(page, "shop/orders").elementHandle();
    for (const at of [2, 3, 4]) {
      world.clock.move(1_000);
      await world.join("shop/orders", `orders-${at}`, `orders-${at - 1}`);
      const row = network(page, "shop/orders").getByRole("rowheader", { name: `orders-${at}` });
      await row.waitFor();
    }
    assert.deepEqual(await members(page, "shop/orders"), [
      "orders-4",
      "orders-3",
      "orders-2",
      "orders-1",
      "orders-0",
    ]);
    assert.equal(await network(page, "shop/orders").locator(".tree .dot circle").count(), 5);
    assert.ok(await isOpen(page, "shop/orders"));
    assert.ok(await element?.isVisible(), "it is the same element as before");
    assert.equal(await isOpen(page, "bank/ledger"), false);
    assert.equal(await focused(page), "shop/orders");
    assert.match(
      (await page.textContent("#said")) ?? "",
      /orders-4 at .* has joined shop\/orders through orders-3/u,
    );
    assert.equal(await page.textContent("#pulse"), "live");
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test("takes in networks that come and takes out those that go, without moving the others", async (context) => {
    const world = await small();
    const server = await servePage(world);
    context.after(() => server.close());
    const { page, wrong } = await openPage(browser, server.url);
    await network(page, "shop/orders").locator("summary").focus();
    await world.join("shop/carts", "carts-0", null);
    await world.commit("bank/ledger", { stack: [] });
    world.cluster.pods = world.cluster.pods.filter(({ namespace }) => namespace !== "bank");
    await network(page, "bank/ledger").waitFor({ state: "detached" });
    assert.deepEqual(await keysShown(page), ["shop/carts", "shop/orders"]);
    assert.equal(await focused(page), "shop/orders");
    world.cluster.failure = { kind: "unavailable", message: "connection refused" };
    await page.getByRole("alert").waitFor();
    world.cluster.failure = undefined;
    await page.getByRole("alert").waitFor({ state: "detached" });
    assert.equal(await focused(page), "shop/orders");
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test("shows what has changed behind a network when that is opened, for the first time or again", async (context) => {
    const world = await small();
    for (const id of ["a", "b", "c"]) await world.join(`shop/${id}`, `${id}-0`, null);
    const server = await servePage(world);
    context.after(() => server.close());
    const { page, wrong } = await openPage(browser, server.url);
    const line = (key: string): Locator => network(page, key).locator("summary");
    await line("shop/a").click();
    await line("shop/a").click();
    assert.equal(await page.locator("tbody tr").count(), 1, "the others are not drawn yet");
    for (const id of ["a", "b"]) await world.join(`shop/${id}`, `${id}-1`, `${id}-0`);
    for (const id of ["a", "b"]) await line(`shop/${id}`).getByText("2 peers").waitFor();
    for (const id of ["a", "b"]) {
      await line(`shop/${id}`).click();
      assert.deepEqual(await members(page, `shop/${id}`), [`${id}-1`, `${id}-0`]);
    }
    await page.fill("#q", "b-1");
    assert.deepEqual(await keysShown(page), ["shop/b"]);
    await page.fill("#q", "c-0");
    assert.deepEqual(await keysShown(page), ["shop/c"], "what is not drawn is found, too");
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test("opens the network that a link leads to", async (context) => {
    const world = await small();
    for (const id of ["a", "b", "c"]) await world.join(`shop/${id}`, `${id}-0`, null);
    const server = await servePage(world);
    context.after(() => server.close());
    const { page } = await openPage(browser, `${server.url}/#network-shop/b`);
    assert.deepEqual(await members(page, "shop/b"), ["b-0"]);
    await page.getByRole("link", { name: "shop/c" }).click();
    await network(page, "shop/c").getByRole("rowheader", { name: "c-0" }).waitFor();
    assert.equal(await page.locator("details[open]").count(), 2);
    await page.context().close();
  });

  test("says that it is not current when klight goes away, and goes on when it is back", async (context) => {
    const world = await small();
    const server = await servePage(world);
    context.after(() => server.close());
    const { page } = await openPage(browser, server.url);
    await page.route("**/page/live", (route) => route.abort());
    await page.locator(".lost .pulse").waitFor();
    assert.match((await page.textContent("#pulse")) ?? "", /^not current: /u);
    assert.equal(await page.title(), "Not current · klight");
    const ground = "getComputedStyle(document.querySelector('.state.well'), '::before').backgroundColor";
    assert.equal(await page.evaluate(ground), "rgba(0, 0, 0, 0)", "what was well is not known to be so");
    assert.deepEqual(await members(page, "shop/orders"), ["orders-1", "orders-0"]);
    await page.unroute("**/page/live");
    await page.getByText("live", { exact: true }).waitFor();
    assert.equal(await page.title(), "Networks · klight");
    assert.notEqual(await page.evaluate(ground), "rgba(0, 0, 0, 0)");
    await page.context().close();
  });

  test("tells of trouble in the tab's title, and of a store that is away until it is back", async (context) => {
    const world = await small();
    let isAway = true;
    const { contacts } = world;
    const failed = { tag: "failed", message: "no answer" } as const;
    const networks: typeof contacts.networks = () => (isAway ? Promise.resolve(failed) : contacts.networks());
    const server = await servePage(Object.assign(world, { contacts: { ...contacts, networks } }));
    context.after(() => server.close());
    const { page } = await openPage(browser, server.url);
    assert.equal(await page.title(), "Not readable · klight");
    isAway = false;
    world.addPod(ignoredPod("shop/orders", "orders-9", "BadPort", "The port is http"));
    await network(page, "shop/orders").waitFor();
    assert.equal(await page.title(), "(1) Networks · klight");
    await page.context().close();
  });

  test("stands still while it is paused", async (context) => {
    const world = await small();
    const server = await servePage(world);
    context.after(() => server.close());
    const { page } = await openPage(browser, server.url);
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    let asked = 0;
    page.on("request", () => {
      asked += 1;
    });
    await world.join("shop/orders", "orders-2", "orders-1");
    // Twice the first pause between two questions, as long as it is here.
    await page.waitForTimeout(400);
    assert.equal(asked, 0);
    assert.deepEqual(await members(page, "shop/orders"), ["orders-1", "orders-0"]);
    await page.getByRole("button", { name: "Go on" }).click();
    await network(page, "shop/orders").getByRole("rowheader", { name: "orders-2" }).waitFor();
    await page.context().close();
  });

  test("comes up by itself once the store answers again", async (context) => {
    const world = await small();
    const networks = world.contacts.networks.bind(world.contacts);
    const failed = { tag: "failed", message: "no answer from Redis" } as const;
    Object.assign(world.contacts, { networks: () => Promise.resolve(failed) });
    const server = await servePage(world);
    context.after(() => server.close());
    const { page } = await openPage(browser, server.url);
    assert.ok(await page.getByText("The networks cannot be read now").isVisible());
    assert.ok(await page.getByText("no answer from Redis").isVisible());
    Object.assign(world.contacts, { networks });
    await network(page, "shop/orders").waitFor();
    await page.context().close();
  });
});

describe("the page with hostile pods", { skip: noChromium }, () => {
  const evil = [
    `<script>window.hit = 1</script>`,
    `"><img src=x onerror="window.hit=1">`,
    `</summary></details></main><svg onload="window.hit=1">`,
    `' onclick='window.hit=1' x='`,
    `javascript:window.hit=1`,
    `</title></style><iframe srcdoc="<script>parent.hit=1</script>">`,
    `&lt;b&gt; &amp; \u202Eevil\u0000`,
  ];

  test("shows as text what is HTML, and runs none of it, as loaded and as updated", async (context) => {
    const browser = await launchChromium();
    context.after(() => browser.close());
    const world = new World(handClock(Date.now()));
    for (const text of evil) {
      const pod = podOf(`shop/${text}`, `in-${text}`, { address: `${text}:1`, incarnation: text });
      world.addPod(pod);
      await world.push(`shop/${text}`, pod, text);
      world.addPod(ignoredPod(`shop/${text}`, `out-${text}`, "BadPort", text));
      await world.commit(`shop/${text}`, {
        log: world.entry({ namespace: text, name: text }, "held", text, text),
      });
      await world.beginStep(`shop/${text}`, { kind: "join", pod: text, contact: text, at: text }, 1);
    }
    const server = await servePage(world);
    context.after(() => server.close());
    const { page, wrong } = await openPage(browser, `${server.url}/?q=${encodeURIComponent(evil[1] ?? "")}`);
    const all = page.locator("details.network");
    await all.nth(evil.length - 1).waitFor({ state: "attached" });
    await page.fill("#q", "");
    await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true");
    world.clock.move(2);
    const late = podOf(`shop/${evil[0]}`, `late-${evil[1]}`);
    world.addPod(late);
    await world.push(`shop/${evil[0]}`, late, evil[2] ?? "");
    await page.locator("tbody .id[data-find]", { hasText: "late-" }).waitFor();
    const texts = await page.locator("main .id, main .case, aside .log p").allTextContents();
    for (const text of evil.slice(0, -1)) {
      assert.ok(texts.includes(`in-${text}`), text);
      assert.ok(texts.includes(text), text);
    }
    for (const summary of await page.locator("summary").all()) await summary.click();
    assert.equal(await page.evaluate("window.hit"), undefined);
    assert.equal(
      await page.locator("main script, main img, iframe, svg[onload], [onclick], [onerror]").count(),
      0,
    );
    assert.deepEqual(await page.locator("a:not([href^='/']):not([href^='#'])").count(), 0);
    assert.deepEqual(wrong, []);
  });

  test("is not run when the browser opens it as JSON", async (context) => {
    const world = new World();
    world.addPod(ignoredPod("shop/x", "p", "BadPort", evil[0] ?? ""));
    const server = await servePage(world);
    context.after(() => server.close());
    const { headers } = await fetch(`${server.url}/why/shop/p`);
    assert.match(headers.get("content-type") ?? "", /^application\/json/u);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
  });
});

describe("the page with many networks", { skip: noChromium }, () => {
  let browser: Browser;
  let world: World;
  let server: PageServer;
  before(async () => {
    browser = await launchChromium();
    world = await manyNetworks(200, 20);
    server = await servePage(world);
  });
  after(async () => {
    await browser.close();
    await server.close();
  });

  test("has all of them without JavaScript", async () => {
    const { page } = await openPage(browser, server.url, { javaScriptEnabled: false });
    assert.equal(await page.locator("tbody tr").count(), 4_000);
    await network(page, "ns-3/net-3").locator("summary").click();
    assert.ok(await network(page, "ns-3/net-3").getByRole("rowheader", { name: "net-3-19" }).isVisible());
    await page.context().close();
  });

  test("shows 200 networks of 20 pods closed, and finds one of them", async (context) => {
    const { page, wrong } = await openPage(browser, server.url);
    const took = await page.evaluate<number>(
      "performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd",
    );
    context.diagnostic(`200 networks of 20 pods: DOMContentLoaded after ${Math.round(took)} ms`);
    assert.deepEqual(await page.locator(".totals dd").allTextContents(), ["200", "4000", "0", "0"]);
    assert.equal(await page.locator("details.network").count(), 200);
    assert.equal(await page.locator("details[open]").count(), 0);
    // The elements of what nobody sees are most of the time that a page needs.
    assert.equal(await page.locator("tbody tr").count(), 0);
    await page.fill("#q", "net-137-19");
    assert.deepEqual(await keysShown(page), ["ns-7/net-137"]);
    await network(page, "ns-7/net-137").locator("summary").click();
    assert.equal(await page.locator("tbody tr").count(), 20);
    await world.join("ns-7/net-137", "net-137-20", "net-137-19");
    await network(page, "ns-7/net-137").getByRole("rowheader", { name: "net-137-20" }).waitFor();
    assert.deepEqual(await keysShown(page), ["ns-7/net-137"]);
    assert.deepEqual(wrong, []);
    await page.context().close();
  });
});
