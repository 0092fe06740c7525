import { join } from "node:path";
import { goBinary, goFolder, type GoModule, missingGo } from "../harness/go-binary.ts";
import { findCommand } from "../harness/tied-process.ts";

/** What a run of these tests needs, as paths. */
export interface Binaries {
  readonly etcd: string;
  readonly apiServer: string;
  /** What Knative runs for an ApiServerSource. */
  readonly adapter: string;
  /** Folders with the definitions (CRDs) of Knative's kinds. */
  readonly definitions: readonly string[];
}

const apiServer: GoModule = {
  folder: join(import.meta.dirname, "api-server"),
  package: "k8s.io/kubernetes/cmd/kube-apiserver",
  versionOf: "k8s.io/kubernetes",
  // Without it the API server calls itself v0.0.0.
  versionIn: "k8s.io/component-base/version.gitVersion",
};
const adapter: GoModule = {
  folder: join(import.meta.dirname, "knative"),
  package: "knative.dev/eventing/cmd/apiserver_receive_adapter",
  versionOf: "knative.dev/eventing",
};
const definitions = [
  "knative.dev/eventing/config/core/resources",
  "knative.dev/serving/config/core/300-resources",
];

/** What is missing on this machine, each in words that say what to do. */
export const missingParts = (): readonly string[] =>
  [
    findCommand("etcd") === undefined ? "etcd: apt-get install etcd-server" : undefined,
    missingGo(apiServer, adapter),
  ].filter((part) => part !== undefined);

/** Builds what is not in the user's cache yet, which takes minutes, and says so. Throws where a part is missing. */
export function buildBinaries(): Binaries {
  const etcd = findCommand("etcd");
  if (etcd === undefined) throw new Error(missingParts().join("; "));
  return {
    etcd,
    apiServer: goBinary(apiServer),
    adapter: goBinary(adapter),
    definitions: definitions.map((name) => goFolder(adapter, name)),
  };
}
