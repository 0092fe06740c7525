import type { RequestOptions } from "node:https";
// Its configuration alone: the rest of the package is a megabyte of models and another HTTP client.
import { KubeConfig } from "@kubernetes/client-node/dist/config.js";
import { connectionsFor } from "../json-requests.ts";
import type { ApiServerAccess } from "./access.ts";

/** As {@link accessOf}, by the file itself. Throws also where it cannot be read. */
export function kubeconfigAccess(file: string): ApiServerAccess {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return accessOf(config);
}

/**
 * As a kubeconfig says: address, certificates, tokens and what makes them, proxy. Throws where its context leads to no
 * cluster.
 */
export function accessOf(config: KubeConfig): ApiServerAccess {
  const cluster = config.getCurrentCluster();
  const server = URL.parse(cluster?.server ?? "");
  if (server === null) throw new Error("KUBECONFIG names no cluster");
  const connections = connectionsFor(server.protocol);
  const { namespace } = config.getContextObject(config.getCurrentContext()) ?? {};
  return {
    server,
    namespace: () => Promise.resolve(namespace),
    access: async () => {
      const options: RequestOptions = {};
      await config.applyToHTTPSOptions(options);
      const { headers = {}, auth, agent, ca, cert, key, rejectUnauthorized, servername } = options;
      const tls = { ca, cert, key, rejectUnauthorized, servername };
      const given = Object.fromEntries(Object.entries(tls).filter(([, value]) => value !== undefined));
      return {
        headers: headers as Readonly<Record<string, string>>,
        ...(typeof auth === "string" && { auth }),
        // The package's own agent goes through the proxy, but keeps no connections.
        agent: cluster?.proxyUrl && typeof agent === "object" ? agent : connections(given),
      };
    },
  };
}
