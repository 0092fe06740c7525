import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { after, before, describe, it } from "node:test";
import type { Clock } from "../../lib/clock.ts";
import type { Cluster } from "../../lib/cluster/cluster.ts";
import { createKubernetesCluster } from "../../lib/cluster/kubernetes.ts";
import type { Log } from "../../lib/log.ts";
import type { PodRules } from "../../lib/pod/pod.ts";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import type { Fault } from "../harness/api-server/faults.ts";
import { restartContainer, run, setContainerReady } from "../harness/api-server/kubelet.ts";
import type { PodObject } from "../harness/api-server/objects.ts";
import { type Condition, runningPod } from "../harness/pods.ts";

const rules: PodRules = { scope: "namespace", namespaces: [], defaultPort: 9081 };
const silent: Log = { debug() {}, info() {}, warn() {}, error() {} };
const TOKEN = "a-token";

let api: ApiServer;
const clusterOf = (changes: Partial<PodRules> = {}, timeoutMs = 5000): Cluster =>
  createKubernetesCluster({
    rules: { ...rules, ...changes },
    kubeconfig: api.kubeconfig,
    timeoutMs,
    log: silent,
  });

/** Every test has a namespace of its own. */
let count = 0;
const newNamespace = (): string => `ns-${(count += 1)}`;

function createPod(namespace: string, name: string, id = "net-a"): PodObject {
  const { metadata, spec } = runningPod();
  const { uid: _, ...rest } = metadata ?? {};
  const made = { ...rest, name, namespace, labels: { "klight.networkId": id } };
  return api.pods.create({ apiVersion: "v1", kind: "Pod", metadata: made, ...(spec && { spec }) }, namespace);
}

async function namesOf(listing: ReturnType<Cluster["listPods"]>): Promise<readonly string[]> {
  const listed = await listing;
  assert.ok(listed.tag === "pods", JSON.stringify(listed));
  return listed.pods.map(({ namespace, name }) => `${namespace}/${name}`);
}

describe("the API server through client-node", () => {
  before(async () => {
    api = await startApiServer({ token: TOKEN });
  });
  after(() => api.close());

  it("lists the pods of one network in one namespace", async () => {
    const namespace = newNamespace();
    createPod(namespace, "a");
    createPod(namespace, "b", "net-b");
    createPod(newNamespace(), "a");
    assert.deepEqual(await namesOf(clusterOf().listPods({ namespace, networkId: "net-a" })), [
      `${namespace}/a`,
    ]);
    assert.deepEqual(await namesOf(clusterOf().listPods({ namespace })), [
      `${namespace}/a`,
      `${namespace}/b`,
    ]);
  });

  it("lists all labelled pods of all namespaces, and no other pod", async () => {
    const [one, two] = [newNamespace(), newNamespace()];
    createPod(one, "a");
    createPod(two, "a", "elsewhere");
    const { metadata, spec } = runningPod();
    api.pods.create(
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { ...metadata, name: "plain", labels: {} },
        ...(spec && { spec }),
      },
      one,
    );
    const names = await namesOf(clusterOf().listPods({}));
    assert.ok(names.includes(`${one}/a`) && names.includes(`${two}/a`));
    assert.ok(!names.includes(`${one}/plain`));
    assert.deepEqual(await namesOf(clusterOf().listPods({ networkId: "elsewhere" })), [`${two}/a`]);
  });

  it("lists only the namespaces of the rules, each with a request of its own", async () => {
    const namespaces = [newNamespace(), newNamespace()];
    for (const namespace of [...namespaces, newNamespace()]) createPod(namespace, "a");
    const since = api.calls.length;
    assert.deepEqual(
      await namesOf(clusterOf({ namespaces }).listPods({})),
      namespaces.map((each) => `${each}/a`),
    );
    assert.deepEqual(
      api.calls.slice(since),
      namespaces.map((namespace) => ({ verb: "list", resource: "pods", namespace })),
    );
  });

  it("reads the same pod from LIST and GET, as an event has it", async () => {
    const namespace = newNamespace();
    const pod = createPod(namespace, "a");
    run(api.pods, pod.metadata, "fd00::7");
    const listed = await clusterOf().listPods({ namespace });
    const got = await clusterOf().getPod({ namespace, name: "a" });
    assert.ok(listed.tag === "pods" && got.tag === "pod");
    assert.deepEqual(listed.pods, [got.pod]);
    assert.equal(got.pod?.address, "[fd00::7]:9081");
    assert.equal(got.pod.uid, pod.metadata.uid);
    assert.equal(got.pod.admission.tag, "peer");
  });

  it("follows a container that starts again", async () => {
    const namespace = newNamespace();
    const { metadata } = createPod(namespace, "a");
    run(api.pods, metadata, "10.0.0.1");
    const first = await clusterOf().getPod(metadata);
    restartContainer(api.pods, metadata, "lightpeer");
    const second = await clusterOf().getPod(metadata);
    assert.ok(first.tag === "pod" && second.tag === "pod");
    assert.notEqual(first.pod?.incarnation, second.pod?.incarnation);
  });

  it("sees since when a pod is not Ready, and whose fault it is", async () => {
    const { metadata } = createPod(newNamespace(), "a");
    run(api.pods, metadata, "10.0.0.1");
    setContainerReady(api.pods, { ...metadata, container: "lightpeer" }, false);
    const got = await clusterOf().getPod(metadata);
    assert.ok(got.tag === "pod" && got.pod?.admission.tag === "ignored");
    assert.equal(got.pod.admission.reason, "ContainerNotReady");
    assert.equal(got.pod.ready, false);
    assert.equal(typeof got.pod.unreadySince, "number");
  });

  it("says that there is no such pod", async () => {
    assert.deepEqual(await clusterOf().getPod({ namespace: newNamespace(), name: "a" }), {
      tag: "pod",
      pod: undefined,
    });
  });
});

describe("a list of several pages", () => {
  const namespace = "many";
  before(async () => {
    api = await startApiServer({ token: TOKEN });
    for (let at = 0; at < 1001; at += 1) createPod(namespace, `p-${String(at).padStart(4, "0")}`);
  });
  after(() => api.close());

  it("is read to its end", async () => {
    const names = await namesOf(clusterOf().listPods({ namespace }));
    assert.equal(new Set(names).size, 1001);
    assert.equal(api.calls.length, 3);
  });

  it("is begun again where it expired in between", async () => {
    let asked = 0;
    api.fail({ tag: "slow", ms: 0 }, () => {
      asked += 1;
      if (asked === 2) api.expireLists();
      return false;
    });
    const names = await namesOf(clusterOf().listPods({ namespace }));
    assert.equal(names.length, 1001);
  });

  it("is a failure where it expires again and again", async () => {
    api.fail({ tag: "slow", ms: 0 }, () => {
      api.expireLists();
      return false;
    });
    const listed = await clusterOf().listPods({ namespace });
    assert.ok(listed.tag === "failed");
    assert.equal(listed.kind, "unavailable");
  });
});

const at = (ms: number): Clock => ({ now: () => ms, sleep: () => Promise.resolve() });

const conditionOf = ({ metadata }: Pick<PodObject, "metadata">): Condition | undefined =>
  api.pods.get(metadata)?.status.conditions?.find(({ type }) => type === "klight.dev/joined");

const clusterAt = (ms: number): Cluster =>
  createKubernetesCluster({
    rules,
    kubeconfig: api.kubeconfig,
    timeoutMs: 5000,
    log: silent,
    clock: at(ms),
  });

describe("what klight tells the API server", () => {
  const joined = { status: "True", reason: "Joined", message: "a is in (incarnation x)" } as const;

  before(async () => {
    api = await startApiServer({ token: TOKEN });
  });
  after(() => api.close());

  it("is a condition beside those of the kubelet", async () => {
    const pod = createPod(newNamespace(), "a");
    run(api.pods, pod.metadata, "10.0.0.1");
    assert.equal((await clusterAt(5000).setCondition(pod.metadata, joined)).tag, "written");
    assert.deepEqual(conditionOf(pod), {
      type: "klight.dev/joined",
      ...joined,
      lastProbeTime: null,
      lastTransitionTime: "1970-01-01T00:00:05Z",
    });
    assert.deepEqual(
      api.pods.get(pod.metadata)?.status.conditions?.map(({ type }) => type),
      ["ContainersReady", "Ready", "klight.dev/joined"],
    );
  });

  it("keeps the condition's time until its status changes", async () => {
    const { metadata } = createPod(newNamespace(), "a");
    const write = async (ms: number, status: "True" | "False"): Promise<string | undefined> => {
      const got = await clusterAt(ms).getPod(metadata);
      assert.ok(got.tag === "pod" && got.pod !== undefined);
      await clusterAt(ms).setCondition(got.pod, { ...joined, status });
      return conditionOf({ metadata })?.lastTransitionTime;
    };
    assert.equal(await write(5000, "True"), "1970-01-01T00:00:05Z");
    assert.equal(await write(6000, "True"), "1970-01-01T00:00:05Z");
    assert.equal(await write(7000, "False"), "1970-01-01T00:00:07Z");
  });

  it("comes back with the whole pod as it is then, as a GET reads it", async () => {
    const { metadata } = createPod(newNamespace(), "a");
    run(api.pods, metadata, "10.0.0.1");
    const written = await clusterOf().setCondition(metadata, joined);
    const got = await clusterOf().getPod(metadata);
    assert.ok(written.tag === "written" && got.tag === "pod");
    assert.ok(written.pod?.joined?.status === "True" && written.pod.admission.tag === "peer");
    assert.deepEqual(written.pod, got.pod);
  });

  it("shows that the pod has another label now, or none", async () => {
    const { metadata } = createPod(newNamespace(), "a");
    run(api.pods, metadata, "10.0.0.1");
    const networkAfter = async (labels: Readonly<Record<string, string>>): Promise<string | undefined> => {
      api.pods.replace(metadata, { labels });
      const written = await clusterOf().setCondition(metadata, joined);
      assert.ok(written.tag === "written" && written.pod?.uid === metadata.uid);
      return written.pod.network;
    };
    assert.equal(await networkAfter({ "klight.networkId": "net-b" }), `${metadata.namespace}/net-b`);
    assert.equal(await networkAfter({ app: "x" }), undefined);
  });

  it("opens a readiness gate", async () => {
    const { metadata, spec } = runningPod({
      spec: { readinessGates: [{ conditionType: "klight.dev/joined" }] },
    });
    const pod = api.pods.create({
      apiVersion: "v1",
      kind: "Pod",
      ...(metadata && { metadata }),
      ...(spec && { spec }),
    });
    run(api.pods, pod.metadata, "10.0.0.1");
    const readyOf = async (): Promise<boolean | undefined> => {
      const got = await clusterOf().getPod(pod.metadata);
      return got.tag === "pod" ? got.pod?.ready : undefined;
    };
    assert.equal(await readyOf(), false);
    await clusterOf().setCondition(pod.metadata, joined);
    assert.equal(await readyOf(), true);
  });

  it("leaves a later pod of the same name untouched", async () => {
    const namespace = newNamespace();
    const gone = createPod(namespace, "a");
    api.pods.remove(gone.metadata);
    const later = createPod(namespace, "a");
    assert.deepEqual(await clusterOf().setCondition(gone.metadata, joined), { tag: "written" });
    assert.equal(conditionOf(later), undefined);
  });

  it("is told to nobody where the pod is gone", async () => {
    const pod = createPod(newNamespace(), "a");
    api.pods.remove(pod.metadata);
    assert.deepEqual(await clusterOf().setCondition(pod.metadata, joined), { tag: "written" });
  });

  it("is an Event about the pod", async () => {
    const { metadata } = createPod(newNamespace(), "a");
    const event = { type: "Normal", reason: "Joined", message: "a was joined" } as const;
    assert.deepEqual(await clusterAt(5000).recordEvent(metadata, event), { tag: "written" });
    const { namespace, name, uid } = metadata;
    const stored = api.events.at(-1);
    assert.match(stored?.metadata.name ?? "", /^a\.\w{5}$/u);
    assert.deepEqual(
      { ...stored, metadata: undefined },
      {
        apiVersion: "v1",
        kind: "Event",
        metadata: undefined,
        involvedObject: { apiVersion: "v1", kind: "Pod", namespace, name, uid },
        ...event,
        source: { component: "klight" },
        reportingComponent: "klight",
        reportingInstance: "klight",
        firstTimestamp: "1970-01-01T00:00:05Z",
        lastTimestamp: "1970-01-01T00:00:05Z",
        count: 1,
      },
    );
  });

  it("cuts an Event's message that is too long", async () => {
    const { metadata } = createPod(newNamespace(), "a");
    await clusterOf().recordEvent(metadata, {
      type: "Warning",
      reason: "ReformFailed",
      message: "x".repeat(5000),
    });
    assert.equal(api.events.at(-1)?.message.length, 1024);
  });
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
        const result = await call(clusterOf({}, tag === "silent" ? 100 : 5000));
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
    const asked = await createKubernetesCluster({ rules, kubeconfig, timeoutMs: 5000, log: silent }).listPods(
      {},
    );
    assert.ok(asked.tag === "failed" && asked.kind === "unavailable");
    assert.match(asked.message, /401 Unauthorized/u);
  });

  it("is unavailable, and said in the log, without a kubeconfig", async () => {
    const lines: string[] = [];
    const log: Log = { ...silent, error: (_fields, message) => void lines.push(message) };
    const kubeconfig = `${api.kubeconfig}-not-there`;
    const cluster = createKubernetesCluster({ rules, kubeconfig, timeoutMs: 5000, log });
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
