import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { sweepAndTell } from "../../functions/events/sweep-end.ts";
import { schemas } from "../../functions/status/schemas.ts";
import { createKubernetesCluster } from "../../lib/cluster/kubernetes.ts";
import { plainRules, silent } from "../contract/cluster-world.ts";
import { klightIn, secretIn } from "../e2e/install.ts";
import { type CommandEnded, runCommand } from "../harness/command-line.ts";
import { installDefinitions } from "./definitions.ts";
import { type Account, accountFiles, admin, makeNamespace, objects, plane, unique } from "./real.ts";

describe("kubectl klight check on a real API server", () => {
  let namespace: string;
  let operator: Account;
  before(async () => {
    await installDefinitions();
    namespace = await makeNamespace(unique("checked"));
    operator = await accountFiles(plane.adminToken, { namespace });
    for (const object of [...klightIn(namespace, "example.org/klight:1"), secretIn(namespace)]) {
      await objects.applied(object);
      if (!kinds.has(object.kind ?? "") || object.apiVersion === "v1") continue;
      // As Knative's controllers say it.
      await admin.ask({
        method: "PATCH",
        path: `${await objects.pathOf(object)}/status`,
        body: { status: { conditions: [{ type: "Ready", status: "True" }] } },
        contentType: "application/merge-patch+json",
      });
    }
    const cluster = createKubernetesCluster({
      rules: plainRules,
      kubeconfig: operator.kubeconfig,
      timeoutMs: 20_000,
      log: silent,
    });
    const report = { outcomes: [], unfinished: [], slow: [], seen: { pods: [], views: [] } };
    await sweepAndTell(() => Promise.resolve(report), { cluster, log: silent });
  });
  after(() => operator.remove());

  const kinds = new Set(["Broker", "Trigger", "Service", "ApiServerSource", "PingSource"]);
  const check = (...words: readonly string[]): Promise<CommandEnded> =>
    runCommand(["check", "-n", namespace, "--kubeconfig", operator.kubeconfig, ...words]);

  test("finds what the manifests install well, with the rights of the account", async () => {
    const { code, out } = await check();
    assert.equal(code, 0, out);
    for (const what of [
      "Function: it is ready",
      "ConfigMap klight: it sets KLIGHT_NAMESPACES, KLIGHT_STORE",
      "Secret klight-redis: it has REDIS_PASSWORD and REDIS_URL",
      "Rights of klight: it may do all that klight does",
      "Last sweep: ",
      "PingSource klight-sweep: it is ready",
    ])
      assert.ok(out.includes(`ok       ${what}`), `${what}\n${out}`);
  });

  test("finds a key, a right and a source that were taken away, each with its cure", async () => {
    const remove = async (path: string): Promise<void> => {
      await admin.ask({ method: "DELETE", path });
    };
    await remove(`/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}/rolebindings/klight`);
    await remove(`/apis/sources.knative.dev/v1/namespaces/${namespace}/apiserversources/klight`);
    const secret = `/api/v1/namespaces/${namespace}/secrets/klight-redis`;
    const body = [{ op: "remove", path: "/data/REDIS_URL" }];
    await admin.ask({ method: "PATCH", path: secret, body, contentType: "application/json-patch+json" });
    const { code, out } = await check("-o", "json");
    const { results } = schemas["cli-check"].parse(JSON.parse(out));
    assert.equal(code, 1);
    assert.deepEqual(
      results
        .filter(({ state }) => state !== "well")
        .map(({ state, what, cure }) => [state, what, Boolean(cure)]),
      [
        ["wrong", "Secret klight-redis", true],
        ["wrong", "Rights of klight", true],
        ["wrong", "ApiServerSource", true],
      ],
    );
  });
});
