import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Condition,
  condition,
  container,
  type ContainerStatus,
  type PodChanges,
  runningStatus,
  terminatedStatus,
} from "../../harness/pods.ts";
import { recordedPods } from "../../harness/recorded-pods.ts";
import { podIn, read } from "./read.ts";

describe("a life of a peer", () => {
  const ended = (changes: Partial<ContainerStatus> = {}): PodChanges => ({
    status: { containerStatuses: [terminatedStatus("lightpeer", changes)] },
  });
  const deleting = { metadata: { deletionTimestamp: "2026-11-23T19:03:13Z" } };
  const last = terminatedStatus("lightpeer").state ?? {};
  const waiting = { waiting: { reason: "CrashLoopBackOff" } };
  const cases: readonly [string, PodChanges, boolean][] = [
    ["the pod has done its work", { status: { phase: "Succeeded" } }, true],
    ["the pod failed", { status: { phase: "Failed" } }, true],
    [
      "the pod failed, and the kubelet lost its containers",
      { status: { phase: "Failed", containerStatuses: [] } },
      true,
    ],
    ["the pod is being deleted and its container has ended", { ...deleting, ...ended() }, true],
    ["its container has ended", ended(), true],
    ["the kubelet could not find its container any more", ended({ containerID: "" }), true],
    ["its container waits to be made again", ended({ state: waiting, lastState: last }), true],
    [
      "the container of a native sidecar has ended",
      {
        spec: {
          containers: [container("app")],
          initContainers: [{ ...container("lightpeer"), restartPolicy: "Always" }],
        },
        status: {
          containerStatuses: [runningStatus("app")],
          initContainerStatuses: [terminatedStatus("lightpeer")],
        },
      },
      true,
    ],
    ["the pod is being deleted and its container runs", deleting, false],
    [
      "the next container runs",
      {
        status: {
          containerStatuses: [
            runningStatus("lightpeer", { containerID: "containerd://lightpeer-2", lastState: last }),
          ],
        },
      },
      false,
    ],
    [
      "the next container has been made",
      ended({ containerID: "containerd://lightpeer-2", state: { waiting: {} }, lastState: last }),
      false,
    ],
    ["the first container is being made", ended({ containerID: "", state: waiting, lastState: {} }), false],
    [
      "another container has ended",
      {
        spec: { containers: [container("lightpeer"), container("app")] },
        status: { containerStatuses: [runningStatus("lightpeer"), terminatedStatus("app")] },
      },
      false,
    ],
    [
      "nobody knows which container it is in, and one has ended",
      {
        spec: { containers: [container("a"), container("b")] },
        status: { containerStatuses: [runningStatus("a"), terminatedStatus("b")] },
      },
      false,
    ],
    ["the phase is not known", { status: { phase: "Unknown" } }, false],
  ];
  for (const [what, changes, finished] of cases) {
    it(`is ${finished ? "proven to be over" : "not proven to be over"} when ${what}`, () => {
      assert.equal(read(changes).finished, finished);
    });
  }
});

describe("since when the lightpeer's container is not ready", () => {
  const notReady = runningStatus("lightpeer", {
    ready: false,
    state: { running: { startedAt: "1970-01-01T00:00:10Z" } },
  });
  const containers = (status: string, at: string): Condition =>
    condition("ContainersReady", status, { lastTransitionTime: at });
  const other = { spec: { containers: [container("lightpeer"), container("app")] } };
  const unready: readonly [string, PodChanges, number | undefined][] = [
    [
      "that the condition ContainersReady names, where it is the only one",
      {
        status: {
          containerStatuses: [notReady],
          conditions: [containers("False", "1970-01-01T00:01:00Z")],
        },
      },
      60_000,
    ],
    [
      "of its start, where that was later",
      {
        status: {
          containerStatuses: [notReady],
          conditions: [containers("False", "1970-01-01T00:00:05Z")],
        },
      },
      10_000,
    ],
    [
      "that nobody tells, where another container may have turned the condition",
      {
        ...other,
        status: {
          containerStatuses: [notReady, runningStatus("app")],
          conditions: [containers("False", "1970-01-01T00:01:00Z")],
        },
      },
      undefined,
    ],
    [
      "that nobody tells, where only the pod is not Ready",
      {
        status: {
          containerStatuses: [notReady],
          conditions: [condition("Ready", "False", { lastTransitionTime: "1970-01-01T00:01:00Z" })],
        },
      },
      undefined,
    ],
    [
      "that nobody tells, where the condition is behind",
      {
        status: {
          containerStatuses: [notReady],
          conditions: [containers("True", "1970-01-01T00:01:00Z")],
        },
      },
      undefined,
    ],
    [
      "of none, where the container is ready",
      { status: { conditions: [containers("False", "1970-01-01T00:01:00Z")] } },
      undefined,
    ],
  ];
  for (const [what, changes, since] of unready) {
    it(`is the time ${what}`, () => {
      assert.equal(read(changes).containerUnreadySince, since);
    });
  }
});

describe("the pods that hurt", () => {
  it("are each read as what is proven of them", () => {
    const readings = recordedPods.map((object) => {
      const { name, address, container: peer, finished, admission } = podIn(object);
      return [name, address, peer, finished, admission.tag === "ignored" ? admission.reason : "peer"];
    });
    assert.deepEqual(readings, [
      ["orders-a", "198.51.100.7:9081", "lightpeer", true, "Finished"],
      ["orders-a2", undefined, "lightpeer", true, "Finished"],
      ["ledger-a", "198.51.100.7:9081", "lightpeer", false, "peer"],
      ["import-x7k2p", "198.51.100.9:9081", "lightpeer", true, "Finished"],
      ["mesh-a", "198.51.100.10:9081", "node", false, "peer"],
      ["mesh-b", "198.51.100.11:9081", undefined, false, "ContainerUnknown"],
      ["busy-a", "198.51.100.12:9081", "lightpeer", false, "peer"],
      ["host-a", "192.0.2.10:9081", "lightpeer", false, "peer"],
      ["host-b", "192.0.2.10:9081", "lightpeer", false, "peer"],
    ]);
  });

  it("do not tell since when a container is not ready that is", () => {
    for (const object of recordedPods) assert.equal(podIn(object).containerUnreadySince, undefined);
  });
});
