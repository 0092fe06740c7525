import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, test } from "node:test";
import type { IPod } from "kubernetes-models/v1/Pod";
import { schemas } from "../../functions/status/schemas.ts";
import { formatJoined, JOINED_CONDITION, REFORM_ANNOTATION } from "../../lib/pod/condition.ts";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import { type CommandEnded, runCommand } from "../harness/command-line.ts";
import { condition, type PodChanges, runningPod } from "../harness/pods.ts";

let api: ApiServer;
beforeEach(async () => {
  api = await startApiServer();
});
afterEach(() => api.close());

const klight = (...args: readonly string[]): Promise<CommandEnded> =>
  runCommand([...args, "--kubeconfig", api.kubeconfig]);

const INCARNATION = "containerd://lightpeer-1";
const HOUR = 3_600_000;
const ago = (ms: number): string => new Date(Date.now() - ms).toISOString().replace(/\.\d+Z$/u, "Z");

interface Said {
  readonly status?: "True" | "False";
  readonly reason?: string;
  readonly network?: string;
  readonly via?: string;
  readonly reform?: string;
  readonly sinceMs?: number;
}

/** A pod of `shop/orders` that runs, with what klight has said of it; undefined: nothing yet. */
function addPod(name: string, said?: Said, changes: PodChanges = {}): IPod {
  const { metadata, status, ...rest } = changes;
  api.pods.create(
    runningPod({
      metadata: { namespace: "shop", name, labels: { "klight.networkId": "orders" }, ...metadata },
      ...rest,
    }),
  );
  api.pods.changeStatus({ namespace: "shop", name }, (stored) => {
    // orders-0 has 10.0.0.6, orders-1 10.0.0.7, a-1 10.0.1.7.
    const ip = `10.0.${name.startsWith("orders") ? 0 : 1}.${6 + Number(name.slice(-1))}`;
    Object.assign(stored, runningPod({ status: { podIP: ip, podIPs: [{ ip }], ...status } }).status);
    if (said === undefined) return;
    const {
      status: is = "True",
      reason = "Joined",
      network = "shop/orders",
      sinceMs = HOUR,
      via,
      reform,
    } = said;
    const told = formatJoined({
      status: is,
      reason,
      message: `${name} ${reason}`,
      network,
      incarnation: INCARNATION,
      ...(via !== undefined && { via }),
      ...(reform !== undefined && { reform }),
    });
    stored.conditions?.push(condition(JOINED_CONDITION, is, { ...told, lastTransitionTime: ago(sinceMs) }));
  });
  return api.pods.get({ namespace: "shop", name }) as IPod;
}

describe("klight why, by the kubeconfig alone", () => {
  test("a pod whose condition says so is in: exit code 0, and nothing but pods and events is read", async () => {
    addPod("orders-1", { via: "orders-0" });
    const { code, out, err } = await klight("why", "shop/orders-1");
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^shop\/orders-1 is in shop\/orders, for 1 h\n/u);
    assert.match(out, /through +orders-0/u);
    assert.deepEqual([...new Set(api.calls.map(({ verb, resource }) => `${verb} ${resource}`))].sort(), [
      "get pods",
      "list events",
      "list pods",
    ]);
  });

  test("a pod at whose address another one runs is in and needs help: both are named, exit code 1", async () => {
    addPod("orders-1", { via: "orders-0" });
    const ip = "10.0.0.7";
    addPod("a-1", undefined, { status: { podIP: ip, podIPs: [{ ip }] } });
    const { code, out } = await klight("why", "shop/orders-1");
    assert.equal(code, 1);
    assert.match(out, /^shop\/orders-1 is in shop\/orders: somebody should look\n/u);
    assert.match(
      out,
      /AddressShared: Two pods .*\n +shop\/orders-1 at 10\.0\.0\.7:9081 and shop\/a-1 have one address\n/u,
    );
    const networks = await klight("networks", "-n", "shop");
    assert.equal(networks.code, 1);
    assert.match(networks.out, /shop\/orders-1: AddressShared, somebody should look\n/u);
  });

  test("a pod that is out for too long needs help: reason, cure and Events, exit code 1", async () => {
    const pod = addPod("orders-2", { status: "False", reason: "JoinerNotServing", sinceMs: 72 * HOUR });
    await record(pod, "JoinerNotServing", "the peer at 10.0.0.7:9081 says silent");
    const { code, out } = await klight("why", "orders-2", "-n", "shop");
    assert.equal(code, 1);
    assert.match(out, /^shop\/orders-2 is not in shop\/orders, for 3 d: somebody should look\n/u);
    assert.match(out, /JoinerNotServing: /u);
    assert.match(out, /What helps: /u);
    assert.match(out, /Warning JoinerNotServing: the peer at 10\.0\.0\.7:9081 says silent/u);
  });

  test("a condition of an earlier life of the peer does not count", async () => {
    addPod("orders-1", {}, { status: { containerStatuses: undefined as never } });
    const { code } = await klight("why", "shop/orders-1");
    assert.equal(code, 1);
  });

  test("an evicted pod is not in, whatever its condition says", async () => {
    addPod("orders-1", {}, { status: { phase: "Failed", reason: "Evicted" } });
    const { code, out } = await klight("why", "shop/orders-1");
    assert.equal(code, 1);
    assert.match(out, /Finished: /u);
  });

  test("with KLIGHT_SCOPE=cluster the network is its id alone, as the pods say", async () => {
    addPod("orders-1", { network: "orders" });
    const { code, out } = await klight("why", "shop/orders-1");
    assert.equal(code, 0);
    assert.match(out, /^shop\/orders-1 is in orders,/u);
  });

  test("-o json is for programs, and its exit code is the same", async () => {
    addPod("orders-1", { status: "False", reason: "BadPort" });
    const { code, out } = await klight("why", "shop/orders-1", "-o", "json");
    const { pod, verdict, reason, needsHelp } = schemas["cli-why"].parse(JSON.parse(out));
    assert.deepEqual(
      [code, pod, verdict, reason, needsHelp],
      [1, "shop/orders-1", "not in", "BadPort", true],
    );
  });

  test("a pod that is not there is told, exit code 1", async () => {
    const { code, out, err } = await klight("why", "shop/nobody");
    assert.deepEqual([code, out, err], [1, "", "klight: there is no pod shop/nobody\n"]);
  });

  test("characters that a terminal obeys are shown as text", async () => {
    const pod = addPod("orders-1", { status: "False", reason: "BadPort" });
    await record(pod, "BadPort", "\u001b[2Jgone\u202e\nnext");
    const { out } = await klight("why", "shop/orders-1");
    assert.match(out, /\\u\{1b\}\[2Jgone\\u\{202e\}\\u\{a\}next/u);
  });

  test("who may not read pods is told the right, exit code 4", async () => {
    api.fail({ tag: "forbidden" });
    const { code, err } = await klight("why", "shop/orders-1");
    assert.equal(code, 4);
    assert.match(err, /not allowed to get pods in namespace shop/u);
  });

  test("an API server that does not answer is told in time, exit code 3", async () => {
    api.fail({ tag: "silent" });
    const { code, err } = await klight("why", "shop/orders-1", "--timeout", "0.2");
    assert.equal(code, 3);
    assert.match(err, /get pods in namespace shop: /u);
  });

  test("--watch prints again when something has changed, and only then, until it is stopped", async () => {
    addPod("orders-1", { status: "False", reason: "JoinerNotServing", sinceMs: 1_000 });
    const stop = new AbortController();
    const watching = runCommand(
      ["why", "shop/orders-1", "--watch", "--kubeconfig", api.kubeconfig],
      stop.signal,
    );
    await until(() => api.calls.filter(({ verb }) => verb === "get").length === 2);
    api.pods.remove({ namespace: "shop", name: "orders-1" });
    addPod("orders-1", {});
    await until(() => api.calls.filter(({ verb }) => verb === "get").length === 4);
    stop.abort();
    const { code, out } = await watching;
    assert.equal(code, 0);
    assert.equal(out.match(/is not in/gu)?.length, 1);
    assert.equal(out.match(/is in/gu)?.length, 1);
  });
});

describe("klight networks, by the kubeconfig alone", () => {
  beforeEach(() => {
    addPod("orders-0", { reason: "Founded" });
    addPod("orders-1", { via: "orders-0" });
    addPod("orders-2", { status: "False", reason: "JoinerNotServing", sinceMs: 2 * HOUR });
    addPod(
      "job-1",
      {},
      { metadata: { labels: { "klight.networkId": "done" } }, status: { phase: "Succeeded" } },
    );
    addPod("a-1", { network: "shop/carts" }, { metadata: { labels: { "klight.networkId": "carts" } } });
  });

  test("a row each, those in need first, and who is not in, exit code 1; a finished Job is not missing", async () => {
    const { code, out } = await klight("networks", "-n", "shop");
    assert.equal(code, 1);
    assert.match(
      out,
      /^NETWORK +IN +NOT IN +STATE\nshop\/orders +2 +1 +needs help\nshop\/carts +1 +0 +well\n/u,
    );
    assert.match(out, /shop\/done +0 +0 +well/u);
    assert.match(out, /shop\/orders-2: JoinerNotServing, for 2 h, somebody should look/u);
    assert.doesNotMatch(out, /job-1/u);
  });

  test("-o wide has a row for each pod", async () => {
    const { out } = await klight("networks", "-A", "-o", "wide");
    assert.match(out, /shop\/orders +shop\/orders-1 +in +Joined +1 h +10\.0\.0\.7:9081 +orders-0\n/u);
  });

  test("without -n it is the namespace of the context, as with kubectl; -A is all", async () => {
    const { code, out } = await klight("networks");
    assert.equal(code, 0);
    assert.match(out, /^No pod of the namespace default has the label klight\.networkId; -A looks at all/u);
    assert.match((await klight("networks", "-A")).out, /shop\/orders/u);
  });

  test("-o json has every pod with what is known of it", async () => {
    const { out } = await klight("networks", "-A", "-o", "json");
    const { networks } = schemas["cli-networks"].parse(JSON.parse(out));
    assert.deepEqual(
      networks.map(({ network, notIn }) => [network, notIn.length]),
      [
        ["shop/orders", 1],
        ["shop/carts", 0],
        ["shop/done", 0],
      ],
    );
  });
});

describe("klight reform, by the annotation of a pod", () => {
  test("asks at a pod that is in, and waits for the answer in its condition", async () => {
    addPod("orders-0", { reason: "Founded" });
    addPod("orders-1", {});
    const inWords = klight("reform", "shop/orders");
    const name = { namespace: "shop", name: "orders-1" };
    const asked = (): string | undefined => api.pods.get(name)?.metadata.annotations?.[REFORM_ANNOTATION];
    await until(() => asked() !== undefined);
    await record(api.pods.get(name) as IPod, "ReformDone", "shop/orders was re-formed: 2 peers");
    const told = formatJoined({
      status: "True",
      reason: "Reformed",
      message: "in",
      network: "shop/orders",
      incarnation: INCARNATION,
      reform: asked() ?? "",
    });
    api.pods.mergeConditions(name, undefined, [{ type: JOINED_CONDITION, ...told }]);
    const { code, out } = await inWords;
    assert.deepEqual([code, out], [0, "shop/orders: ReformDone: shop/orders was re-formed: 2 peers\n"]);
  });

  test("-o json is what docs/schemas says, also where it was not done: exit code 1", async () => {
    addPod("orders-0", {});
    const asking = klight("reform", "shop/orders", "-o", "json");
    const name = { namespace: "shop", name: "orders-0" };
    const asked = (): string => api.pods.get(name)?.metadata.annotations?.[REFORM_ANNOTATION] ?? "";
    await until(() => asked() !== "");
    await record(api.pods.get(name) as IPod, "ReformRefused", "SeedUnreachable: at 10.0.0.1:9082");
    const message = "in";
    const told = formatJoined({
      status: "True",
      reason: "Joined",
      message,
      incarnation: INCARNATION,
      reform: asked(),
    });
    api.pods.mergeConditions(name, undefined, [{ type: JOINED_CONDITION, ...told }]);
    const { code, out } = await asking;
    assert.equal(code, 1);
    assert.deepEqual(schemas["cli-reform"].parse(JSON.parse(out)), {
      network: "shop/orders",
      pod: "shop/orders-0",
      request: asked(),
      done: false,
      reason: "ReformRefused",
      message: "SeedUnreachable: at 10.0.0.1:9082",
    });
  });

  test("nobody is in: nothing is asked, exit code 1", async () => {
    addPod("orders-0");
    const { code, err } = await klight("reform", "shop/orders");
    assert.equal(code, 1);
    assert.match(err, /there is no network shop\/orders with a member: none of its 1 pods is in/u);
    assert.ok(api.calls.every(({ verb }) => verb !== "patch"));
  });

  test("who may not patch pods is told the right, exit code 4", async () => {
    addPod("orders-0", {});
    api.fail({ tag: "forbidden" }, ({ verb }) => verb === "patch");
    const { code, err } = await klight("reform", "shop/orders");
    assert.equal(code, 4);
    assert.match(err, /not allowed to patch pods in namespace shop/u);
  });

  test("no answer in time is told, with what helps, exit code 3", async () => {
    addPod("orders-0", {});
    const { code, err } = await klight("reform", "shop/orders", "--timeout", "0.2");
    assert.equal(code, 3);
    assert.match(err, /has not answered within 0\.2 s: klight check tells/u);
  });
});

describe("the command line", () => {
  test("a kubeconfig that is not there, or lacks the context, is told, exit code 3", async () => {
    const gone = await runCommand(["networks", "--kubeconfig", "/nowhere/config"]);
    assert.deepEqual([gone.code, gone.out], [3, ""]);
    assert.match(gone.err, /the kubeconfig cannot be used: .*\/nowhere\/config/u);
    const other = await klight("networks", "--context", "prod");
    assert.equal(other.code, 3);
    assert.match(other.err, /there is no context "prod"; there are: double/u);
  });

  test("a cluster that refuses connections points to what helps, exit code 3", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, "close");
    const url = `http://127.0.0.1:${port}`;
    const { code, err } = await runCommand(["networks", "--server", url]);
    assert.equal(code, 3);
    assert.match(err, /ECONNREFUSED[^]*Without --server your kubeconfig is enough; docs\/deploy\.md/u);
    const away = `${api.kubeconfig}-away`;
    await writeFile(away, (await readFile(api.kubeconfig, "utf8")).replace(api.url, url));
    for (const words of [
      ["why", "shop/orders-0"],
      ["networks", "-A"],
      ["reform", "shop/orders"],
      ["check"],
    ]) {
      const ended = await runCommand([...words, "--kubeconfig", away]);
      assert.deepEqual([ended.code, ended.out], [3, ""], words.join(" "));
      assert.match(ended.err, /ECONNREFUSED[^]*\nkubectl cluster-info tells/u, words.join(" "));
    }
  });

  test("--version is the package's", async () => {
    assert.deepEqual(await runCommand(["--version"]), { code: 0, out: "1.2.3\n", err: "" });
  });

  test("completes commands, options, pods and networks; where the cluster is away there is nothing to offer", async (context) => {
    addPod("orders-0", {});
    addPod("orders-1", {});
    const before = process.env["KUBECONFIG"];
    process.env["KUBECONFIG"] = api.kubeconfig;
    context.after(() => {
      if (before === undefined) delete process.env["KUBECONFIG"];
      else process.env["KUBECONFIG"] = before;
    });
    const complete = async (...words: readonly string[]): Promise<readonly string[]> =>
      (await runCommand(["__complete", ...words])).out.split("\n").slice(0, -1);
    assert.deepEqual(await complete("w"), ["why"]);
    assert.deepEqual(await complete("why", "--kube"), ["--kubeconfig"]);
    assert.deepEqual(await complete("why", ""), ["shop/orders-0", "shop/orders-1"]);
    assert.deepEqual(await complete("reform", "shop/"), ["shop/orders"]);
    assert.deepEqual(await complete("completion", "z"), ["zsh"]);
    assert.deepEqual(await complete("why", "-n", "shop", "orders-"), ["orders-0", "orders-1"]);
    assert.deepEqual(await complete("-n", "shop", "reform", ""), ["orders"]);
    assert.deepEqual(await complete("why", "-n", ""), ["shop"]);
    assert.deepEqual(await complete("networks", "--output", ""), ["json", "wide"]);
    assert.deepEqual(await complete("why", "shop/orders-0", ""), []);
    api.fail({ tag: "down" });
    assert.deepEqual(await complete("why", ""), []);
  });

  test("prints what a shell needs for completion", async () => {
    assert.match((await runCommand(["completion", "bash"])).out, /complete .* klight/u);
    assert.equal((await runCommand(["completion", "tcsh"])).code, 2);
  });
});

async function record(pod: IPod, reason: string, message: string): Promise<void> {
  const { namespace = "", name = "", uid = "" } = pod.metadata ?? {};
  const response = await fetch(`${api.url}/api/v1/namespaces/${namespace}/events`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({
      apiVersion: "v1",
      kind: "Event",
      metadata: { generateName: `${name}.`, namespace },
      involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name, uid },
      type: "Warning",
      reason,
      message,
      source: { component: "klight" },
      firstTimestamp: ago(60_000),
      lastTimestamp: ago(60_000),
      count: 1,
      reportingComponent: "klight",
      reportingInstance: "klight",
    }),
  });
  assert.equal(response.status, 201, await response.text());
}

async function until(holds: () => boolean): Promise<void> {
  for (let left = 400; !holds(); left -= 1) {
    assert.ok(left > 0, "it did not come to that");
    await sleep(25);
  }
}
