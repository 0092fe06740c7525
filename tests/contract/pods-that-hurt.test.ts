import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { readPod } from "../../lib/pod/pod.ts";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import { finish, moveTo, run, setContainerReady } from "../harness/api-server/kubelet.ts";
import type { PodObject } from "../harness/api-server/objects.ts";
import { recordedPod } from "../harness/recorded-pods.ts";

/** What a pod may do that hurts: the double's pods must do it as real ones do, or nobody tests it. */
let api: ApiServer;
before(async () => {
  api = await startApiServer();
});
after(() => api.close());

const create = (namespace: string, name: string, ip: string): PodObject => {
  const { metadata } = api.pods.create(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels: { "klight.networkId": "orders" } },
      spec: {
        containers: [
          { name: "app", image: "app:1" },
          { name: "lightpeer", image: "lightpeer:1", ports: [{ name: "klightport", containerPort: 9081 }] },
        ],
      },
    },
    namespace,
  );
  return run(api.pods, metadata, ip);
};

const list = async (query: string): Promise<readonly string[]> => {
  const response = await fetch(`${api.url}/api/v1/pods?${query}`);
  assert.equal(response.status, 200, await response.clone().text());
  const { items } = (await response.json()) as { readonly items: readonly PodObject[] };
  return items.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`);
};

const conditionOf = ({ status }: PodObject, type: string): string | undefined =>
  status.conditions?.find((each) => each.type === type)?.status;

describe("a pod that has finished", () => {
  const cases = [
    ["orders-a", { phase: "Failed", reason: "Evicted" }],
    ["orders-a2", { phase: "Failed", reason: "Evicted", address: "gone" }],
    ["import-x7k2p", { phase: "Succeeded" }],
  ] as const;

  for (const [name, how] of cases) {
    it(`stays as a real one does: ${name}`, () => {
      const real = recordedPod(name);
      const pod = create("finished", name, real.status.podIP ?? "198.51.100.8").metadata;
      const { status } = finish(api.pods, pod, how);
      const facts = (of: PodObject["status"]): unknown => [
        of.phase,
        of.reason,
        of.podIP,
        of.podIPs,
        of.containerStatuses?.map(({ name: container, ready, state }) => [
          container,
          ready,
          Object.keys(state ?? {}),
        ]),
      ];
      assert.deepEqual(facts(status), facts(real.status));
      assert.ok(api.pods.list().some(({ metadata }) => metadata.uid === pod.uid));
    });
  }

  it("keeps the containerID of the life that is over", () => {
    const pod = create("finished", "kept", "198.51.100.20");
    const read = (object: PodObject) =>
      readPod(object, { scope: "namespace", namespaces: [], defaultPort: 9081 });
    const [lived, ended] = [read(pod), read(finish(api.pods, pod.metadata, { phase: "Failed" }))];
    assert.ok(lived.tag === "pod" && ended.tag === "pod");
    assert.equal(ended.pod.incarnation, lived.pod.incarnation);
    assert.ok(ended.pod.finished && !lived.pod.finished);
  });
});

describe("an address", () => {
  it("is another pod's at once, while the one that has finished still shows it", async () => {
    const evicted = create("shop", "orders-a", "198.51.100.60").metadata;
    finish(api.pods, evicted, { phase: "Failed", reason: "Evicted" });
    create("bank", "ledger-a", "198.51.100.60");
    const selector = encodeURIComponent("status.podIP=198.51.100.60");
    assert.deepEqual(await list(`fieldSelector=${selector}`), ["bank/ledger-a", "shop/orders-a"]);
    const living = encodeURIComponent("status.podIP=198.51.100.60,status.phase!=Failed");
    assert.deepEqual(await list(`fieldSelector=${living}&labelSelector=klight.networkId`), ["bank/ledger-a"]);
  });

  it("is that of two living pods on one host's network", async () => {
    create("shop", "host-a", "192.0.2.10");
    create("bank", "host-b", "192.0.2.10");
    assert.deepEqual(await list("fieldSelector=status.podIP%3D192.0.2.10"), ["bank/host-b", "shop/host-a"]);
  });

  it("changes under a container that runs on", () => {
    const running = create("shop", "moved", "198.51.100.30");
    const moved = moveTo(api.pods, running.metadata, "198.51.100.31");
    assert.deepEqual([moved.status.podIP, moved.status.podIPs], ["198.51.100.31", [{ ip: "198.51.100.31" }]]);
    assert.deepEqual(moved.status.containerStatuses, running.status.containerStatuses);
  });

  it("is not selected by a field that no API server selects by", async () => {
    const response = await fetch(`${api.url}/api/v1/pods?fieldSelector=status.hostIP%3D192.0.2.1`);
    assert.equal(response.status, 400);
    const { message } = (await response.json()) as { readonly message: string };
    assert.match(message, /field label not supported: status\.hostIP/u);
  });
});

describe("a pod with a finalizer", () => {
  it("stays, being deleted, until nobody holds it any more", () => {
    const pod = create("held", "kept", "198.51.100.40").metadata;
    api.pods.replace(pod, { finalizers: ["example.com/backup"] });
    api.pods.markDeleted(pod, 1);
    api.pods.remove(pod);
    const { metadata } = api.pods.get(pod) ?? assert.fail("it is gone");
    assert.ok(metadata.deletionTimestamp !== undefined);
    api.pods.replace(pod, {});
    assert.equal(api.pods.get(pod), undefined);
  });
});

describe("a pod with two containers", () => {
  it("is not ContainersReady because of one of them", () => {
    const pod = create("ready", "busy-a", "198.51.100.50");
    assert.equal(conditionOf(pod, "ContainersReady"), "True");
    const busy = setContainerReady(api.pods, { ...pod.metadata, container: "app" }, false);
    assert.equal(conditionOf(busy, "ContainersReady"), "False");
    assert.equal(conditionOf(busy, "Ready"), "False");
  });
});
