import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type RequestListener } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Cluster, OwnEvents } from "../../lib/cluster/cluster.ts";
import { createKubernetesCluster, type KubernetesOptions } from "../../lib/cluster/kubernetes.ts";
import { runningPod } from "../harness/pods.ts";

const clusterOf = (way: Pick<KubernetesOptions, "account" | "kubeconfig">): Cluster & OwnEvents =>
  createKubernetesCluster({
    rules: { scope: "namespace", namespaces: [], defaultPort: 9081 },
    timeoutMs: 20_000,
    log: { debug() {}, info() {}, warn() {}, error() {} },
    ...way,
  });

const fixture = (name: string): URL => new URL(`../fixtures/tls/${name}.pem`, import.meta.url);

interface Served {
  readonly url: string;
  readonly asked: readonly IncomingMessage[];
  /** Connections that were made. */
  readonly connections: () => number;
}

/** A server that answers as `answer` says, and keeps what it was asked. */
async function serve(t: TestContext, answer: RequestListener, tls = true): Promise<Served> {
  const asked: IncomingMessage[] = [];
  let connections = 0;
  const listener: RequestListener = (request, response) => {
    asked.push(request);
    answer(request, response);
  };
  const server = tls
    ? createTlsServer(
        { key: await readFile(fixture("key")), cert: await readFile(fixture("certificate")) },
        listener,
      )
    : createServer(listener);
  server.on(tls ? "secureConnection" : "connection", () => {
    connections += 1;
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `http${tls ? "s" : ""}://127.0.0.1:${port}`, asked, connections: () => connections };
}

const noPods = JSON.stringify({ kind: "PodList", metadata: {}, items: [] });

async function accountIn(
  t: TestContext,
): Promise<{ directory: string; renew: (token: string) => Promise<void> }> {
  const directory = await mkdtemp(join(tmpdir(), "klight-account-"));
  t.after(() => rm(directory, { recursive: true }));
  await copyFile(fixture("certificate"), join(directory, "ca.crt"));
  const renew = (token: string): Promise<void> => writeFile(join(directory, "token"), `${token}\n`);
  await renew("first");
  return { directory, renew };
}

const tokens = ({ asked }: Served): readonly unknown[] => asked.map(({ headers }) => headers.authorization);

describe("in a pod", () => {
  it("tells of itself in the namespace that its account is in, and nowhere where nothing names one", async (t) => {
    const { directory } = await accountIn(t);
    const served = await serve(t, (_request, response) => response.writeHead(201).end("{}"));
    const cluster = clusterOf({ account: { server: served.url, directory } });
    const event = { type: "Normal", reason: "SweepDone", message: "done" } as const;
    assert.deepEqual(await cluster.recordOwnEvent(event), { tag: "written" });
    assert.equal(served.asked.length, 0);
    await writeFile(join(directory, "namespace"), "home");
    assert.deepEqual(await cluster.recordOwnEvent(event), { tag: "written" });
    assert.match(served.asked[0]?.url ?? "", /^\/api\/v1\/namespaces\/home\/events\?/u);
  });

  it("the API server is asked over TLS with the cluster's CA and the account's token, on one connection", async (t) => {
    const api = await serve(t, (_request, response) => response.end(noPods));
    const { directory } = await accountIn(t);
    const cluster = clusterOf({ account: { server: api.url, directory } });
    for (let count = 0; count < 3; count += 1) assert.equal((await cluster.listPods({})).tag, "pods");
    assert.deepEqual(tokens(api), Array(3).fill("Bearer first"));
    assert.equal(api.connections(), 1);
    const [first] = api.asked;
    assert.equal(first?.headers.accept, "application/json");
  });

  it("a renewed token is taken within a minute", async (t) => {
    let now = 1_000;
    t.mock.method(performance, "now", () => now);
    const api = await serve(t, (_request, response) => response.end(noPods));
    const { directory, renew } = await accountIn(t);
    const cluster = clusterOf({ account: { server: api.url, directory } });
    await cluster.listPods({});
    await renew("second");
    now += 30_000;
    await cluster.listPods({});
    now += 31_000;
    await cluster.listPods({});
    assert.deepEqual(tokens(api), ["Bearer first", "Bearer first", "Bearer second"]);
  });

  it("a server whose certificate is not of the cluster's CA is not asked", async (t) => {
    const api = await serve(t, (_request, response) => response.end(noPods));
    const { directory } = await accountIn(t);
    const { rootCertificates } = await import("node:tls");
    await writeFile(join(directory, "ca.crt"), rootCertificates[0] ?? "");
    const listed = await clusterOf({ account: { server: api.url, directory } }).listPods({});
    assert.ok(listed.tag === "failed");
    assert.match(listed.message, /self-signed certificate/u);
    assert.deepEqual(api.asked, []);
  });

  it("an account that cannot be read is a failure, and is read again", async (t) => {
    const api = await serve(t, (_request, response) => response.end(noPods));
    const { directory, renew } = await accountIn(t);
    await rm(join(directory, "token"));
    const cluster = clusterOf({ account: { server: api.url, directory } });
    const listed = await cluster.listPods({});
    assert.ok(listed.tag === "failed" && listed.kind === "unavailable");
    await renew("late");
    assert.equal((await cluster.listPods({})).tag, "pods");
  });

  it("nothing is asked where there is neither an account nor a kubeconfig", async () => {
    const listed = await clusterOf({}).listPods({});
    assert.ok(listed.tag === "failed");
    assert.match(listed.message, /not in a cluster, and no KUBECONFIG/u);
  });
});

describe("a kubeconfig", () => {
  it("may name a server with a path, a password, a CA, and who to be", async (t) => {
    const api = await serve(t, (_request, response) => response.end(noPods));
    const { directory } = await accountIn(t);
    const kubeconfig = join(directory, "config");
    await writeFile(
      kubeconfig,
      JSON.stringify({
        clusters: [
          { name: "c", cluster: { server: `${api.url}/k8s/c-1/`, "certificate-authority": "ca.crt" } },
        ],
        users: [{ name: "u", user: { username: "me", password: "p" } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
    );
    const cluster = clusterOf({ kubeconfig });
    assert.equal((await cluster.listPods({ namespace: "shop" })).tag, "pods");
    assert.equal((await cluster.listPods({ namespace: "shop" })).tag, "pods");
    const [asked] = api.asked;
    assert.match(asked?.url ?? "", /^\/k8s\/c-1\/api\/v1\/namespaces\/shop\/pods\?/u);
    assert.equal(asked?.headers.authorization, `Basic ${Buffer.from("me:p").toString("base64")}`);
    assert.equal(api.connections(), 1);
  });

  it("may have a command that gives the token", async (t) => {
    const api = await serve(t, (_request, response) => response.end(noPods));
    const { directory } = await accountIn(t);
    const kubeconfig = join(directory, "config");
    const credential = { kind: "ExecCredential", status: { token: "from-command" } };
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: process.execPath,
      args: ["-e", `process.stdout.write(${JSON.stringify(JSON.stringify(credential))})`],
    };
    await writeFile(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: "c", cluster: { server: api.url, "certificate-authority": "ca.crt" } }],
        users: [{ name: "u", user: { exec } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
    );
    assert.equal((await clusterOf({ kubeconfig }).listPods({})).tag, "pods");
    assert.deepEqual(tokens(api), ["Bearer from-command"]);
  });

  it("may come later: who has asked for klight's own namespace before it was there is in nobody's way", async (t) => {
    const api = await serve(t, (_request, response) => response.end(noPods));
    const { directory } = await accountIn(t);
    const kubeconfig = join(directory, "config");
    const cluster = clusterOf({ kubeconfig });
    const event = { type: "Normal", reason: "Tested", message: "tested" } as const;
    assert.equal((await cluster.recordOwnEvent(event)).tag, "written");
    await writeFile(
      kubeconfig,
      JSON.stringify({
        clusters: [{ name: "c", cluster: { server: api.url, "certificate-authority": "ca.crt" } }],
        users: [{ name: "u", user: { username: "me", password: "p" } }],
        contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
        "current-context": "x",
      }),
    );
    assert.equal((await cluster.listPods({})).tag, "pods");
  });
});

describe("a connection that was kept", () => {
  it("and that the API server has closed meanwhile is none the caller hears of", async (t) => {
    const seen = new Map<unknown, number>();
    const api = await serve(t, (request, response) => {
      const count = (seen.get(request.socket) ?? 0) + 1;
      seen.set(request.socket, count);
      // The second request of a connection meets one that is being closed.
      if (count === 2) request.socket.destroy();
      else response.end(noPods);
    });
    const { directory } = await accountIn(t);
    const cluster = clusterOf({ account: { server: api.url, directory } });
    for (let count = 0; count < 4; count += 1) assert.equal((await cluster.listPods({})).tag, "pods");
    assert.equal(api.connections(), 4);
  });
});

describe("a list of large pods", () => {
  /** `count` pods of `bytes` each, in pages as the API server makes them. */
  const listing =
    (count: number, bytes: number): RequestListener =>
    ({ url = "" }, response) => {
      const query = new URL(url, "http://x").searchParams;
      const from = Number(query.get("continue") ?? 0);
      const to = Math.min(count, from + Number(query.get("limit")));
      const items = Array.from({ length: to - from }, (_, at) =>
        runningPod({
          metadata: {
            name: `peer-${from + at}`,
            uid: `uid-${from + at}`,
            annotations: { note: "x".repeat(bytes) },
          },
        }),
      );
      const metadata = to < count ? { continue: String(to) } : {};
      response.end(JSON.stringify({ kind: "PodList", metadata, items }));
    };

  for (const [count, bytes] of [
    [200, 100_000],
    [25, 1_400_000],
    [1_200, 500],
  ] as const) {
    it(`comes in pages that fit in memory: ${count} of ${bytes} bytes`, async (t) => {
      const sizes: number[] = [];
      const answer = listing(count, bytes);
      const api = await serve(t, (request, response) => {
        const end = response.end.bind(response);
        response.end = ((body: string) => {
          sizes.push(body.length);
          return end(body);
        }) as typeof response.end;
        answer(request, response);
      });
      const { directory } = await accountIn(t);
      const cluster = clusterOf({ account: { server: api.url, directory } });
      const listed = await cluster.listPods({});
      assert.ok(listed.tag === "pods");
      assert.equal(new Set(listed.pods.map(({ uid }) => uid)).size, count);
      // The first page does not know yet; from then on each is about 4 MiB, or 500 pods.
      const [, ...later] = sizes;
      assert.ok(Math.max(...later) < 4.5 * 2 ** 20, sizes.join(" "));
      assert.ok(later.length <= Math.ceil((count * (bytes + 3_000)) / (2 * 2 ** 20)) + 3, sizes.join(" "));
    });
  }

  it("leaves nothing of its pages behind but what klight reads", async (t) => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const api = await serve(t, listing(300, 100_000));
    const { directory } = await accountIn(t);
    const cluster = clusterOf({ account: { server: api.url, directory } });
    await cluster.getPod({ namespace: "default", name: "a" });
    collect();
    const before = process.memoryUsage().heapUsed;
    const listed = await cluster.listPods({});
    collect();
    const kept = process.memoryUsage().heapUsed - before;
    assert.ok(listed.tag === "pods" && listed.pods.length === 300);
    assert.ok(kept < 5 * 2 ** 20, `${kept} bytes of 30 MB`);
  });
});
