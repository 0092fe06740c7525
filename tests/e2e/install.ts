import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import type { ApiObject } from "../harness/api-client.ts";
import { knative } from "../unit/manifests.combinations.ts";
import { build, buildFrom } from "../unit/manifests.kustomization.ts";

/** klight beside the pods that it joins, with its store there and rights nowhere else. */
export const klightIn = (namespace: string, image: string): readonly ApiObject[] =>
  buildFrom(knative, {
    namespace,
    resources: ["overlays/broker"],
    components: ["components/redis", "components/one-namespace", "components/service"],
    patches: [
      {
        target: { kind: "Service", group: "serving.knative.dev" },
        patch: patched("replace", "/spec/template/spec/containers/0/image", image),
      },
      {
        target: { kind: "ConfigMap", name: "klight" },
        patch: patched("add", "/data/KLIGHT_NAMESPACES", namespace),
      },
    ],
  });

const patched = (op: "add" | "replace", path: string, value: string): string =>
  JSON.stringify([{ op, path, value }]);

/** What the store and the function share, as docs/deploy.md makes it. */
export function secretIn(
  namespace: string,
): ApiObject & { readonly stringData: Readonly<Record<string, string>> } {
  const password = randomBytes(32).toString("hex");
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "klight-redis", namespace },
    stringData: { REDIS_PASSWORD: password, REDIS_URL: `redis://:${password}@klight-redis:6379` },
  };
}

const deploymentSchema = z.looseObject({
  apiVersion: z.string(),
  kind: z.string(),
  metadata: z.looseObject({ name: z.string() }),
  spec: z.looseObject({
    template: z.looseObject({
      spec: z.looseObject({ initContainers: z.array(z.looseObject({ name: z.string() })) }),
    }),
  }),
});

/** The Deployment of the example, with these images; the application of the example is not needed. */
export function workloadIn(
  namespace: string,
  images: { readonly lightpeer: string; readonly application: string },
): ApiObject {
  const example = build(join(knative, "examples/workload")).find(({ kind }) => kind === "Deployment");
  const deployment = deploymentSchema.parse(example);
  deployment.metadata["namespace"] = namespace;
  const { spec } = deployment.spec.template;
  for (const container of spec.initContainers) container["image"] = images.lightpeer;
  spec["containers"] = [{ name: "application", image: images.application }];
  return deployment;
}
