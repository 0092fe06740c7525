import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { formatJoined } from "../../../lib/pod/condition.ts";
import { type PodRules, readPod } from "../../../lib/pod/pod.ts";
import type { Reason } from "../../../lib/reasons.ts";
import { condition, container, type PodChanges, runningPod, runningStatus } from "../../harness/pods.ts";
import { podIn, read, rules, UID } from "./read.ts";

const labelled = (id: string): PodChanges => ({ metadata: { labels: { "klight.networkId": id } } });

describe("a pod that may be joined", () => {
  it("yields its facts and its peer", () => {
    const peer = {
      uid: UID,
      namespace: "default",
      name: "peer-a",
      network: "default/net-a",
      address: "10.0.0.7:9081",
      incarnation: "containerd://lightpeer-1",
    };
    assert.deepEqual(read({}), {
      ...peer,
      container: "lightpeer",
      finished: false,
      deleting: false,
      aliveSince: Date.parse("2026-11-23T19:03:12Z"),
      ready: true,
      admission: { tag: "peer", peer },
    });
  });

  it("is in a network of its id alone where the scope is the cluster", () => {
    assert.equal(read({}, { scope: "cluster" }).network, "net-a");
  });

  it("is looked after in a namespace that the rules name", () => {
    assert.equal(read({}, { namespaces: ["other", "default"] }).admission.tag, "peer");
  });

  const ids = ["a", "0", "A.b_C-9", "a".repeat(63)];
  for (const id of ids) {
    it(`takes the label value ${id}`, () => {
      const { network, admission } = read(labelled(id));
      assert.equal(network, `default/${id}`);
      assert.equal(admission.tag, "peer");
    });
  }
});

describe("the newest write of a pod", () => {
  const write = (manager: string, second: number): object => ({
    manager,
    time: `2026-11-23T19:03:0${second}Z`,
    operation: "Update",
  });
  const cases: readonly (readonly [string, unknown, boolean])[] = [
    [
      "is klight's where no other is newer",
      [write("kubelet", 1), write("kubelet", 2), write("klight", 3)],
      true,
    ],
    ["may be klight's where another is of the same second", [write("klight", 2), write("kubelet", 2)], true],
    ["is not klight's where another is newer", [write("klight", 1), write("kubelet", 2)], false],
    [
      "is not klight's where it stands last and another is newer",
      [write("kubelet", 2), write("klight", 1)],
      false,
    ],
    ["is klight's where another tells no time", [write("klight", 1), { manager: "kubelet" }], true],
    ["is not klight's where klight has written nothing", [write("kubelet", 1)], false],
    ["is nobody's where nothing tells", undefined, false],
    ["is nobody's where what tells cannot be read", [{ manager: 1, time: "yesterday" }], false],
  ];
  for (const [what, managedFields, isOwn] of cases) {
    it(what, () => {
      assert.equal(read({ metadata: { managedFields } as object }).ownWrite === true, isOwn);
    });
  }
});

describe("a pod that is ignored", () => {
  const cases: readonly [string, PodChanges, Reason<"ignored">, string, Partial<PodRules>?][] = [
    ["without labels", { metadata: { labels: undefined } as never }, "NoLabel", "has no label"],
    ["without the label", { metadata: { labels: { app: "x" } } }, "NoLabel", "has no label"],
    ["with an empty network id", labelled(""), "EmptyNetworkId", "is empty"],
    ["of a namespace not looked after", {}, "OutOfScope", "namespace default", { namespaces: ["other"] }],
    [
      "being deleted",
      { metadata: { deletionTimestamp: "2026-11-23T19:03:13Z" } },
      "BeingDeleted",
      "is being deleted",
    ],
    ["without a status", { status: null }, "NotRunning", "unknown"],
    ["with an empty status", { status: { phase: undefined } as never }, "NotRunning", "unknown"],
    ...(["Pending", "Unknown"].map(
      (phase) => [`in the phase ${phase}`, { status: { phase } }, "NotRunning", phase] as const,
    ) as [string, PodChanges, Reason<"ignored">, string][]),
    ["that has done its work", { status: { phase: "Succeeded" } }, "Finished", "Succeeded"],
    ["that failed", { status: { phase: "Failed" } }, "Finished", "Failed"],
    ["that was evicted", { status: { phase: "Failed", reason: "Evicted" } }, "Finished", "Failed, Evicted"],
    [
      "that was evicted without keeping its address",
      { status: { phase: "Failed", reason: "Evicted", podIP: "", podIPs: [] } },
      "Finished",
      "Evicted",
    ],
    [
      "that was evicted and is being deleted",
      { metadata: { deletionTimestamp: "2026-11-23T19:03:13Z" }, status: { phase: "Failed" } },
      "Finished",
      "Failed",
    ],
    [
      "whose lightpeer's container nobody can tell",
      { spec: { containers: [container("node"), container("istio-proxy")] } },
      "ContainerUnknown",
      "the annotation klight.dev/container",
    ],
    [
      "whose annotation klight.dev/container names none",
      { metadata: { annotations: { "klight.dev/container": "x" } } },
      "ContainerUnknown",
      '"x"',
    ],
    [
      "whose annotation klight.dev/container names an init container that ends",
      {
        metadata: { annotations: { "klight.dev/container": "setup" } },
        spec: { containers: [container("lightpeer")], initContainers: [container("setup")] },
      },
      "ContainerUnknown",
      '"setup"',
    ],
    ["without an IP", { status: { podIP: undefined, podIPs: undefined } as never }, "NoAddress", "no IP"],
    ["with an empty IP", { status: { podIP: "", podIPs: [] } }, "NoAddress", "no IP"],
    [
      "whose lightpeer is not ready",
      { status: { containerStatuses: [runningStatus("lightpeer", { ready: false })] } },
      "ContainerNotReady",
      "container lightpeer",
    ],
    ...["9081x", "0", "65536", "-1", "", " 9081", "9081.0", "1e3", "klightport"].map(
      (port) =>
        [
          `with the annotation klight.dev/port ${JSON.stringify(port)}`,
          { metadata: { annotations: { "klight.dev/port": port } } },
          "BadPort",
          JSON.stringify(port),
        ] as [string, PodChanges, Reason<"ignored">, string],
    ),
  ];
  for (const [what, changes, reason, words, changedRules] of cases) {
    it(`${what} is ignored with the reason ${reason}`, () => {
      const { admission, name } = read(changes, changedRules);
      assert.ok(admission.tag === "ignored");
      assert.equal(admission.reason, reason);
      assert.ok(admission.message.includes(words), admission.message);
      assert.ok(admission.message.includes(name), admission.message);
    });
  }

  it("is alive since its container runs, and before that since it was created", () => {
    const changes = { metadata: { creationTimestamp: "2026-11-23T19:00:00Z" } };
    const waiting = { ...changes, status: { containerStatuses: [] } };
    assert.equal(read(changes).aliveSince, Date.parse("2026-11-23T19:03:12Z"));
    assert.equal(read(waiting).aliveSince, Date.parse("2026-11-23T19:00:00Z"));
  });

  it("still yields its facts", () => {
    const { admission, ...facts } = read({
      metadata: { deletionTimestamp: "2026-11-23T19:03:13Z" },
      status: {
        phase: "Pending",
        conditions: [condition("Ready", "False", { lastTransitionTime: "1970-01-01T00:00:05Z" })],
      },
    });
    assert.equal(admission.tag, "ignored");
    assert.deepEqual(facts, {
      uid: UID,
      namespace: "default",
      name: "peer-a",
      network: "default/net-a",
      address: "10.0.0.7:9081",
      container: "lightpeer",
      incarnation: "containerd://lightpeer-1",
      finished: false,
      deleting: true,
      aliveSince: Date.parse("2026-11-23T19:03:12Z"),
      ready: false,
      unreadySince: 5000,
    });
  });

  it("has no address where the port is bad, and no network where the id is empty", () => {
    assert.ok(!("address" in read({ metadata: { annotations: { "klight.dev/port": "x" } } })));
    assert.ok(!("network" in read(labelled(""))));
  });

  it("keeps its network where its namespace is not looked after, so that it can be taken off the stack", () => {
    assert.equal(read({}, { namespaces: ["other"] }).network, "default/net-a");
  });
});

describe("the conditions", () => {
  const cases: readonly [string, PodChanges["status"], boolean, number | undefined][] = [
    ["True", { conditions: [condition("Ready", "True")] }, true, undefined],
    [
      "False",
      { conditions: [condition("Ready", "False", { lastTransitionTime: "1970-01-01T00:01:00Z" })] },
      false,
      60_000,
    ],
    [
      "Unknown",
      { conditions: [condition("Ready", "Unknown", { lastTransitionTime: "1970-01-01T00:01:00Z" })] },
      false,
      60_000,
    ],
    [
      "False since nobody knows when",
      { conditions: [condition("Ready", "False", { lastTransitionTime: null as never })] },
      false,
      undefined,
    ],
    ["absent", { conditions: [condition("Initialized", "True")] }, false, undefined],
    ["absent with all others", { conditions: null as never }, false, undefined],
  ];
  for (const [what, status, ready, since] of cases) {
    it(`tell since when the pod is not Ready: Ready is ${what}`, () => {
      const pod = read({ ...(status !== undefined && { status }) });
      assert.equal(pod.ready, ready);
      assert.equal(pod.unreadySince, since);
    });
  }

  it("tell what klight wrote before", () => {
    const written = formatJoined({
      status: "True",
      reason: "Joined",
      message: "peer-a was joined",
      network: "default/net-a",
      incarnation: "containerd://lightpeer-1",
      via: "peer-b",
      generation: 3,
    });
    const conditions = [
      condition("klight.dev/joined", written.status, { reason: written.reason, message: written.message }),
    ];
    assert.deepEqual(read({ status: { conditions } }).joined, {
      status: "True",
      reason: "Joined",
      message: "peer-a was joined",
      network: "default/net-a",
      incarnation: "containerd://lightpeer-1",
      via: "peer-b",
      generation: 3,
    });
  });
});

describe("what is not a pod", () => {
  const pod = runningPod();
  const withLabel = (id: unknown): unknown => ({
    ...pod,
    metadata: { ...pod.metadata, labels: { "klight.networkId": id } },
  });
  const cases: readonly [string, unknown, string][] = [
    ["nothing", undefined, "pod: expected object, received nothing"],
    ["a list", [], "pod: expected object, received a list"],
    ["text", "pod", 'pod: expected object, received "pod"'],
    ["another kind", { ...pod, kind: "Node" }, 'kind: expected "Pod", received "Node"'],
    ["a pod of another version", { ...pod, apiVersion: "v2" }, 'apiVersion: expected "v1", received "v2"'],
    [
      "a pod without metadata",
      { ...pod, metadata: undefined },
      "metadata: expected object, received nothing",
    ],
    [
      "a pod without a uid",
      { ...pod, metadata: { ...pod.metadata, uid: undefined } },
      "metadata.uid: expected string, received nothing",
    ],
    [
      "a network id that is a number",
      withLabel(7),
      'metadata.labels["klight.networkId"]: expected string, received 7',
    ],
    [
      "a network id of 64 characters",
      withLabel("a".repeat(64)),
      'metadata.labels["klight.networkId"]: expected a label value',
    ],
    ["a network id with a slash", withLabel("a/b"), 'received "a/b"'],
    ["a network id that ends with a hyphen", withLabel("a-"), 'received "a-"'],
    [
      "a namespace that is none",
      { ...pod, metadata: { ...pod.metadata, namespace: "a/b" } },
      'metadata.namespace: expected a namespace\'s name, received "a/b"',
    ],
    [
      "a name that is none",
      { ...pod, metadata: { ...pod.metadata, name: "A b" } },
      'metadata.name: expected a pod\'s name, received "A b"',
    ],
    [
      "an IP that is none",
      { ...pod, status: { podIP: "localhost" } },
      'status.podIP: expected an IP address, received "localhost"',
    ],
    [
      "a port out of range",
      { ...pod, spec: { containers: [container("x", { a: 70_000 })] } },
      "spec.containers[0].ports[0].containerPort: ",
    ],
    [
      "a time that is none",
      { ...pod, metadata: { ...pod.metadata, deletionTimestamp: "soon" } },
      'metadata.deletionTimestamp: expected a time as RFC 3339 has it, received "soon"',
    ],
  ];
  for (const [what, input, problem] of cases) {
    it(`is told with path and value: ${what}`, () => {
      const reading = readPod(input, rules);
      assert.ok(reading.tag === "invalid");
      assert.equal(reading.problems.length, 1, reading.problems.join("\n"));
      assert.ok(reading.problems[0]?.includes(problem), reading.problems[0]);
    });
  }

  it("is told with every problem at once, long values cut", () => {
    const reading = readPod({ metadata: { uid: 1, namespace: "x".repeat(500), name: "a" }, spec: [] }, rules);
    assert.ok(reading.tag === "invalid");
    const paths = reading.problems.map((problem) => problem.slice(0, problem.indexOf(":")));
    assert.deepEqual(paths, ["metadata.uid", "metadata.namespace", "spec"]);
    assert.ok(reading.problems.every((problem) => problem.length < 200));
  });
});

describe("the recorded events", () => {
  const lines = readFileSync(
    new URL("../../fixtures/apiserversource-resource.jsonl", import.meta.url),
    "utf8",
  );
  const bodies = lines
    .trim()
    .split("\n")
    .map((line) => (JSON.parse(line) as { readonly body: unknown }).body);

  it("are all read, each as what its pod was then", () => {
    const readings = bodies.map((body) => {
      const { name, network, address, admission } = podIn(body);
      return [name, network, address, admission.tag === "ignored" ? admission.reason : "peer"];
    });
    assert.deepEqual(readings, [
      ["rec-a", "default/netA", undefined, "NotRunning"],
      ["rec-a", "default/netA", "127.0.0.11:9081", "peer"],
      ["rec-a", "default/netA", "127.0.0.11:9081", "peer"],
      ["rec-a", "default/netB", "127.0.0.11:9081", "peer"],
      ["rec-a", "default/netB", "127.0.0.11:9081", "peer"],
      ["rec-b", "default/netA", undefined, "NotRunning"],
      ["rec-b", "default/netA", "127.0.0.12:9081", "peer"],
      ["rec-b", "default/netA", "127.0.0.12:9081", "BeingDeleted"],
      ["rec-b", "default/netA", "127.0.0.12:9081", "BeingDeleted"],
      ["rec-c", "other/netA", undefined, "NotRunning"],
    ]);
  });
});
