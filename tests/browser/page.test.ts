import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import type { Browser } from "playwright-core";
import { launchChromium, noChromium, openPage } from "../harness/chromium.ts";
import { exampleNetworks } from "../harness/example-networks.ts";
import { handClock, ignoredPod, podOf, START, World } from "../harness/networks.ts";
import {
  attributes,
  boxMiddles,
  findings,
  focused,
  isOpen,
  keysShown,
  members,
  network,
  weakTexts,
} from "../harness/page-looks.ts";
import { type PageServer, servePage } from "../harness/page-server.ts";

describe("the page in a browser", { skip: noChromium }, () => {
  let browser: Browser;
  let server: PageServer;
  before(async () => {
    browser = await launchChromium();
  });
  after(() => browser.close());
  beforeEach(async () => {
    server = await servePage(await exampleNetworks());
  });
  afterEach(() => server.close());

  test("shows totals, networks by namespace, and opens what needs attention", async () => {
    const { page, wrong } = await openPage(browser, server.url);
    assert.deepEqual(await page.locator(".totals dd").allTextContents(), ["8", "39", "6", "3"]);
    assert.deepEqual(await page.locator("main h2").allTextContents(), ["metering", "shop", "billing"]);
    const opened = await attributes(page.locator("details[open]"), "data-key");
    assert.deepEqual(opened, ["metering/readings", "shop/carts", "shop/orders"]);
    assert.deepEqual(await members(page, "shop/carts"), ["carts-3", "carts-2", "carts-1", "carts-0"]);
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test("draws each peer in the row of the table that names it", async () => {
    const { page } = await openPage(browser, server.url);
    const middles = (selector: string): Promise<number[]> =>
      boxMiddles(network(page, "shop/orders").locator(selector));
    const [dots, rows] = [await middles(".tree .dot circle"), await middles("tbody tr")];
    const offsets = rows.map((row, at) => row - (dots[at] ?? NaN));
    assert.equal(offsets.length, 11);
    assert.ok(
      offsets.every((offset) => Math.abs(offset) < 3),
      offsets.join(" "),
    );
    await page.context().close();
  });

  test("searches as one types, keeps the search in the address, and says how many are left", async () => {
    const { page, wrong } = await openPage(browser, server.url);
    await page.keyboard.press("/");
    await page.keyboard.type("READINGS-3 metering");
    assert.deepEqual(await keysShown(page), ["metering/readings"]);
    assert.equal(await page.textContent("#shown"), "1 of 8 networks");
    assert.equal(await page.textContent("#said"), "1 of 8 networks");
    assert.equal(new URL(page.url()).searchParams.get("q"), "READINGS-3 metering");
    await page.fill("#q", "no such thing");
    assert.ok(await page.isVisible("#nothing"));
    await page.fill("#q", "");
    await page.check("[name=show]");
    assert.deepEqual(await keysShown(page), ["metering/readings", "shop/carts", "shop/orders"]);
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test("goes on with the whole list after it was loaded with a search", async () => {
    const { page } = await openPage(browser, `${server.url}/?q=tariffs`);
    await page.locator('details[data-key="shop/stock"]').waitFor({ state: "attached" });
    assert.deepEqual(await keysShown(page), ["metering/tariffs"]);
    await page.fill("#q", "stock");
    assert.deepEqual(await keysShown(page), ["shop/stock"]);
    await page.context().close();
  });

  test("finds the same without JavaScript as with it", async () => {
    const plain = await openPage(browser, server.url, { javaScriptEnabled: false });
    const live = await openPage(browser, server.url);
    for (const query of ["orders", "shop 10.1.", "badport", "carts-4 pending", "nowhere", "readings-6"]) {
      await plain.page.fill("#q", query);
      await plain.page.press("#q", "Enter");
      await plain.page.waitForURL(/\?q=/u);
      await live.page.fill("#q", query);
      assert.deepEqual(await keysShown(plain.page), await keysShown(live.page), query);
    }
    await plain.page.fill("#q", "");
    await plain.page.check("[name=show]");
    await plain.page.press("#q", "Enter");
    await plain.page.waitForURL(/show=attention/u);
    assert.equal((await keysShown(plain.page)).length, 3);
    assert.deepEqual([...plain.wrong, ...live.wrong], []);
    await plain.page.context().close();
    await live.page.context().close();
  });

  test("works with the keyboard alone", async () => {
    const { page } = await openPage(browser, server.url);
    await page.keyboard.press("Tab");
    assert.equal(await page.evaluate("document.activeElement.className"), "skip");
    await page.keyboard.press("Enter");
    assert.equal(await page.evaluate("document.activeElement.id"), "networks");
    await page.keyboard.press("Tab");
    assert.equal(await focused(page), "metering/readings");
    await page.keyboard.press("Enter");
    assert.equal(await isOpen(page, "metering/readings"), false);
    await page.keyboard.press("Enter");
    assert.ok(await network(page, "metering/readings").locator("table").isVisible());
    await page.context().close();
  });

  test("tells a screen reader what is where", async () => {
    const { page } = await openPage(browser, server.url);
    for (const [role, name] of [
      ["banner", ""],
      ["search", ""],
      ["main", "Networks"],
      ["complementary", "Last outcomes"],
      ["region", "Namespace shop"],
      ["heading", "klight"],
      ["table", "Members of orders, newest on top"],
      ["searchbox", "Search networks, peers, addresses, reasons"],
      ["checkbox", "Needs attention"],
      ["link", "Why is shop/orders-11 not in?"],
    ] as const) {
      const found = name === "" ? page.getByRole(role) : page.getByRole(role, { name, exact: true });
      assert.equal(await found.count(), 1, `${role} ${name}`);
    }
    const levels = await page.evaluate<number[]>(
      "[...document.querySelectorAll('h1, h2, h3, h4')].map(({ localName }) => Number(localName[1]))",
    );
    assert.ok(levels.every((level, at) => level <= (levels[at - 1] ?? 0) + 1));
    assert.equal(await page.locator("#said").getAttribute("aria-live"), "polite");
    await page.context().close();
  });

  test("cuts long names in their middle at 360 px, with a picture in each row and no button cut", async (context) => {
    const world = await exampleNetworks();
    const key = "shop/payment-reconciliation-europe";
    const ends = ["x2x9z", "k8m4q", "p7d2w"];
    for (const end of ends) await world.join(key, `payment-reconciliation-7d9f8b6c5d-${end}`, null);
    world.addPod(ignoredPod(key, "payment-reconciliation-7d9f8b6c5d-z9z9z", "NotRunning", "it is Pending"));
    const long = await servePage(world);
    context.after(() => long.close());
    const viewport = { width: 360, height: 800 };
    const { page } = await openPage(browser, `${long.url}/?q=reconciliation`, { viewport });
    const rows = network(page, key).locator("tbody tr");
    assert.equal(await rows.count(), 3);
    for (const row of await rows.all()) {
      const [name, end] = [row.locator("th .cut"), row.locator("th .end")];
      const [whole, tail] = [await name.boundingBox(), await end.boundingBox()];
      assert.ok(whole && tail && tail.x + tail.width <= whole.x + whole.width + 1, "the end is in sight");
      assert.match((await end.textContent()) ?? "", /^-\w{5}$/u);
      assert.match((await name.textContent()) ?? "", /^payment-reconciliation-7d9f8b6c5d-\w{5}$/u);
    }
    const dots = await boxMiddles(rows.locator(".dot circle"));
    const middles = await boxMiddles(rows);
    assert.ok(
      middles.every((middle, at) => Math.abs(middle - (dots[at] ?? NaN)) < 3),
      [...middles, ...dots].join(" "),
    );
    for (const button of await page.locator("button:visible, .check").all()) {
      const box = await button.boundingBox();
      assert.ok(box && box.height < 40, `${await button.textContent()} is on one line`);
    }
    const out = await network(page, key).locator(".gap").boundingBox();
    assert.ok(out && out.x + out.width <= 360, "who is not in is in sight, too");
    assert.equal(await page.evaluate("document.documentElement.scrollWidth"), 360);
    await page.context().close();
  });

  test("tells why a pod is not in, in words, with a link to the reason and commands to copy", async () => {
    const { page, wrong } = await openPage(browser, server.url);
    await page.getByRole("link", { name: "Why is shop/carts-5 not in?" }).click();
    await page.waitForURL(/\/page\/why\/shop\/carts-5$/u);
    assert.equal(await page.textContent("h2"), "shop/carts-5 is not in");
    assert.match((await page.textContent("main")) ?? "", /Set it to a number from 1 to 65535/u);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await page.locator("[data-copy]").first().click();
    assert.equal(await page.evaluate("navigator.clipboard.readText()"), "kubectl klight why shop/carts-5");
    await page.getByRole("link", { name: "BadPort" }).click();
    await page.waitForURL(/\/page\/reasons#BadPort$/u);
    assert.ok(await page.locator("#BadPort").isVisible());
    assert.deepEqual(wrong, []);
    await page.context().close();
  });

  test("says each sentence of the log once", async (context) => {
    const world = new World(handClock(START));
    const pod = podOf("shop/orders", "orders-1");
    await world.join("shop/orders", "orders-0", null);
    for (let times = 0; times < 3; times += 1) {
      await world.commit("shop/orders", {
        log: world.entry(pod, "held", "NotQuiet", "told again and again"),
      });
    }
    const told = await servePage(world);
    context.after(() => told.close());
    const { page } = await openPage(browser, told.url);
    assert.equal(await page.getByText("told again and again").count(), 1);
    assert.match((await page.textContent(".inside .log")) ?? "", /3 times, last/u);
    await page.context().close();
  });

  for (const [what, path, options] of [
    ["the page, light", "", { colorScheme: "light" }],
    ["the page, dark", "", { colorScheme: "dark" }],
    ["the page, narrow", "", { viewport: { width: 360, height: 800 } }],
    ["a pod", "page/why/shop/orders-11", { colorScheme: "dark" }],
    ["a pod that is not there", "page/why/shop/nobody", {}],
    ["the reasons", "page/reasons", {}],
  ] as const) {
    test(`gives a checker of accessibility nothing to find: ${what}`, async () => {
      const { page } = await openPage(browser, `${server.url}/${path}`, options);
      assert.deepEqual(await findings(page), []);
      await page.context().close();
    });
  }

  test("gives it nothing to find where the store is away", async (context) => {
    const world = await exampleNetworks();
    const contacts: World["contacts"] = {
      ...world.contacts,
      networks: () => Promise.resolve({ tag: "failed", message: "no answer" }),
    };
    const away = await servePage(Object.assign(world, { contacts }));
    context.after(() => away.close());
    for (const colorScheme of ["light", "dark"] as const) {
      const { page } = await openPage(browser, away.url, { colorScheme });
      assert.match((await page.textContent("main")) ?? "", /cannot be read now/u);
      assert.deepEqual(await findings(page), []);
      await page.keyboard.press("Tab");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate("document.activeElement.id"), "networks");
      await page.context().close();
    }
  });

  for (const width of [320, 360, 768, 1024, 1920]) {
    test(`has nothing to scroll sideways at ${width} px`, async () => {
      const { page } = await openPage(browser, server.url, { viewport: { width, height: 800 } });
      await page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true");
      assert.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
      await page.context().close();
    });
  }

  for (const colorScheme of ["light", "dark"] as const) {
    test(`has text that can be read, ${colorScheme}`, async () => {
      const { page } = await openPage(browser, server.url, { colorScheme });
      const weak = await page.evaluate(weakTexts);
      assert.deepEqual(weak, []);
      await page.context().close();
    });
  }

  test("sends a policy that runs, loads and frames nothing from elsewhere", async () => {
    const { headers } = await fetch(server.url);
    const policy = headers.get("content-security-policy") ?? "";
    assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/u);
    assert.match(policy, /frame-ancestors 'none'/u);
    assert.doesNotMatch(policy, /unsafe|\*|data:|http/u);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.equal(headers.get("referrer-policy"), "no-referrer");
    assert.equal(headers.get("cache-control"), "no-store");
  });

  test("asks for the read token as for a password", async (t) => {
    const guarded = await servePage(await exampleNetworks(), { token: "t0ken" });
    t.after(() => guarded.close());
    // Chromium gives these only where it would show its prompt.
    const httpCredentials = { username: "anybody", password: "t0ken" };
    const { page } = await openPage(browser, guarded.url, { httpCredentials });
    assert.deepEqual(await page.locator("main h2").allTextContents(), ["metering", "shop", "billing"]);
    await page.context().close();
  });
});
