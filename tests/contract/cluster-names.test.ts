import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import type { Cluster } from "../../lib/cluster/cluster.ts";
import { createKubernetesCluster } from "../../lib/cluster/kubernetes.ts";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";

const noNames = ["..", "../../../pods", "a?b", "a#", "a/b", "A", "a..b", "", "a".repeat(254), "a%2f"];
const noIds = ["net-a,app", "", "-", "a b", "a".repeat(64)];

describe("what can be no name", () => {
  let api: ApiServer;
  let cluster: Cluster;
  before(async () => {
    api = await startApiServer();
    cluster = createKubernetesCluster({
      rules: { scope: "namespace", namespaces: [], defaultPort: 9081 },
      kubeconfig: api.kubeconfig,
      timeoutMs: 5_000,
      log: { debug() {}, info() {}, warn() {}, error() {} },
    });
  });
  after(() => api.close());

  const none = { tag: "pods", pods: [] } as const;
  for (const name of noNames) {
    it(`${JSON.stringify(name).slice(0, 20)} is found nowhere, and the API server is not asked`, async () => {
      for (const pod of [
        { namespace: "shop", name },
        { namespace: name, name: "a" },
      ]) {
        assert.deepEqual(await cluster.getPod(pod), { tag: "pod", pod: undefined });
      }
      assert.deepEqual(await cluster.listPods({ namespace: name }), none);
      assert.deepEqual(api.calls, []);
    });
  }
  for (const networkId of noIds) {
    it(`${JSON.stringify(networkId).slice(0, 20)} is no pod's network, and the API server is not asked`, async () => {
      assert.deepEqual(await cluster.listPods({ networkId }), none);
      assert.deepEqual(api.calls, []);
    });
  }
});
