import { readFileSync } from "node:fs";
import type { PodObject } from "./api-server/objects.ts";
import type { ContainerStatus } from "./pods.ts";

/** Pods that break what believes too much, as the API server showed them. */
export const recordedPods: readonly PodObject[] = readFileSync(
  new URL("../fixtures/pods-that-hurt.jsonl", import.meta.url),
  "utf8",
)
  .trim()
  .split("\n")
  .map((line) => (JSON.parse(line) as { readonly pod: PodObject }).pod);

export function recordedPod(name: string): PodObject {
  const found = recordedPods.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`no pod of the name ${name} is recorded`);
  return structuredClone(found);
}

/** The same pod while it still ran. */
export function beforeItsEnd(pod: PodObject): PodObject {
  const { reason: _, message: __, conditions: ___, containerStatuses = [], ...status } = pod.status;
  const running = ({ state, ...container }: ContainerStatus): ContainerStatus => ({
    ...container,
    ready: true,
    started: true,
    state: { running: { startedAt: state?.terminated?.startedAt ?? state?.running?.startedAt ?? "" } },
  });
  return {
    ...pod,
    status: {
      ...status,
      phase: "Running",
      podIP: status.podIP ?? "198.51.100.7",
      containerStatuses: containerStatuses.map(running),
    },
  };
}
