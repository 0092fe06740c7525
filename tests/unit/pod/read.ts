import assert from "node:assert/strict";
import { type Pod, type PodRules, readPod } from "../../../lib/pod/pod.ts";
import { type PodChanges, runningPod } from "../../harness/pods.ts";

/** What klight reads pods by where nothing is set. */
export const rules: PodRules = { scope: "namespace", namespaces: [], defaultPort: 9081 };

/** Of the pod that runs. */
export const UID = "585ef98b-11aa-4161-8293-98157449553f";

/** The pod that these objects describe; fails where they describe none. */
export function podIn(object: unknown, by: PodRules = rules): Pod {
  const reading = readPod(object, by);
  assert.ok(reading.tag === "pod", JSON.stringify(reading));
  return reading.pod;
}

/** The pod that runs, as klight reads it with these changes. */
export const read = (changes: PodChanges, changedRules: Partial<PodRules> = {}): Pod =>
  podIn(runningPod(changes), { ...rules, ...changedRules });
