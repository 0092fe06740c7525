import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { after, before, describe, test } from "node:test";
import type { Outcome } from "../../lib/outcome.ts";
import { type CommandEnded, runCommand } from "../harness/command-line.ts";
import { exampleNetworks } from "../harness/example-networks.ts";
import { podOf, World } from "../harness/networks.ts";
import { type PageServer, servePage } from "../harness/page-server.ts";

const klight = (...args: readonly string[]): Promise<CommandEnded> => runCommand(args);

const reformed = (network: string): Promise<Outcome> =>
  Promise.resolve({
    name: "reformed",
    reason: "Reformed",
    message: `${network} was re-formed because somebody asked for it`,
    network,
    generation: 3,
  });

const basic = (pair: string): string => `Basic ${Buffer.from(pair).toString("base64")}`;

describe("klight --server", () => {
  let server: PageServer;
  let at: readonly string[];
  before(async () => {
    server = await servePage(await exampleNetworks(), {
      reform: async (network) =>
        network === "shop/orders"
          ? reformed(network)
          : { name: "refused", reason: "NoNetwork", message: `there is no network ${network}`, network },
    });
    at = ["--server", server.url];
  });
  after(() => server.close());

  test("why: a member is in, exit code 0", async () => {
    const { code, out, err } = await klight("why", "shop/orders-3", ...at);
    assert.equal(code, 0);
    assert.equal(err, "");
    assert.match(out, /^shop\/orders-3 is in shop\/orders\n/u);
    assert.match(out, /in since +2026-11-2\S+Z through orders-1/u);
    assert.match(out, /container +lightpeer/u);
  });

  test("why: a pod that is not in has its reason, what helps and what was decided, exit code 1", async () => {
    const { code, out } = await klight("why", "shop/orders-11", ...at);
    assert.equal(code, 1);
    assert.match(out, /^shop\/orders-11 is not in shop\/orders\n/u);
    assert.match(out, /ContactsUnreachable: The peer of this pod cannot reach/u);
    assert.match(out, /What helps: Look at NetworkPolicies/u);
    assert.match(out, /held ContactsUnreachable: orders-11 reaches no member/u);
  });

  test("why: what is waited for is told", async () => {
    const { out } = await klight("why", "metering/readings-5", ...at);
    assert.match(out, /Waits for metering\/readings-3 to answer, or to be given up in 0 s/u);
  });

  test("why -o json: the answer as it is", async () => {
    const { code, out } = await klight("why", "shop/orders-11", "-o", "json", ...at);
    const sent: unknown = await (await fetch(`${server.url}/why/shop/orders-11`)).json();
    const { at: _now, ...told } = JSON.parse(out) as Record<string, unknown>;
    const { at: _then, ...asked } = sent as Record<string, unknown>;
    assert.deepEqual(told, asked);
    assert.equal(told["verdict"], "not in");
    assert.equal(code, 1);
  });

  test("why: a pod that nobody knows is an error, exit code 1", async () => {
    const { code, out, err } = await klight("why", "shop/nobody", ...at);
    assert.deepEqual([code, out, err], [1, "", "klight: No such pod: klight knows no pod shop/nobody\n"]);
  });

  test("networks: every network with its members newest first, and who is not in", async () => {
    const { code, out } = await klight("networks", ...at);
    assert.equal(code, 1);
    assert.match(out, /^shop\/carts {2}4 in, 2 not in, generation 0$/mu);
    assert.match(out, /catalogue-2[^]*catalogue-1[^]*catalogue-0/u);
    assert.match(out, /not in: carts-5, BadPort: .*\n +What helps: Set it to a number/u);
    assert.match(out, /readings-3 .*\(no answer for 7 min\)/u);
    assert.match(out, /^billing\/ledger .*changing now$/mu);
  });

  test("networks -o json: the status as it is", async () => {
    const { out } = await klight("networks", "-o", "json", ...at);
    const { networks } = JSON.parse(out) as { readonly networks: readonly { readonly network: string }[] };
    assert.deepEqual(networks.map(({ network }) => network).slice(0, 2), ["metering/readings", "shop/carts"]);
  });

  test("reform: done, exit code 0", async () => {
    const { code, out } = await klight("reform", "shop/orders", ...at);
    assert.equal(code, 0);
    assert.match(out, /^reformed; reason="Reformed: shop\/orders was re-formed/u);
  });

  test("reform: not done, exit code 1", async () => {
    const { code, out } = await klight("reform", "nowhere", ...at);
    assert.equal(code, 1);
    assert.match(out, /^refused; reason="NoNetwork/u);
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["why"], /missing required argument/u],
    [["why", "a/b/c"], /NAMESPACE\/POD/u],
    [["why", "shop/orders-3?x"], /NAMESPACE\/POD/u],
    [["why", "shop/orders-3#"], /NAMESPACE\/POD/u],
    [["why", "shop/.."], /NAMESPACE\/POD/u],
    [["reform", "shop/a b"], /NAMESPACE\/ID/u],
    [["reform", "Shop/orders"], /NAMESPACE\/ID/u],
    [["reform", "a/"], /NAMESPACE\/ID/u],
    [["networks", "more"], /too many arguments/u],
    [["nothing"], /unknown command/u],
    [["networks", "--server", "redis://x"], /http:\/\/ or https:\/\//u],
    [["networks", "--timeout", "soon"], /more than 0 and at most 3600/u],
    [["networks", "--what"], /unknown option/u],
  ];
  for (const [args, message] of wrong) {
    test(`klight ${args.join(" ")} is a wrong command, exit code 2`, async () => {
      const { code, out, err } = await klight(...args);
      assert.equal(code, 2);
      assert.equal(out, "");
      assert.match(err, message);
    });
  }

  test("--help has examples, and exit code 0", async () => {
    const { code, out } = await klight("--help");
    assert.equal(code, 0);
    assert.match(out, /\$ klight why shop\/orders-3/u);
    assert.match(out, /KLIGHT_SERVER/u);
  });
});

describe("klight --server, where klight is not well", () => {
  test("says that nobody answers, exit code 3", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const { code, err } = await klight("networks", "--server", `http://127.0.0.1:${port}`);
    assert.equal(code, 3);
    assert.match(err, /cannot be reached: .*ECONNREFUSED/u);
  });

  test("does not wait longer than it may, exit code 3", async (context) => {
    const server = createServer(() => {}).listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const { code, err } = await klight(
      "networks",
      "--server",
      `http://127.0.0.1:${port}`,
      "--timeout",
      "0.1",
    );
    assert.equal(code, 3);
    assert.match(err, /no answer within 0\.1 s/u);
  });

  test("notices that somebody else answers, exit code 3", async (context) => {
    const server = createServer((_request, response) => {
      response.end("<h1>It works!</h1>");
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    context.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const { code, err } = await klight("networks", "--server", `http://127.0.0.1:${port}`);
    assert.equal(code, 3);
    assert.match(err, /is the URL right/u);
  });

  test("tells of a store that does not answer, exit code 3", async (context) => {
    const world = new World();
    const failed = { tag: "failed", message: "no answer from Redis" } as const;
    Object.assign(world.contacts, { networks: () => Promise.resolve(failed) });
    const server = await servePage(world);
    context.after(() => server.close());
    const { code, err } = await klight("networks", "--server", server.url);
    assert.deepEqual([code, err], [3, "klight: StoreUnavailable: no answer from Redis\n"]);
  });

  test("shows characters that a terminal obeys as text", async (context) => {
    const world = new World();
    const admission = { tag: "ignored", reason: "BadPort", message: "\u001b[2Jgone\u202e\nnext" } as const;
    world.addPod(podOf("shop/orders", "orders-0", { admission }));
    const server = await servePage(world);
    context.after(() => server.close());
    for (const command of [["networks"], ["why", "shop/orders-0"]]) {
      const { out } = await klight(...command, "--server", server.url);
      assert.match(out, /\\u\{1b\}\[2Jgone\\u\{202e\}\\u\{a\}next/u);
      assert.ok(!out.includes("\u001b") && !out.includes("\u202e"));
    }
  });
});

describe("the read token", () => {
  let server: PageServer;
  before(async () => {
    server = await servePage(await exampleNetworks(), { token: "t0ken", reform: reformed });
  });
  after(() => server.close());

  test("is sent by the command line", async () => {
    const url = ["--server", server.url];
    const told = await klight("networks", "--token", "t0ken", ...url);
    assert.match(told.out, /^shop\/carts {2}4 in/mu);
    const { code, err } = await klight("networks", "--token", "other", ...url);
    assert.equal(code, 4);
    assert.match(err, /Not allowed/u);
  });

  const cases: readonly (readonly [string, string, string | undefined, number])[] = [
    ["GET", "/", undefined, 401],
    ["GET", "/", basic("anybody:t0ken"), 200],
    ["GET", "/", basic("t0ken:wrong"), 401],
    ["GET", "/", basic("t0ken"), 401],
    ["GET", "/page/live", undefined, 401],
    ["GET", "/page/live", "Bearer t0ken", 200],
    ["GET", "/page/page.css", undefined, 200],
    ["GET", "/networks", "bearer t0ken", 200],
    ["GET", "/why/shop/orders-3", "Bearer t0ken ", 200],
    ["GET", "/why/shop/orders-3", "Bearer", 401],
    ["GET", "/why/shop/orders-3", "", 401],
    ["POST", "/networks/shop/orders/reform", "Bearer t0ken", 200],
    ["POST", "/networks/shop/orders/reform", basic("anybody:t0ken"), 401],
  ];
  for (const [method, path, authorization, status] of cases) {
    test(`${method} ${path} with ${authorization ?? "nothing"} is ${status}`, async () => {
      const headers = authorization === undefined ? {} : { authorization };
      const response = await fetch(server.url + path, { method, headers });
      await response.arrayBuffer();
      assert.equal(response.status, status);
      if (status === 401)
        assert.match(response.headers.get("www-authenticate") ?? "", /Basic realm="klight"/u);
    });
  }
});

describe("the command", () => {
  let server: PageServer;
  before(async () => {
    server = await servePage(await exampleNetworks(), { token: "t0ken" });
  });
  after(() => server.close());

  test("takes URL and token from the environment, and exits with the code", async () => {
    const entry = new URL("../../functions/cli/main.ts", import.meta.url).pathname;
    const child = spawn(process.execPath, [entry, "why", "shop/orders-11"], {
      env: { ...process.env, KLIGHT_SERVER: server.url, KLIGHT_READ_TOKEN: "t0ken" },
      timeout: 20_000,
    });
    const [out, [code]] = await Promise.all([text(child.stdout), once(child, "exit") as Promise<[number]>]);
    assert.equal(code, 1);
    assert.match(out, /ContactsUnreachable/u);
  });

  test("ends without a word where nobody reads on", async () => {
    const entry = new URL("../../functions/cli/main.ts", import.meta.url).pathname;
    const env = { ...process.env, KLIGHT_SERVER: server.url, KLIGHT_READ_TOKEN: "t0ken" };
    const child = spawn(process.execPath, [entry, "networks"], { env, timeout: 20_000 });
    child.stdout.destroy();
    const [err, [code]] = await Promise.all([text(child.stderr), once(child, "exit") as Promise<[number]>]);
    assert.deepEqual([err, code], ["", 1]);
  });
});
