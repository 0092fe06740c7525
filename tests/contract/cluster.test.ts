import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, beforeEach, describe, it } from "node:test";
import type { Cluster } from "../../lib/cluster/cluster.ts";
import { createKubernetesCluster } from "../../lib/cluster/kubernetes.ts";
import type { Log } from "../../lib/log.ts";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import type { Fault } from "../harness/api-server/faults.ts";
import { clusterCases } from "./cluster-cases.ts";
import { openDouble } from "./cluster-double.ts";
import { plainRules, silent } from "./cluster-world.ts";

const TOKEN = "a-token";

let api: ApiServer;
const clusterOf = (timeoutMs = 5000): Cluster =>
  createKubernetesCluster({ rules: plainRules, kubeconfig: api.kubeconfig, timeoutMs, log: silent });

describe("the API server through client-node", () => {
  let world: Awaited<ReturnType<typeof openDouble>>;
  before(async () => {
    world = await openDouble();
  });
  beforeEach(() => {
    world.recorder.clear();
  });
  after(() => world.close());

  for (const { title, run } of clusterCases) it(title, () => run(world));
});

describe("an API server that does not do as asked", () => {
  const pod = { namespace: "default", name: "peer-a", uid: "u-1" };
  const event = { type: "Normal", reason: "Joined", message: "in" } as const;
  const condition = { status: "True", reason: "Joined", message: "in" } as const;
  const calls: readonly [string, (cluster: Cluster) => Promise<{ readonly tag: string }>, string][] = [
    ["LIST", (cluster) => cluster.listPods({ namespace: "default" }), "list pods in namespace default"],
    ["LIST of all", (cluster) => cluster.listPods({}), "list pods in all namespaces"],
    ["GET", (cluster) => cluster.getPod(pod), "get pods in namespace default"],
    [
      "condition",
      (cluster) => cluster.setCondition(pod, condition),
      "patch pods/status in namespace default",
    ],
    ["Event", (cluster) => cluster.recordEvent(pod, event), "create events in namespace default"],
  ];
  const faults: readonly [Fault["tag"], "unavailable" | "forbidden"][] = [
    ["down", "unavailable"],
    ["silent", "unavailable"],
    ["throttled", "unavailable"],
    ["broken", "unavailable"],
    ["forbidden", "forbidden"],
  ];

  before(async () => {
    api = await startApiServer({ token: TOKEN });
  });
  after(() => api.close());

  for (const [name, call, what] of calls) {
    for (const [tag, kind] of faults) {
      it(`is ${kind}, never empty: ${name} while it is ${tag}`, async () => {
        api.fail({ tag } as Fault);
        const result = await call(clusterOf(tag === "silent" ? 100 : 5000));
        assert.ok(result.tag === "failed" && "kind" in result && "message" in result, JSON.stringify(result));
        assert.equal(result.kind, kind);
        assert.ok(String(result.message).includes(what), String(result.message));
        assert.ok(!String(result.message).includes(TOKEN));
      });
    }
  }

  it("writes a condition all the same where its answer shows no pod", async () => {
    api.fail({ tag: "garbage" });
    assert.deepEqual(await clusterOf().setCondition(pod, condition), { tag: "written" });
  });

  for (const [name, call] of calls.slice(0, 3)) {
    it(`is unavailable where something else answers 200: ${name}`, async () => {
      api.fail({ tag: "garbage" });
      const result = await call(clusterOf());
      assert.ok(
        result.tag === "failed" && "kind" in result && result.kind === "unavailable",
        JSON.stringify(result),
      );
    });
  }

  it("is unavailable where the token is not taken", async () => {
    api.fail(undefined);
    const kubeconfig = `${api.kubeconfig}-wrong-token`;
    await writeFile(kubeconfig, (await readFile(api.kubeconfig, "utf8")).replace(TOKEN, "another"));
    const asked = await createKubernetesCluster({
      rules: plainRules,
      kubeconfig,
      timeoutMs: 5000,
      log: silent,
    }).listPods({});
    assert.ok(asked.tag === "failed" && asked.kind === "unavailable");
    assert.match(asked.message, /401 Unauthorized/u);
  });

  it("is unavailable, and said in the log, without a kubeconfig", async () => {
    const lines: string[] = [];
    const log: Log = { ...silent, error: (_fields, message) => void lines.push(message) };
    const kubeconfig = `${api.kubeconfig}-not-there`;
    const cluster = createKubernetesCluster({ rules: plainRules, kubeconfig, timeoutMs: 5000, log });
    const asked = await cluster.listPods({});
    assert.ok(asked.tag === "failed" && asked.kind === "unavailable");
    assert.deepEqual(lines, ["no way to the API server"]);
    await writeFile(kubeconfig, await readFile(api.kubeconfig));
    api.fail(undefined);
    assert.equal((await cluster.listPods({})).tag, "pods");
  });

  it("answers again when the fault is over", async () => {
    const cluster = clusterOf();
    api.fail({ tag: "down" });
    assert.equal((await cluster.listPods({})).tag, "failed");
    api.fail(undefined);
    assert.equal((await cluster.listPods({})).tag, "pods");
  });
});
