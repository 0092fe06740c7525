import { readPod, type Pod, type PodRules } from "../../lib/pod/pod.ts";

/** A pod object as the API server keeps it; every change makes a new one. */
export interface PodObject {
  readonly apiVersion: "v1";
  readonly kind: "Pod";
  readonly metadata: {
    readonly uid: string;
    readonly namespace: string;
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: {
    readonly containers: readonly {
      readonly name: string;
      readonly ports?: readonly { readonly name: string; readonly containerPort: number }[];
    }[];
  };
  readonly status: {
    readonly phase: "Pending" | "Running" | "Succeeded" | "Failed";
    readonly reason?: string;
    readonly podIP?: string;
    readonly conditions: readonly Condition[];
    readonly containerStatuses: readonly {
      readonly name: string;
      readonly containerID: string;
      readonly ready: boolean;
      readonly state: object;
    }[];
  };
}

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason?: string;
  readonly message?: string;
  readonly lastTransitionTime: string;
}

export const rules: PodRules = { scope: "namespace", namespaces: [], defaultPort: 9081 };

/** What a watch of labelled pods tells. */
export interface WatchEvent {
  readonly change: "add" | "update" | "delete";
  readonly object: PodObject;
}

interface Version {
  readonly at: number;
  readonly object: PodObject | undefined;
}

const isLabelled = (object: PodObject | undefined): object is PodObject =>
  object !== undefined && (object.metadata.labels["klight.networkId"] ?? "") !== "";

export const keyOf = ({ namespace, name }: { readonly namespace: string; readonly name: string }): string =>
  `${namespace}/${name}`;

/** The pods of a cluster with their past: a list may come from a watch cache that is behind. */
export class ApiObjects {
  readonly #now: () => number;
  readonly #versions = new Map<string, Version[]>();
  readonly #watchers: ((event: WatchEvent) => void)[] = [];
  readonly #read = new WeakMap<PodObject, Pod>();

  constructor(now: () => number) {
    this.#now = now;
  }

  watch(watcher: (event: WatchEvent) => void): void {
    this.#watchers.push(watcher);
  }

  get(key: string): PodObject | undefined {
    return this.#versions.get(key)?.at(-1)?.object;
  }

  /** All pods as they were at that time, ms since 1970. */
  list(at: number): readonly PodObject[] {
    return [...this.#versions.values()].flatMap((versions) => {
      const seen = versions.findLast((version) => version.at <= at);
      return seen?.object ?? [];
    });
  }

  write(object: PodObject): void {
    this.#put(keyOf(object.metadata), object);
  }

  remove(key: string): void {
    this.#put(key, undefined);
  }

  /** As klight reads it; one object is parsed once. */
  parsed(object: PodObject): Pod {
    const known = this.#read.get(object);
    if (known) return known;
    const reading = readPod(object, rules);
    if (reading.tag === "invalid")
      throw new Error(`the simulation made a bad pod: ${reading.problems.join()}`);
    this.#read.set(object, reading.pod);
    return reading.pod;
  }

  #put(key: string, object: PodObject | undefined): void {
    const versions = this.#versions.get(key) ?? [];
    const before = versions.at(-1)?.object;
    versions.push({ at: this.#now(), object });
    this.#versions.set(key, versions);
    // A watch with a selector tells of a label that goes away as of a delete, with the object as it was before.
    if (isLabelled(object)) this.#tell({ change: isLabelled(before) ? "update" : "add", object });
    else if (isLabelled(before)) this.#tell({ change: "delete", object: before });
  }

  #tell(event: WatchEvent): void {
    for (const watcher of this.#watchers) watcher(event);
  }
}
