import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { stringify } from "yaml";
import { z } from "zod";
import type { Cluster } from "../../lib/cluster/cluster.ts";
import { createKubernetesCluster } from "../../lib/cluster/kubernetes.ts";
import type { Log } from "../../lib/log.ts";
import { at, combinations, find } from "./manifests.combinations.ts";
import type { Manifest } from "./manifests.kustomization.ts";

const rulesSchema = z.array(
  z.strictObject({
    apiGroups: z.array(z.string()),
    resources: z.array(z.string()),
    verbs: z.array(z.string()),
  }),
);

/** Each right as `verb group/resource`. */
const rightsOf = (role: Manifest): Set<string> =>
  new Set(
    rulesSchema
      .parse(role["rules"])
      .flatMap(({ apiGroups, resources, verbs }) =>
        apiGroups.flatMap((group) =>
          resources.flatMap((resource) => verbs.map((verb) => `${verb} ${group}/${resource}`)),
        ),
      ),
  );

/** The right that a request needs, as the API server reckons it from method and path. */
const rightOf = ({
  method = "",
  url = "",
}: IncomingMessage): { right: string; namespace: string | undefined } => {
  const { pathname } = new URL(url, "http://127.0.0.1");
  const match = /^\/api\/v1\/(?:namespaces\/([^/]+)\/)?([a-z]+)(?:\/([^/]+)(?:\/([a-z]+))?)?$/.exec(pathname);
  assert.ok(match, `${method} ${pathname} is no path of the core API`);
  const [, namespace, resource = "", name, subresource] = match;
  const verbs: Record<string, string> = {
    GET: name === undefined ? "list" : "get",
    PATCH: "patch",
    POST: "create",
  };
  const verb = verbs[method] ?? method;
  return { right: `${verb} /${[resource, subresource].filter(Boolean).join("/")}`, namespace };
};

/** An API server that has one pod, notes what is asked of it, and says yes to everything. */
const startApiServer = async (): Promise<{ server: Server; asked: ReturnType<typeof rightOf>[] }> => {
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { uid: "u", namespace: "team-a", name: "p" },
    spec: { containers: [] },
  };
  const asked: ReturnType<typeof rightOf>[] = [];
  const server = createServer((request, response) => {
    const seen = rightOf(request);
    asked.push(seen);
    request.resume();
    response.setHeader("content-type", "application/json");
    const list = { apiVersion: "v1", kind: "PodList", metadata: {}, items: [pod] };
    response.end(JSON.stringify(seen.right === "list /pods" ? list : pod));
  });
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  return { server, asked };
};

const kubeconfigFor = (port: number): string =>
  stringify({
    apiVersion: "v1",
    kind: "Config",
    "current-context": "test",
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    clusters: [
      { name: "test", cluster: { server: `http://127.0.0.1:${port}`, "insecure-skip-tls-verify": true } },
    ],
    users: [{ name: "test", user: {} }],
  });

const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const pod = { uid: "u", namespace: "team-a", name: "p" };

/** Every call of the port; one that is added to it has to be added here. */
const calls: { readonly [Call in keyof Cluster]: (cluster: Cluster) => Promise<{ readonly tag: string }>[] } =
  {
    listPods: (cluster) => [
      cluster.listPods({}),
      cluster.listPods({ networkId: "a" }),
      cluster.listPods({ namespace: "team-a", networkId: "a" }),
    ],
    getPod: (cluster) => [cluster.getPod(pod)],
    setCondition: (cluster) => [
      cluster.setCondition(pod, { status: "True", reason: "Joined", message: "in" }),
    ],
    recordEvent: (cluster) => [cluster.recordEvent(pod, { type: "Normal", reason: "Joined", message: "in" })],
  };

/** What the adapter asks for when every call of its port is made. */
const recorded = async (namespaces: readonly string[]): ReturnType<typeof startApiServer> => {
  const api = await startApiServer();
  const directory = mkdtempSync(join(tmpdir(), "klight-"));
  const kubeconfig = join(directory, "kubeconfig");
  try {
    writeFileSync(kubeconfig, kubeconfigFor((api.server.address() as AddressInfo).port));
    const rules = { scope: "namespace", namespaces, defaultPort: 9081 } as const;
    const cluster = createKubernetesCluster({ rules, kubeconfig, timeoutMs: 5_000, log: silent });
    const answers = await Promise.all(Object.values(calls).flatMap((call) => call(cluster)));
    assert.deepEqual(
      answers.filter(({ tag }) => tag === "failed"),
      [],
    );
    return api;
  } finally {
    rmSync(directory, { recursive: true });
    api.server.closeAllConnections();
    api.server.close();
  }
};

for (const { title, options, namespace, manifests } of combinations()) {
  describe(`the rights in ${title}`, () => {
    const kind = options.includes("one-namespace") ? "Role" : "ClusterRole";

    test("are for the function what its adapter asks for, and nothing more", async () => {
      const { asked } = await recorded(options.includes("one-namespace") ? [namespace] : []);
      assert.deepEqual(rightsOf(find(manifests, kind, "klight")), new Set(asked.map(({ right }) => right)));
    });

    test("are for the source to see pods, and nothing more", () => {
      const rights = new Set(["get /pods", "list /pods", "watch /pods"]);
      assert.deepEqual(rightsOf(find(manifests, kind, "klight-source")), rights);
    });

    test("reach no further than the bindings say", () => {
      const roles = manifests.filter((m) => m.kind === "Role" || m.kind === "ClusterRole");
      const bindings = manifests.filter((m) => m.kind.endsWith("Binding"));
      assert.deepEqual(new Set(roles.map((m) => m.kind)), new Set([kind]));
      assert.deepEqual(
        new Set(bindings.map((m) => `${m.kind} of ${String(at(m, "roleRef", "kind"))}`)),
        new Set([`${kind}Binding of ${kind}`]),
      );
    });
  });
}

test("the adapter stays in the namespaces that it is given, as a Role wants it", async () => {
  const { asked } = await recorded(["team-a"]);
  assert.ok(asked.length > 0);
  assert.deepEqual(new Set(asked.map(({ namespace }) => namespace)), new Set(["team-a"]));
});
