import { spawn } from "node:child_process";
import { once } from "node:events";
import { killAtExit, tied } from "../harness/tied-process.ts";
import { openWatches } from "./audit.ts";
import { eventually } from "./eventually.ts";
import { plane } from "./real.ts";

export interface AdapterOptions {
  /** Leads to the API server as the source's own account. */
  readonly kubeconfig: string;
  readonly sink: string;
  readonly mode: "Resource" | "Reference";
  /** Absent: all namespaces, through one watch. */
  readonly namespaces?: readonly string[];
}

/** Knative's own adapter of an ApiServerSource, as its controller starts it for `knative/base/pod-source.yaml`. */
export interface Adapter {
  stop(): Promise<void>;
}

/** The account that the manifests give the source. */
const SOURCE = "system:serviceaccount:klight:klight-source";

/** Resolves when it watches. */
export async function startAdapter({ kubeconfig, sink, mode, namespaces }: AdapterOptions): Promise<Adapter> {
  const before = new Set(await openWatches(SOURCE));
  const config = {
    namespaces: namespaces ?? [""],
    allNamespaces: namespaces === undefined,
    resources: [{ gvr: { Group: "", Version: "v1", Resource: "pods" }, selector: "klight.networkId" }],
    mode,
  };
  const [command, words] = tied(plane.binaries.adapter, ["--kubeconfig", kubeconfig]);
  const child = spawn(command, words, {
    env: {
      NAMESPACE: "klight",
      NAME: "klight",
      SYSTEM_NAMESPACE: "knative-eventing",
      METRICS_DOMAIN: "knative.dev/eventing",
      K_SINK: sink,
      K_SOURCE_CONFIG: JSON.stringify(config),
      K_LOGGING_CONFIG: "{}",
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  killAtExit(child);
  let said = "";
  const ended = once(child, "close");
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (part: string) => (said += part));
  const isWatching = async (): Promise<boolean> => {
    if (child.exitCode !== null) throw new Error(`the adapter has ended: ${said}`);
    return (await openWatches(SOURCE)).some((id) => !before.has(id));
  };
  if (!(await eventually(isWatching, Boolean))) throw new Error(`the adapter does not watch: ${said}`);
  return {
    async stop() {
      child.kill("SIGKILL");
      await ended;
    },
  };
}
