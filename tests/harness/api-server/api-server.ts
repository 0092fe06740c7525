import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ApiCall, Fault } from "./faults.ts";
import type { StoredEvent } from "./new-event.ts";
import type { OtherObjects } from "./other-objects.ts";
import { createPages } from "./pages.ts";
import { createPodStore, type PodStore } from "./pod-store.ts";
import { createRoutes } from "./routes.ts";

/**
 * A small API server over HTTP: pods and core/v1 Events, as strict as a real one in what klight sends and in what
 * a pod may be.
 */
export interface ApiServer {
  readonly url: string;
  /** Path of a kubeconfig file that leads here. */
  readonly kubeconfig: string;
  readonly pods: PodStore;
  readonly events: readonly StoredEvent[];
  /** As an API server does after an hour. */
  forgetEvents(): void;
  /** Whatever else there is: what a GET at a path answers, and whom a review lets do what. */
  readonly objects: OtherObjects;
  /** Every request that came in, refused ones too. */
  readonly calls: readonly ApiCall[];
  /** From now on this is wrong, with all requests or with those that match; undefined: nothing. */
  fail(fault: Fault | undefined, matches?: (call: ApiCall) => boolean): void;
  /** From now on LIST shows the pods as they are now, whatever becomes of them. */
  freezeLists(): void;
  thawLists(): void;
  /** Lists that were begun cannot be gone on with: 410. */
  expireLists(): void;
  close(): Promise<void>;
}

export interface ApiServerOptions {
  /** The namespace that the kubeconfig's context names. */
  readonly namespace?: string;
  /** The bearer token without which nothing is answered; absent: none is needed. */
  readonly token?: string;
}

export async function startApiServer({ token, namespace }: ApiServerOptions = {}): Promise<ApiServer> {
  const pods = createPodStore();
  const pages = createPages();
  const calls: ApiCall[] = [];
  const events: StoredEvent[] = [];
  const objects: OtherObjects = { byPath: new Map(), isAllowed: () => true };
  let fault: { readonly fault: Fault; readonly matches: (call: ApiCall) => boolean } | undefined;
  let frozen: ReturnType<PodStore["list"]> | undefined;

  const routes = createRoutes({
    pods,
    pages,
    events,
    objects,
    listed: () => frozen ?? pods.list(),
    token,
    takes: (call) => {
      calls.push(call);
      return fault?.matches(call) === true ? fault.fault : undefined;
    },
  });
  const server = createServer(routes);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const directory = await mkdtemp(join(tmpdir(), "klight-api-server-"));
  const kubeconfig = join(directory, "kubeconfig");
  await writeFile(kubeconfig, JSON.stringify(kubeconfigOf(url, token, namespace)));

  return {
    url,
    kubeconfig,
    pods,
    events,
    objects,
    calls,
    fail: (next, matches = () => true) => {
      fault = next && { fault: next, matches };
    },
    forgetEvents: () => {
      events.length = 0;
    },
    freezeLists: () => {
      frozen = pods.list();
    },
    thawLists: () => {
      frozen = undefined;
    },
    expireLists: () => {
      pages.expire();
    },
    close: async () => {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
      await rm(directory, { recursive: true });
    },
  };
}

const kubeconfigOf = (server: string, token: string | undefined, namespace: string | undefined): object => ({
  apiVersion: "v1",
  kind: "Config",
  // client-node speaks plain HTTP only where certificates would not be looked at either.
  clusters: [{ name: "double", cluster: { server, "insecure-skip-tls-verify": true } }],
  users: [{ name: "klight", user: token === undefined ? {} : { token } }],
  contexts: [{ name: "double", context: { cluster: "double", user: "klight", namespace } }],
  "current-context": "double",
});
