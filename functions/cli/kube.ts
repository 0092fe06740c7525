import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { type Send, sendTo } from "../../lib/json-requests.ts";
import { accessOf } from "../../lib/cluster/kubeconfig.ts";

/** The cluster that a kubeconfig leads to. */
export interface Kube {
  readonly send: Send;
  /** Namespace of the context, `default` where it names none. */
  readonly namespace: string;
  /** What the context is called, for messages. */
  readonly context: string;
}

export interface KubeOptions {
  /** Path of the file; absent: `KUBECONFIG`, else `~/.kube/config`, as kubectl does. */
  readonly kubeconfig?: string;
  readonly context?: string;
  /** For each request, ms. */
  readonly timeoutMs: number;
}

/** Reads the kubeconfig as kubectl does. Throws an Error that names the file, the context and what is wrong with it. */
export function openKube({ kubeconfig, context, timeoutMs }: KubeOptions): Kube {
  const config = new KubeConfig();
  if (kubeconfig === undefined) config.loadFromDefault();
  else config.loadFromFile(kubeconfig);
  const names = config.getContexts().map(({ name }) => name);
  if (context !== undefined && !names.includes(context)) {
    throw new Error(
      `there is no context ${JSON.stringify(context)}; there are: ${names.join(", ") || "none"}`,
    );
  }
  if (context !== undefined) config.setCurrentContext(context);
  const current = config.getCurrentContext();
  return {
    send: sendTo(accessOf(config), timeoutMs),
    namespace: config.getContextObject(current)?.namespace ?? "default",
    context: current,
  };
}
