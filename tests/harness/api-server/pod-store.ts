import { isDeepStrictEqual } from "node:util";
import type { IPod } from "kubernetes-models/v1/Pod";
import type { Condition } from "../pods.ts";
import { markStatusWritten, podFromManifest, type PodObject, timestamp } from "./objects.ts";
import { type Labels, parseSelector } from "./selector.ts";
import { conflict, invalid, notFound, RefusedError } from "./status.ts";
import { refusalOfPod } from "./validation.ts";

export interface Named {
  readonly namespace: string;
  readonly name: string;
}

export interface WatchEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: PodObject;
}

/** The pods that the API server keeps, and what changes them. What is refused is thrown as a RefusedError. */
export interface PodStore {
  get(pod: Named): PodObject | undefined;
  /** All pods as they are now; to be read only. A later change makes a new object and leaves these as they are. */
  list(): readonly PodObject[];
  /** The version of the newest change. */
  version(): string;
  create(manifest: IPod, namespace?: string): PodObject;
  /** Labels, annotations and finalizers; all else of a pod stays as it was made. One that only they held goes. */
  replace(pod: Named, changes: Changes): PodObject;
  /** What the kubelet writes; the condition Ready follows by itself. */
  changeStatus(pod: Named, edit: (status: PodObject["status"]) => void): PodObject;
  /** The conditions of a patch, merged by their type. `manager`: who sent it. */
  mergeConditions(
    pod: Named,
    uid: string | undefined,
    conditions: readonly ConditionPatch[],
    manager?: string,
  ): PodObject;
  /** A deletion asked for: from now on the pod goes, `remove` ends it. */
  markDeleted(pod: Named, graceS?: number): PodObject;
  /** The kubelet has done its part: the pod is gone, or stays for as long as it has finalizers. */
  remove(pod: Named): PodObject;
  /** Every later change of pods that match; a pod that ceases to match is deleted for the watcher. */
  watch(selector: string, listener: (event: WatchEvent) => void): () => void;
}

interface Changes {
  readonly labels?: Labels;
  readonly annotations?: Labels;
  readonly finalizers?: readonly string[];
}

type ConditionPatch = Readonly<Record<string, unknown>> & { readonly type: string };

const keyOf = ({ namespace, name }: Named): string => `${namespace}/${name}`;

export function createPodStore(): PodStore {
  const pods = new Map<string, PodObject>();
  const watchers = new Set<(before: PodObject | undefined, after: PodObject | undefined) => void>();
  let version = 100;

  const get = (pod: Named): PodObject | undefined => structuredClone(pods.get(keyOf(pod)));

  function stored(pod: Named): PodObject {
    const found = pods.get(keyOf(pod));
    if (found === undefined) throw new RefusedError(notFound("pods", pod.name));
    return structuredClone(found);
  }

  function put(after: PodObject): PodObject {
    version += 1;
    after.metadata.resourceVersion = String(version);
    const key = keyOf(after.metadata);
    const before = pods.get(key);
    pods.set(key, structuredClone(after));
    for (const watcher of watchers) watcher(before, after);
    return structuredClone(after);
  }

  function change(pod: Named, edit: (object: PodObject) => void): PodObject {
    const object = stored(pod);
    edit(object);
    return put(object);
  }

  function remove(pod: Named): PodObject {
    const { finalizers = [], deletionTimestamp, deletionGracePeriodSeconds: grace } = stored(pod).metadata;
    // The end of the grace period is a change of its own, of which watchers are told, too.
    const ends = finalizers.length > 0 || (deletionTimestamp !== undefined && grace !== 0);
    const before = ends
      ? change(pod, ({ metadata }) => {
          metadata.deletionTimestamp ??= timestamp();
          metadata.deletionGracePeriodSeconds = 0;
        })
      : stored(pod);
    if (finalizers.length > 0) return before;
    version += 1;
    before.metadata.resourceVersion = String(version);
    pods.delete(keyOf(pod));
    for (const watcher of watchers) watcher(before, undefined);
    return before;
  }

  const changeStatus = (pod: Named, edit: (status: PodObject["status"]) => void): PodObject =>
    change(pod, (object) => {
      edit(object.status);
      settleReady(object);
      markStatusWritten(object);
    });

  return {
    get,
    list: (): readonly PodObject[] => [...pods.values()],
    version: (): string => String(version),

    create(manifest: IPod, namespace = manifest.metadata?.namespace ?? "default"): PodObject {
      const refusal = refusalOfPod(manifest);
      if (refusal !== undefined) throw new RefusedError(refusal);
      const object = podFromManifest(manifest, namespace);
      if (pods.has(keyOf(object.metadata))) {
        throw new RefusedError(conflict("AlreadyExists", `pods "${object.metadata.name}" already exists`));
      }
      return put(object);
    },

    replace(pod: Named, { labels, annotations, finalizers = [] }: Changes): PodObject {
      const replaced = change(pod, (object) => {
        const { labels: _, annotations: __, finalizers: ___, ...metadata } = object.metadata;
        object.metadata = {
          ...metadata,
          ...(labels && { labels }),
          ...(annotations && { annotations }),
          ...(finalizers.length > 0 && { finalizers: [...finalizers] }),
        };
        const refusal = refusalOfPod(object);
        if (refusal !== undefined) throw new RefusedError(refusal);
      });
      // Nothing but a finalizer keeps a pod whose grace period is over.
      const isOver = replaced.metadata.deletionGracePeriodSeconds === 0;
      return isOver && finalizers.length === 0 ? remove(pod) : replaced;
    },

    changeStatus,

    markDeleted: (pod: Named, graceS = 30): PodObject =>
      change(pod, ({ metadata }) => {
        if (metadata.deletionTimestamp !== undefined) return;
        metadata.deletionGracePeriodSeconds = graceS;
        metadata.deletionTimestamp = timestamp(Date.now() + graceS * 1000);
      }),

    remove,

    mergeConditions(
      pod: Named,
      uid: string | undefined,
      conditions: readonly ConditionPatch[],
      manager?: string,
    ): PodObject {
      const object = stored(pod);
      if (uid !== undefined && uid !== object.metadata.uid) {
        const cause = { field: "metadata.uid", message: `Invalid value: "${uid}": field is immutable` };
        throw new RefusedError(invalid("Pod", pod.name, [cause]));
      }
      const before = object.status.conditions ?? [];
      const after = conditions.reduce(merged, before);
      // What changes nothing is no new version, and nobody is told of it.
      if (isDeepStrictEqual(after, before)) return object;
      const patched = change(pod, (next) => {
        next.status.conditions = after;
        markStatusWritten(next, manager);
      });
      // The kubelet sees a readiness gate opened and writes by itself: another version, and not in this answer.
      const settled = structuredClone(patched);
      settleReady(settled);
      if (!isDeepStrictEqual(settled, patched)) {
        markStatusWritten(settled);
        put(settled);
      }
      return patched;
    },

    watch(selector: string, listener: (event: WatchEvent) => void): () => void {
      const matches = parseSelector(selector);
      const watcher = (before: PodObject | undefined, after: PodObject | undefined): void => {
        const was = before !== undefined && matches(before.metadata.labels);
        const is = after !== undefined && matches(after.metadata.labels);
        if (is) listener({ type: was ? "MODIFIED" : "ADDED", object: structuredClone(after) });
        else if (was) {
          // The object as it was when it still matched, with the version of the change that took it away.
          const resourceVersion = String(version);
          const object = structuredClone(before);
          listener({
            type: "DELETED",
            object: { ...object, metadata: { ...object.metadata, resourceVersion } },
          });
        }
      };
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
  };
}

type Conditions = NonNullable<PodObject["status"]["conditions"]>;

/** As a strategic merge patch does: by type, `null` takes a field away, what is not named stays. */
function merged(conditions: Conditions, patch: ConditionPatch): Conditions {
  const old = conditions.find(({ type }) => type === patch.type);
  const fields = Object.entries({ ...old, ...patch }).filter(([, value]) => value !== null);
  // As Go writes a condition: these two always, though empty.
  const next = {
    lastProbeTime: null,
    lastTransitionTime: null,
    ...Object.fromEntries(fields),
  } as unknown as Condition;
  return old === undefined ? [...conditions, next] : conditions.map((each) => (each === old ? next : each));
}

/** What the kubelet says of the whole pod: ContainersReady, and Ready, for which every readiness gate must be True, too. */
export function settleReady({ spec, status }: PodObject): void {
  if (status.containerStatuses === undefined) return;
  const isTrue = (type: string): boolean =>
    (status.conditions ?? []).some((each) => each.type === type && each.status === "True");
  const settle = (type: string, is: boolean): void => {
    const next = is ? "True" : "False";
    const before = (status.conditions ?? []).find((each) => each.type === type);
    if (before?.status === next) return;
    const change = { type, status: next, lastTransitionTime: timestamp() };
    status.conditions = merged(status.conditions ?? [], change);
  };
  const containers = [...status.containerStatuses, ...(status.initContainerStatuses ?? [])];
  const areReady = containers.every((each) => each.ready);
  const gates = (spec.readinessGates ?? []).map(({ conditionType }) => conditionType);
  settle("ContainersReady", areReady);
  settle("Ready", areReady && gates.every(isTrue));
}
