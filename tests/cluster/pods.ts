import type { IPod } from "kubernetes-models/v1/Pod";
import type { KubeletStore } from "../harness/api-server/kubelet.ts";
import type { PodObject } from "../harness/api-server/objects.ts";
import { type Named, settleReady } from "../harness/api-server/pod-store.ts";
import type { Api } from "../harness/api-client.ts";

const pathOf = ({ namespace, name }: Named): string => `/api/v1/namespaces/${namespace}/pods/${name}`;

/** Pods on an API server, real or double, as those change them who may: by requests alone. */
export class Pods {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  /** On a node, so that it is not gone at once when somebody deletes it. */
  create({ spec, ...manifest }: IPod, namespace: string): Promise<PodObject> {
    const body = { ...manifest, spec: { nodeName: "node-1", ...spec } };
    return this.#api.ask<PodObject>({ method: "POST", path: `/api/v1/namespaces/${namespace}/pods`, body });
  }

  /** Undefined: there is none. */
  async get(pod: Named): Promise<PodObject | undefined> {
    const { status, body } = await this.#api.send({ method: "GET", path: pathOf(pod) });
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`get ${pod.name}: ${status} ${JSON.stringify(body)}`);
    return body as PodObject;
  }

  /** Writes what the kubelet's act makes of the pod's status; begins again where somebody else wrote meanwhile. */
  async change(pod: Named, act: (store: KubeletStore) => unknown): Promise<PodObject> {
    for (;;) {
      const object = await this.#api.ask<PodObject>({ method: "GET", path: pathOf(pod) });
      act({
        get: () => object,
        changeStatus: (_pod, edit) => {
          edit(object.status);
          settleReady(object);
          return object;
        },
      });
      const written = await this.#api.send({ method: "PUT", path: `${pathOf(pod)}/status`, body: object });
      if (written.status === 200) return written.body as PodObject;
      if (written.status !== 409) throw new Error(`status of ${pod.name}: ${JSON.stringify(written.body)}`);
    }
  }

  /** Labels are replaced by these. */
  async relabel(pod: Named, labels: Readonly<Record<string, string>>): Promise<void> {
    const body = [{ op: "add", path: "/metadata/labels", value: labels }];
    const contentType = "application/json-patch+json";
    await this.#api.ask({ method: "PATCH", path: pathOf(pod), body, contentType });
  }

  /** A deletion asked for; the kubelet ends it by {@link remove}. */
  async delete(pod: Named, graceS = 30): Promise<void> {
    await this.#api.ask({ method: "DELETE", path: `${pathOf(pod)}?gracePeriodSeconds=${graceS}` });
  }

  /** Gone, as when its containers have ended. */
  remove(pod: Named): Promise<void> {
    return this.delete(pod, 0);
  }

  /** Takes its finalizers away. */
  async finalize(pod: Named): Promise<void> {
    const body = [{ op: "remove", path: "/metadata/finalizers" }];
    const contentType = "application/json-patch+json";
    await this.#api.ask({ method: "PATCH", path: pathOf(pod), body, contentType });
  }
}
