import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../lib/clock.ts";
import type { Cluster, OwnEvents } from "../../lib/cluster/cluster.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { restartContainer, run, setContainerReady } from "../harness/api-server/kubelet.ts";
import type { PodObject } from "../harness/api-server/objects.ts";
import type { Named } from "../harness/api-server/pod-store.ts";
import { type Condition, type PodChanges, runningPod } from "../harness/pods.ts";
import { type ClusterWorld, OWN_NAMESPACE } from "./cluster-world.ts";

/** What holds of klight's way to the API server, the double or a real one. */
export interface ClusterCase {
  readonly title: string;
  readonly run: (world: ClusterWorld) => Promise<void>;
}

type NewPod = PodChanges & { readonly name: string; readonly id?: string; readonly namespace: string };

/** A pod labelled for `net-a`, not running yet. */
function createPod(
  world: ClusterWorld,
  { namespace, name, id = "net-a", metadata, spec }: NewPod,
): Promise<PodObject> {
  const base = runningPod();
  const labels = { "klight.networkId": id };
  return world.create(
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, labels, ...metadata },
      spec: { containers: [], ...base.spec, ...spec },
    },
    namespace,
  );
}

async function runPod(world: ClusterWorld, pod: NewPod, ip = "10.0.0.1"): Promise<PodObject["metadata"]> {
  const { metadata } = await createPod(world, pod);
  await world.kubelet(metadata, (store) => run(store, metadata, ip));
  return metadata;
}

async function namesOf(listing: ReturnType<Cluster["listPods"]>): Promise<readonly string[]> {
  const listed = await listing;
  assert.ok(listed.tag === "pods", JSON.stringify(listed));
  return listed.pods.map(({ namespace, name }) => `${namespace}/${name}`);
}

async function podOf(cluster: Cluster, pod: Named): Promise<Pod> {
  const got = await cluster.getPod(pod);
  assert.ok(got.tag === "pod" && got.pod !== undefined, JSON.stringify(got));
  return got.pod;
}

const conditionOf = async (world: ClusterWorld, pod: Named): Promise<Condition | undefined> =>
  (await world.get(pod))?.status.conditions?.find(({ type }) => type === "klight.dev/joined");

const at = (ms: number): Clock => ({ now: () => ms, sleep: () => Promise.resolve() });
const joined = { status: "True", reason: "Joined", message: "a is in (incarnation x)" } as const;

const reads: readonly ClusterCase[] = [
  {
    title: "lists the pods of one network in one namespace",
    async run(world) {
      const [namespace, other] = [await world.newNamespace(), await world.newNamespace()];
      await createPod(world, { namespace, name: "a" });
      await createPod(world, { namespace, name: "b", id: "net-b" });
      await createPod(world, { namespace: other, name: "a" });
      const cluster = await world.cluster();
      assert.deepEqual(await namesOf(cluster.listPods({ namespace, networkId: "net-a" })), [
        `${namespace}/a`,
      ]);
      assert.deepEqual(await namesOf(cluster.listPods({ namespace })), [`${namespace}/a`, `${namespace}/b`]);
      assert.deepEqual(await namesOf(cluster.listPods({ namespace, networkId: "none" })), []);
    },
  },
  {
    title:
      "lists the pods that have a network in their label or their condition, whatever the others are like",
    async run(world) {
      const namespace = await world.newNamespace();
      const cluster = await world.cluster();
      await createPod(world, { namespace, name: "a" });
      const moved = { ...(await createPod(world, { namespace, name: "b", id: "net-b" })).metadata };
      await cluster.setCondition(moved, {
        status: "True",
        reason: "Joined",
        message: `b is in (network ${namespace}/net-a)`,
      });
      await createPod(world, { namespace, name: "c", id: "net-c" });
      const listed = cluster.listPods({ namespace, mentioning: "net-a" });
      assert.deepEqual(await namesOf(listed), [`${namespace}/a`, `${namespace}/b`]);
    },
  },
  {
    title: "lists all labelled pods of all namespaces, and no other pod",
    async run(world) {
      const [one, two] = [await world.newNamespace(), await world.newNamespace()];
      await createPod(world, { namespace: one, name: "a", id: "everywhere" });
      await createPod(world, { namespace: two, name: "a", id: "everywhere" });
      await createPod(world, { namespace: one, name: "plain", metadata: { labels: { app: "x" } } });
      const cluster = await world.cluster();
      assert.deepEqual(
        await namesOf(cluster.listPods({ networkId: "everywhere" })),
        [`${one}/a`, `${two}/a`].toSorted(),
      );
      assert.deepEqual(await namesOf(cluster.listPods({ namespace: one })), [`${one}/a`]);
    },
  },
  {
    title: "lists only the namespaces of the rules, each with a request of its own",
    async run(world) {
      const namespaces = [await world.newNamespace(), await world.newNamespace()];
      for (const namespace of [...namespaces, await world.newNamespace()])
        await createPod(world, { namespace, name: "a" });
      const cluster = await world.cluster({ rules: { namespaces } });
      assert.deepEqual(
        (await namesOf(cluster.listPods({}))).toSorted(),
        namespaces.map((each) => `${each}/a`).toSorted(),
      );
      assert.equal(world.recorder.exchanges.length, 2);
    },
  },
  {
    title: "reads the same pod from LIST and GET",
    async run(world) {
      const namespace = await world.newNamespace();
      const { uid } = await runPod(world, { namespace, name: "a" }, "fd00::7");
      const cluster = await world.cluster();
      const listed = await cluster.listPods({ namespace });
      const pod = await podOf(cluster, { namespace, name: "a" });
      assert.ok(listed.tag === "pods");
      assert.deepEqual(listed.pods, [pod]);
      assert.equal(pod.address, "[fd00::7]:9081");
      assert.equal(pod.uid, uid);
      assert.equal(pod.admission.tag, "peer");
    },
  },
  {
    title: "follows a container that starts again",
    async run(world) {
      const pod = await runPod(world, { namespace: await world.newNamespace(), name: "a" });
      const cluster = await world.cluster();
      const first = await podOf(cluster, pod);
      await world.kubelet(pod, (store) => restartContainer(store, pod, "lightpeer"));
      assert.notEqual((await podOf(cluster, pod)).incarnation, first.incarnation);
    },
  },
  {
    title: "sees since when a pod is not Ready, and whose fault it is",
    async run(world) {
      const pod = await runPod(world, { namespace: await world.newNamespace(), name: "a" });
      await world.kubelet(pod, (store) =>
        setContainerReady(store, { ...pod, container: "lightpeer" }, false),
      );
      const read = await podOf(await world.cluster(), pod);
      assert.ok(read.admission.tag === "ignored" && read.admission.reason === "ContainerNotReady");
      assert.equal(read.ready, false);
      assert.equal(typeof read.unreadySince, "number");
    },
  },
  {
    title: "says that there is no such pod",
    async run(world) {
      const pod = { namespace: await world.newNamespace(), name: "a" };
      assert.deepEqual(await (await world.cluster()).getPod(pod), { tag: "pod", pod: undefined });
    },
  },
  {
    title: "sees a pod that is being deleted until the last finalizer is gone, and then none",
    async run(world) {
      const namespace = await world.newNamespace();
      const pod = await runPod(world, {
        namespace,
        name: "a",
        metadata: { finalizers: ["example.org/backup"] },
      });
      const cluster = await world.cluster();
      assert.equal((await podOf(cluster, pod)).deleting, false);
      await world.delete(pod);
      assert.equal((await podOf(cluster, pod)).deleting, true);
      await world.remove(pod);
      assert.equal((await podOf(cluster, pod)).deleting, true);
      assert.equal((await cluster.setCondition(pod, joined)).tag, "written");
      await world.finalize(pod);
      assert.deepEqual(await cluster.getPod(pod), { tag: "pod", pod: undefined });
    },
  },
];

/** Pods of the namespace, enough for two pages. */
async function many(world: ClusterWorld): Promise<string> {
  const namespace = await world.newNamespace();
  const names = Array.from({ length: 501 }, (_, index) => `p-${String(index).padStart(4, "0")}`);
  while (names.length > 0)
    await Promise.all(names.splice(0, 20).map((name) => createPod(world, { namespace, name })));
  return namespace;
}

const pages: readonly ClusterCase[] = [
  {
    title: "reads a list of several pages to its end, and begins it again where it expired in between",
    async run(world) {
      const namespace = await many(world);
      const cluster = await world.cluster();
      assert.equal(new Set(await namesOf(cluster.listPods({ namespace }))).size, 501);
      assert.equal(world.recorder.exchanges.length, 2);
      let left = 1;
      world.recorder.before = async (path) => {
        if (path.includes("continue=") && (left -= 1) >= 0) await world.expireLists();
      };
      assert.equal((await namesOf(cluster.listPods({ namespace }))).length, 501);
      world.recorder.before = async (path) => {
        if (path.includes("continue=")) await world.expireLists();
      };
      const listed = await cluster.listPods({ namespace });
      assert.ok(listed.tag === "failed" && listed.kind === "unavailable", JSON.stringify(listed.tag));
      assert.match(listed.message, /expired twice/u);
    },
  },
];

const writes: readonly ClusterCase[] = [
  {
    title: "writes a condition beside those of the kubelet",
    async run(world) {
      const pod = await runPod(world, { namespace: await world.newNamespace(), name: "a" });
      const cluster = await world.cluster({ clock: at(5000) });
      assert.equal((await cluster.setCondition(pod, joined)).tag, "written");
      assert.deepEqual(await conditionOf(world, pod), {
        type: "klight.dev/joined",
        ...joined,
        lastProbeTime: null,
        lastTransitionTime: "1970-01-01T00:00:05Z",
      });
      const types = (await world.get(pod))?.status.conditions?.map(({ type }) => type);
      assert.deepEqual(types?.toSorted(), ["ContainersReady", "Ready", "klight.dev/joined"]);
    },
  },
  {
    title: "keeps the condition's time until its status changes",
    async run(world) {
      const pod = await runPod(world, { namespace: await world.newNamespace(), name: "a" });
      const write = async (ms: number, status: "True" | "False"): Promise<string | undefined> => {
        const cluster = await world.cluster({ clock: at(ms) });
        await cluster.setCondition(await podOf(cluster, pod), { ...joined, status });
        return (await conditionOf(world, pod))?.lastTransitionTime;
      };
      assert.equal(await write(5000, "True"), "1970-01-01T00:00:05Z");
      assert.equal(await write(6000, "True"), "1970-01-01T00:00:05Z");
      assert.equal(await write(7000, "False"), "1970-01-01T00:00:07Z");
    },
  },
  {
    title: "is answered a condition with the whole pod as it is then, as a GET reads it",
    async run(world) {
      const pod = await runPod(world, { namespace: await world.newNamespace(), name: "a" });
      const cluster = await world.cluster();
      const written = await cluster.setCondition(pod, joined);
      assert.ok(written.tag === "written" && written.pod?.joined?.status === "True");
      assert.equal(written.pod.admission.tag, "peer");
      assert.deepEqual(written.pod, await podOf(cluster, pod));
    },
  },
  {
    title: "sees by a condition's answer that the pod has another label now, or none",
    async run(world) {
      const pod = await runPod(world, { namespace: await world.newNamespace(), name: "a" });
      const networkAfter = async (labels: Readonly<Record<string, string>>): Promise<string | undefined> => {
        await world.relabel(pod, labels);
        const written = await (await world.cluster()).setCondition(pod, joined);
        assert.ok(written.tag === "written" && written.pod?.uid === pod.uid);
        return written.pod.network;
      };
      assert.equal(await networkAfter({ "klight.networkId": "net-b" }), `${pod.namespace}/net-b`);
      assert.equal(await networkAfter({ app: "x" }), undefined);
    },
  },
  {
    title: "opens a readiness gate, which the kubelet sees",
    async run(world) {
      const spec = { readinessGates: [{ conditionType: "klight.dev/joined" }] };
      const pod = await runPod(world, { namespace: await world.newNamespace(), name: "a", spec });
      const cluster = await world.cluster();
      assert.equal((await podOf(cluster, pod)).ready, false);
      await cluster.setCondition(pod, joined);
      await world.kubelet(pod, (store) => store.changeStatus(pod, () => undefined));
      assert.equal((await podOf(cluster, pod)).ready, true);
    },
  },
  {
    title: "leaves a later pod of the same name untouched",
    async run(world) {
      const namespace = await world.newNamespace();
      const gone = await runPod(world, { namespace, name: "a" });
      await world.delete(gone);
      await world.remove(gone);
      const later = await runPod(world, { namespace, name: "a" });
      assert.notEqual(later.uid, gone.uid);
      assert.deepEqual(await (await world.cluster()).setCondition(gone, joined), { tag: "written" });
      assert.equal(await conditionOf(world, later), undefined);
    },
  },
  {
    title: "shows that nobody has written after klight, until somebody does",
    async run(world) {
      const pod = await runPod(world, { namespace: await world.newNamespace(), name: "a" });
      const cluster = await world.cluster();
      await cluster.setCondition(pod, { ...joined, status: "False" });
      assert.equal((await podOf(cluster, pod)).ownWrite, true);
      // Writes are told apart by whole seconds.
      await sleep(1_100);
      await world.kubelet(pod, (store) =>
        setContainerReady(store, { ...pod, container: "lightpeer" }, false),
      );
      assert.equal((await podOf(cluster, pod)).ownWrite, undefined);
    },
  },
  {
    title: "tells nobody of a condition where the pod is gone",
    async run(world) {
      const pod = { namespace: await world.newNamespace(), name: "a", uid: "gone" };
      assert.deepEqual(await (await world.cluster()).setCondition(pod, joined), { tag: "written" });
    },
  },
  {
    title: "records an Event about the pod, its message cut to what kubectl shows",
    async run(world) {
      const { namespace, name, uid } = await runPod(world, {
        namespace: await world.newNamespace(),
        name: "a",
      });
      const cluster = await world.cluster({ clock: at(5000) });
      const event = { type: "Normal", reason: "Joined", message: "é".repeat(5000) } as const;
      assert.deepEqual(await cluster.recordEvent({ namespace, name, uid }, event), { tag: "written" });
      const [stored] = await world.events(namespace);
      assert.match(stored?.metadata.name ?? "", /^a\.\w{5}$/u);
      assert.equal(stored?.message, "é".repeat(1024));
      assert.deepEqual(stored.involvedObject, { apiVersion: "v1", kind: "Pod", namespace, name, uid });
      assert.deepEqual(
        [stored.type, stored.reason, stored.firstTimestamp],
        ["Normal", "Joined", "1970-01-01T00:00:05Z"],
      );
    },
  },
  {
    title: "records an Event about its own Knative Service, where no such object has to be",
    async run(world) {
      const cluster = await world.cluster({ clock: at(5000) });
      const event = { type: "Normal", reason: "SweepDone", message: "2 networks" } as const;
      assert.deepEqual(await cluster.recordOwnEvent(event), { tag: "written" });
      const told = (await world.events(OWN_NAMESPACE)).filter(({ reason }) => reason === "SweepDone");
      assert.deepEqual(
        told.map(({ involvedObject, message }) => [involvedObject, message]),
        [
          [
            {
              apiVersion: "serving.knative.dev/v1",
              kind: "Service",
              namespace: OWN_NAMESPACE,
              name: "klight",
            },
            "2 networks",
          ],
        ],
      );
    },
  },
  {
    title: "records an Event about a pod whose name is as long as can be, or that is gone",
    async run(world) {
      const namespace = await world.newNamespace();
      const event = { type: "Warning", reason: "Held", message: "out" } as const;
      const cluster = await world.cluster({ clock: at(5000) });
      for (const name of ["x".repeat(253), `${"a.".repeat(60)}b`, "gone"]) {
        assert.deepEqual(await cluster.recordEvent({ namespace, name, uid: "u" }, event), { tag: "written" });
      }
    },
  },
];

type Call = (
  cluster: Cluster & OwnEvents,
  pod: Named & { readonly uid: string },
) => Promise<{ readonly tag: string }>;

/** Every call of the port, with what it says where it fails. */
const calls: Readonly<Record<string, Call>> = {
  "list pods in namespace": (cluster, { namespace }) => cluster.listPods({ namespace }),
  "list pods in all namespaces": (cluster) => cluster.listPods({}),
  "get pods in namespace": (cluster, pod) => cluster.getPod(pod),
  "patch pods/status in namespace": (cluster, pod) => cluster.setCondition(pod, joined),
  "create events in namespace": (cluster, pod) =>
    cluster.recordEvent(pod, { type: "Normal", reason: "Joined", message: "in" }),
  "create events in namespace contract": (cluster) =>
    cluster.recordOwnEvent({ type: "Normal", reason: "SweepDone", message: "done" }),
};

async function assertFails(
  world: ClusterWorld,
  cluster: Cluster & OwnEvents,
  kind: string,
  words: RegExp,
): Promise<void> {
  const pod = { namespace: await world.newNamespace(), name: "a", uid: "u" };
  for (const [what, call] of Object.entries(calls)) {
    const result = await call(cluster, pod);
    assert.ok(
      result.tag === "failed" && "kind" in result && "message" in result,
      `${what}: ${JSON.stringify(result)}`,
    );
    assert.equal(result.kind, kind, what);
    assert.ok(String(result.message).includes(what), String(result.message));
    assert.match(String(result.message), words);
  }
}

const failures: readonly ClusterCase[] = [
  {
    title: "is forbidden, and says what, where the account has no rights",
    run: async (world) =>
      assertFails(
        world,
        await world.cluster({ who: "stranger" }),
        "forbidden",
        /cannot (?:list|get|patch|create) resource/u,
      ),
  },
  {
    title: "is unavailable where the token is not taken",
    run: async (world) =>
      assertFails(world, await world.cluster({ who: "nobody" }), "unavailable", /401 Unauthorized/u),
  },
  {
    title: "is unavailable where the API server has too many requests",
    async run(world) {
      const cluster = await world.cluster();
      await world.throttle(true);
      try {
        await assertFails(
          world,
          cluster,
          "unavailable",
          /429 Too Many Requests: it has more requests than it takes/u,
        );
      } finally {
        await world.throttle(false);
      }
    },
  },
];

export const clusterCases: readonly ClusterCase[] = [...reads, ...pages, ...writes, ...failures];
