import { randomUUID } from "node:crypto";
import type { IPod } from "kubernetes-models/v1/Pod";
import type { Container } from "../pods.ts";

type Metadata = NonNullable<IPod["metadata"]>;
type Written<Type> = { -readonly [Key in keyof Type]: Type[Key] };

/** A pod as the API server stores it. */
export interface PodObject {
  apiVersion: "v1";
  kind: "Pod";
  metadata: Written<Metadata> & { name: string; namespace: string; uid: string; resourceVersion: string };
  spec: Written<NonNullable<IPod["spec"]>>;
  status: Written<NonNullable<IPod["status"]>>;
}

/** Kubernetes writes its times in whole seconds. */
export const timestamp = (ms = Date.now()): string => new Date(ms).toISOString().replace(/\.\d+Z$/u, "Z");

const toleration = (condition: string): object => ({
  effect: "NoExecute",
  key: `node.kubernetes.io/${condition}`,
  operator: "Exists",
  tolerationSeconds: 300,
});

const containerWithDefaults = (container: Container): Container => ({
  imagePullPolicy: "Always",
  resources: {},
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  ...container,
  ...(container.ports !== undefined && {
    ports: container.ports.map((port) => ({ protocol: "TCP", ...port })),
  }),
});

/** What the API server makes of a manifest: names, times and defaults filled in, the status its own. */
export function podFromManifest(manifest: IPod, namespace: string): PodObject {
  const { metadata = {}, spec } = manifest;
  const creationTimestamp = timestamp();
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      ...metadata,
      creationTimestamp,
      managedFields: [writer(creationTimestamp)],
      name: metadata.name ?? "",
      namespace,
      resourceVersion: "",
      uid: randomUUID(),
    },
    spec: {
      dnsPolicy: "ClusterFirst",
      enableServiceLinks: true,
      preemptionPolicy: "PreemptLowerPriority",
      priority: 0,
      restartPolicy: "Always",
      schedulerName: "default-scheduler",
      securityContext: {},
      serviceAccount: "default",
      serviceAccountName: "default",
      terminationGracePeriodSeconds: 30,
      tolerations: [toleration("not-ready"), toleration("unreachable")],
      ...spec,
      containers: (spec?.containers ?? []).map(containerWithDefaults),
      ...(spec?.initContainers && { initContainers: spec.initContainers.map(containerWithDefaults) }),
    },
    status: { phase: "Pending", qosClass: "BestEffort" },
  };
}

/** Who wrote last; what exactly is left out, for nobody here reads it. */
const writer = (
  time: string,
  subresource?: string,
  manager = "node",
): NonNullable<Metadata["managedFields"]>[number] => ({
  apiVersion: "v1",
  fieldsType: "FieldsV1",
  fieldsV1: {},
  manager,
  operation: "Update",
  ...(subresource !== undefined && { subresource }),
  time,
});

/** Marks who has written the status, and when. */
export function markStatusWritten({ metadata }: PodObject, manager = "node"): void {
  const others = (metadata.managedFields ?? []).filter(
    (each) => each.subresource !== "status" || each.manager !== manager,
  );
  metadata.managedFields = [...others, writer(timestamp(), "status", manager)];
}
