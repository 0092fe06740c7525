import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { condition, type Container, container, type PodChanges, runningStatus } from "../../harness/pods.ts";
import { read, UID } from "./read.ts";

const annotated = (annotations: Record<string, string>): PodChanges => ({ metadata: { annotations } });

describe("the address", () => {
  const app = container("app", { http: 8080 });
  const cases: readonly [string, PodChanges, string][] = [
    [
      "the port named klightport",
      { spec: { containers: [container("x", { klightport: 7001 })] } },
      "10.0.0.7:7001",
    ],
    [
      "the port named klight-port",
      { spec: { containers: [container("x", { "klight-port": 7002 })] } },
      "10.0.0.7:7002",
    ],
    [
      "the port named klightPort",
      { spec: { containers: [container("x", { klightPort: 7003 })] } },
      "10.0.0.7:7003",
    ],
    [
      "the named port of the second container",
      { spec: { containers: [app, container("x", { a: 1, klightport: 7004 })] } },
      "10.0.0.7:7004",
    ],
    [
      "the named port of a native sidecar",
      {
        spec: {
          containers: [app],
          initContainers: [{ ...container("x", { klightport: 7005 }), restartPolicy: "Always" }],
        },
      },
      "10.0.0.7:7005",
    ],
    [
      "the default, not the named port of an init container that ends",
      { spec: { containers: [app], initContainers: [container("x", { klightport: 7006 })] } },
      "10.0.0.7:9081",
    ],
    ["the default where nothing names a port", { spec: { containers: [{ name: "x" }] } }, "10.0.0.7:9081"],
    [
      "the default where a port has another name",
      { spec: { containers: [container("x", { klightports: 7007 })] } },
      "10.0.0.7:9081",
    ],
    ["the annotation's port before the named one", annotated({ "klight.dev/port": "7008" }), "10.0.0.7:7008"],
    ["the smallest port", annotated({ "klight.dev/port": "1" }), "10.0.0.7:1"],
    ["the largest port", annotated({ "klight.dev/port": "65535" }), "10.0.0.7:65535"],
    [
      "an IPv6 address in brackets",
      { status: { podIP: "fd00::7", podIPs: [{ ip: "fd00::7" }] } },
      "[fd00::7]:9081",
    ],
    [
      "the pod's first address of two kinds",
      { status: { podIP: "fd00::7", podIPs: [{ ip: "fd00::7" }, { ip: "10.0.0.7" }] } },
      "[fd00::7]:9081",
    ],
    [
      "the list's first where only the list is there",
      { status: { podIP: "", podIPs: [{ ip: "10.0.0.8" }] } },
      "10.0.0.8:9081",
    ],
  ];
  for (const [what, changes, address] of cases) {
    it(`is ${what}`, () => assert.equal(read(changes).address, address));
  }

  it("is with the default port of the rules", () => {
    assert.equal(
      read({ spec: { containers: [{ name: "x" }] } }, { defaultPort: 7009 }).address,
      "10.0.0.7:7009",
    );
  });
});

describe("the incarnation", () => {
  const two = [runningStatus("app"), runningStatus("other")];
  const declaring = [container("app"), container("other", { grpc: 9081 })];
  const cases: readonly [string, PodChanges, string][] = [
    [
      "that of the container that the annotation names",
      {
        metadata: { annotations: { "klight.dev/container": "app" } },
        spec: { containers: declaring },
        status: { containerStatuses: two },
      },
      "containerd://app-1",
    ],
    [
      "that of the container that declares the port",
      { spec: { containers: declaring }, status: { containerStatuses: two } },
      "containerd://other-1",
    ],
    [
      "that of the container that declares the annotated port",
      {
        metadata: { annotations: { "klight.dev/port": "7000" } },
        spec: {
          containers: [container("lightpeer", { klightport: 9081 }), container("other", { grpc: 7000 })],
        },
        status: { containerStatuses: [runningStatus("lightpeer"), runningStatus("other")] },
      },
      "containerd://other-1",
    ],
    [
      "that of the container named lightpeer where none declares the port",
      {
        spec: { containers: [container("app"), container("lightpeer")] },
        status: { containerStatuses: [runningStatus("app"), runningStatus("lightpeer")] },
      },
      "containerd://lightpeer-1",
    ],
    [
      "that of the container that is kubectl's default where nothing else tells",
      {
        metadata: { annotations: { "kubectl.kubernetes.io/default-container": "other" } },
        spec: { containers: [container("app"), container("other")] },
        status: { containerStatuses: two },
      },
      "containerd://other-1",
    ],
    [
      "that of the container that declares the port before kubectl's default",
      {
        metadata: { annotations: { "kubectl.kubernetes.io/default-container": "app" } },
        spec: { containers: declaring },
        status: { containerStatuses: two },
      },
      "containerd://other-1",
    ],
    [
      "that of the container named lightpeer before kubectl's default",
      {
        metadata: { annotations: { "kubectl.kubernetes.io/default-container": "app" } },
        spec: { containers: [container("app"), container("lightpeer")] },
        status: { containerStatuses: [runningStatus("app"), runningStatus("lightpeer")] },
      },
      "containerd://lightpeer-1",
    ],
    [
      "that of the only container, whatever kubectl's default is called",
      {
        metadata: { annotations: { "kubectl.kubernetes.io/default-container": "x" } },
        spec: { containers: [container("app")] },
        status: { containerStatuses: [runningStatus("app")] },
      },
      "containerd://app-1",
    ],
    [
      "that of the only container",
      { spec: { containers: [container("app")] }, status: { containerStatuses: [runningStatus("app")] } },
      "containerd://app-1",
    ],
    [
      "that of a native sidecar, which is among the init containers",
      {
        spec: {
          containers: [container("app")],
          initContainers: [{ ...container("lightpeer", { klightport: 9081 }), restartPolicy: "Always" }],
        },
        status: {
          containerStatuses: [runningStatus("app")],
          initContainerStatuses: [runningStatus("lightpeer")],
        },
      },
      "containerd://lightpeer-1",
    ],
    [
      "the pod's uid where two containers could be it",
      { spec: { containers: [container("app"), container("other")] }, status: { containerStatuses: two } },
      UID,
    ],
    [
      "the pod's uid where the annotation names no container",
      { metadata: { annotations: { "klight.dev/container": "x" } } },
      UID,
    ],
    ["the pod's uid without a status", { status: null }, UID],
    [
      "the pod's uid where the kubelet has not told of containers",
      { status: { containerStatuses: [] } },
      UID,
    ],
    [
      "the pod's uid while the container has no id yet",
      { status: { containerStatuses: [runningStatus("lightpeer", { containerID: "", ready: false })] } },
      UID,
    ],
  ];
  for (const [what, changes, incarnation] of cases) {
    it(`is ${what}`, () => assert.equal(read(changes).incarnation, incarnation));
  }

  it("changes when only the container starts again", () => {
    const again = runningStatus("lightpeer", { containerID: "containerd://lightpeer-2", restartCount: 1 });
    assert.equal(read({ status: { containerStatuses: [again] } }).incarnation, "containerd://lightpeer-2");
  });

  it("does not wait for a container that is not the lightpeer's", () => {
    const containerStatuses = [runningStatus("app", { ready: false }), runningStatus("other")];
    const { admission } = read({ spec: { containers: declaring }, status: { containerStatuses } });
    assert.equal(admission.tag, "peer");
  });
});

describe("a pod of which the kubelet says little", () => {
  it("has no life in a container whose state it does not tell", () => {
    const { state: _, ...stateless } = runningStatus("lightpeer");
    const pod = read({ status: { containerStatuses: [stateless] } });
    assert.deepEqual([pod.finished, pod.incarnation], [false, "containerd://lightpeer-1"]);
    const { admission } = read({ status: { containerStatuses: [{ ...stateless, ready: false }] } });
    assert.equal(admission.tag === "ignored" && admission.reason, "ContainerNotReady");
  });

  it("is ready where it says nothing of its container", () => {
    assert.equal(read({ status: { containerStatuses: [] } }).admission.tag, "peer");
  });

  it("has been unready since its condition says so, where the container does not run", () => {
    const since = "2026-11-23T20:00:00Z";
    const unready = condition("ContainersReady", "False", { lastTransitionTime: since });
    const { state: _, ...stateless } = runningStatus("lightpeer", { ready: false });
    const waiting = { ...stateless, state: { waiting: { reason: "CrashLoopBackOff" } } };
    for (const status of [stateless, waiting]) {
      const pod = read({ status: { conditions: [unready], containerStatuses: [status] } });
      assert.equal(pod.containerUnreadySince, Date.parse(since));
    }
    const untold = read({ status: { containerStatuses: [waiting] } });
    assert.equal(untold.containerUnreadySince, undefined);
  });

  it("has a port without a name, and no container that declares none", () => {
    const nameless: Container = { name: "x", image: "x", ports: [{ containerPort: 9081 }] };
    const other = container("y");
    assert.equal(read({ spec: { containers: [nameless, other] } }).container, "x");
    const bad = {
      metadata: { ...annotated({ "klight.dev/port": "no" }).metadata },
      spec: { containers: [nameless, other] },
    };
    assert.equal(read(bad).container, undefined);
  });
});
