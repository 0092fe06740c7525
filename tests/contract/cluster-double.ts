import { readFile, writeFile } from "node:fs/promises";
import { createKubernetesCluster } from "../../lib/cluster/kubernetes.ts";
import { startApiServer } from "../harness/api-server/api-server.ts";
import { startRecorder } from "../harness/recorder.ts";
import { type ClusterWorld, OWN_NAMESPACE, plainRules, silent } from "./cluster-world.ts";

const TOKEN = "a-token";

/** The double of an API server, empty. */
export async function openDouble(): Promise<ClusterWorld & { close(): Promise<void> }> {
  const api = await startApiServer({ token: TOKEN, namespace: OWN_NAMESPACE });
  const recorder = await startRecorder({ url: api.url });
  const kubeconfig = `${api.kubeconfig}-recorded`;
  let count = 0;
  return {
    recorder,
    async cluster({ rules, clock, who = "klight" } = {}) {
      api.fail(who === "stranger" ? { tag: "forbidden" } : undefined);
      const config = (await readFile(api.kubeconfig, "utf8")).replace(api.url, recorder.url);
      await writeFile(kubeconfig, who === "nobody" ? config.replace(TOKEN, "another") : config);
      return createKubernetesCluster({
        rules: { ...plainRules, ...rules },
        kubeconfig,
        timeoutMs: 5000,
        log: silent,
        ...(clock && { clock }),
      });
    },
    newNamespace: () => Promise.resolve(`ns-${(count += 1)}`),
    create: async (manifest, namespace) => api.pods.create(manifest, namespace),
    get: async (pod) => api.pods.get(pod),
    kubelet: async (_pod, act) => void act(api.pods),
    relabel: async (pod, labels) => void api.pods.replace(pod, { labels }),
    delete: async (pod) => void api.pods.markDeleted(pod),
    remove: async (pod) => void api.pods.remove(pod),
    async finalize(pod) {
      const { labels, annotations } = api.pods.get(pod)?.metadata ?? {};
      api.pods.replace(pod, { ...(labels && { labels }), ...(annotations && { annotations }) });
    },
    events: async (namespace) => api.events.filter(({ metadata }) => metadata.namespace === namespace),
    expireLists: async () => {
      api.expireLists();
    },
    throttle: async (on) => {
      api.fail(on ? { tag: "throttled" } : undefined);
    },
    async close() {
      await recorder.close();
      await api.close();
    },
  };
}
