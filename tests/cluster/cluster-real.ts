import { once } from "node:events";
import type { ClientRequest } from "node:http";
import { request as requestHttps } from "node:https";
import { setTimeout as sleep } from "node:timers/promises";
import { createKubernetesCluster } from "../../lib/cluster/kubernetes.ts";
import type { StoredEvent } from "../harness/api-server/new-event.ts";
import { startRecorder } from "../harness/recorder.ts";
import { type ClusterWorld, OWN_NAMESPACE, plainRules, silent } from "../contract/cluster-world.ts";
import { Api } from "../harness/api-client.ts";
import { eventually } from "./eventually.ts";
import { Pods } from "./pods.ts";
import { type Account, accountFiles, admin, makeNamespace, objects, plane, tokenOf } from "./real.ts";
import { applyRights } from "./stage.ts";

/** An account of its own with the rights of the shipped ClusterRole, so that taking them away disturbs nobody else. */
const HOME = OWN_NAMESPACE;

/** The real API server. Its namespaces are called as those of the double. */
export async function openReal(): Promise<ClusterWorld & { close(): Promise<void> }> {
  await applyRights();
  await makeNamespace(HOME);
  for (const name of ["klight", "stranger"])
    await objects.applied({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name, namespace: HOME } });
  await objects.applied({
    apiVersion: "rbac.authorization.k8s.io/v1",
    kind: "ClusterRoleBinding",
    metadata: { name: HOME },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: "klight" },
    subjects: [{ kind: "ServiceAccount", name: "klight", namespace: HOME }],
  });
  const recorder = await startRecorder(plane);
  const at = { server: recorder.url, namespace: HOME };
  const accounts: Readonly<Record<"klight" | "stranger" | "nobody", Account>> = {
    klight: await accountFiles(await tokenOf(HOME, "klight"), at),
    stranger: await accountFiles(await tokenOf(HOME, "stranger"), at),
    nobody: await accountFiles("another", at),
  };
  const pods = new Pods(admin);
  const etcd = new Api({ url: plane.etcdUrl });
  let count = 0;
  return {
    recorder,
    cluster: async ({ rules, clock, who = "klight" } = {}) =>
      createKubernetesCluster({
        rules: { ...plainRules, ...rules },
        kubeconfig: accounts[who].kubeconfig,
        timeoutMs: 20_000,
        log: silent,
        ...(clock && { clock }),
      }),
    newNamespace: () => makeNamespace(`ns-${(count += 1)}`),
    create: (manifest, namespace) => pods.create(manifest, namespace),
    get: (pod) => pods.get(pod),
    kubelet: async (pod, act) => void (await pods.change(pod, act)),
    relabel: (pod, labels) => pods.relabel(pod, labels),
    delete: (pod) => pods.delete(pod),
    remove: (pod) => pods.remove(pod),
    finalize: (pod) => pods.finalize(pod),
    async events(namespace) {
      const path = `/api/v1/namespaces/${namespace}/events`;
      return (await admin.ask<{ readonly items: readonly StoredEvent[] }>({ method: "GET", path })).items;
    },
    expireLists: () => compact(etcd),
    throttle: throttling(),
    async close() {
      await recorder.close();
      etcd.close();
      await Promise.all(Object.values(accounts).map((account) => account.remove()));
    },
  };
}

/** What the API server itself does every five minutes: older states than the one now can no longer be read. */
async function compact(etcd: Api): Promise<void> {
  await objects.applied({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "a-write", namespace: HOME },
    data: { at: String(performance.now()) },
  });
  const { header } = await etcd.ask<{ readonly header: { readonly revision: string } }>({
    method: "POST",
    path: "/v3/kv/range",
    body: { key: Buffer.from("/").toString("base64") },
  });
  await etcd.ask({
    method: "POST",
    path: "/v3/kv/compaction",
    body: { revision: header.revision, physical: true },
  });
}

/**
 * Gives the account a share of nothing, by the API server's own flow control. One request at a time passes all the same:
 * here one that never ends, for its body does not come.
 */
function throttling(): (on: boolean) => Promise<void> {
  let held: ClientRequest | undefined;
  return async (on) => {
    if (on) await Promise.all([level, flow].map((each) => objects.applied(each)));
    else await admin.send({ method: "DELETE", path: await objects.pathOf(flow) });
    const asked = new Api({ ...plane, token: await tokenOf(HOME, "klight") });
    const isSo = async (): Promise<boolean> => {
      // One that was sent before the flow control was in force holds nothing.
      held?.destroy();
      held = on ? await hold() : undefined;
      const { status } = await asked.send({ method: "GET", path: "/api/v1/namespaces/default/pods" });
      return status === (on ? 429 : 200);
    };
    if (!(await eventually(isSo, Boolean))) throw new Error(`no answers ${on ? "429" : "200"}`);
    asked.close();
  };
}

async function hold(): Promise<ClientRequest> {
  const token = await tokenOf(HOME, "klight");
  const headers = {
    authorization: `Bearer ${token}`,
    "content-type": "application/json",
    "content-length": 100,
  };
  const path = "/api/v1/namespaces/default/events";
  const request = requestHttps(new URL(path, plane.url), {
    method: "POST",
    ca: plane.ca,
    headers,
    agent: false,
  });
  // It is ended by destroying it.
  request.on("error", () => undefined);
  request.flushHeaders();
  await once(request, "socket");
  await sleep(100);
  return request;
}

const level = {
  apiVersion: "flowcontrol.apiserver.k8s.io/v1",
  kind: "PriorityLevelConfiguration",
  metadata: { name: HOME },
  spec: {
    type: "Limited",
    limited: {
      nominalConcurrencyShares: 0,
      lendablePercent: 0,
      borrowingLimitPercent: 0,
      limitResponse: { type: "Reject" },
    },
  },
};
const flow = {
  apiVersion: "flowcontrol.apiserver.k8s.io/v1",
  kind: "FlowSchema",
  metadata: { name: HOME },
  spec: {
    priorityLevelConfiguration: { name: HOME },
    matchingPrecedence: 2,
    rules: [
      {
        subjects: [{ kind: "ServiceAccount", serviceAccount: { name: "klight", namespace: HOME } }],
        resourceRules: [
          { verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true },
        ],
      },
    ],
  },
};
