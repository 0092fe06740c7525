import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { buildFrom, type Kustomization, type Manifest } from "./manifests.kustomization.ts";

export const knative = resolve(import.meta.dirname, "../../knative");

const schema = z.strictObject({
  overlays: z.array(z.string()).min(1),
  stores: z.array(z.string()).min(1),
  options: z.array(z.string()).min(1),
});

export const listed = schema.parse(parse(readFileSync(join(knative, "combinations.yaml"), "utf8")));

export interface Combination {
  readonly title: string;
  readonly overlay: string;
  readonly store: string;
  readonly options: readonly string[];
  /** What somebody would write to use it, in a directory beside overlays and components. */
  readonly kustomization: Partial<Pick<Kustomization, "namespace" | "resources" | "components" | "patches">>;
  readonly namespace: string;
  readonly manifests: readonly Manifest[];
}

/** What docs/who-may-call.md says to add where the audience is that of another namespace. */
const audienceIn = (namespace: string): Kustomization["patches"] =>
  [
    { target: { kind: "Trigger", name: "klight" }, path: "/spec/subscriber/audience" },
    { target: { labelSelector: "klight.dev/sink=function" }, path: "/spec/sink/audience" },
  ].map(({ target, path }) => ({
    target,
    patch: JSON.stringify([
      { op: "replace", path, value: `serving.knative.dev/service/${namespace}/klight` },
    ]),
  }));

const combine = (overlay: string, store: string, option: string): Combination => {
  const options = option.split(" + ").filter((name) => name !== "none");
  const own = options.includes("one-namespace") ? { namespace: "team-a" } : {};
  const kustomization = {
    ...own,
    resources: [`overlays/${overlay}`],
    components: [store, ...options].filter((name) => name !== "none").map((name) => `components/${name}`),
    ...(options.includes("oidc") && own.namespace !== undefined && { patches: audienceIn(own.namespace) }),
  };
  return {
    title: [overlay, store, option].join(" + "),
    overlay,
    store,
    options,
    kustomization,
    namespace: own.namespace ?? "klight",
    manifests: buildFrom(knative, kustomization),
  };
};

/** All that combinations.yaml allows. */
export const combinations = (): Combination[] =>
  listed.overlays.flatMap((overlay) =>
    listed.stores.flatMap((store) => listed.options.map((option) => combine(overlay, store, option))),
  );

/** What stands at a path of keys and indexes, `undefined` where there is nothing. */
export const at = (value: unknown, ...path: readonly (string | number)[]): unknown => {
  let found = value;
  for (const step of path) {
    if (found === null || typeof found !== "object") return undefined;
    found = (found as Record<string | number, unknown>)[step];
  }
  return found;
};

/** Every value that has this key, anywhere inside. */
export const everywhere = (value: unknown, key: string): unknown[] => {
  if (value === null || typeof value !== "object") return [];
  const inner = Object.entries(value) as [string, unknown][];
  const here = inner.filter(([name]) => name === key).map(([, found]) => found);
  return here.concat(...inner.map(([, deeper]) => everywhere(deeper, key)));
};

export const find = (manifests: readonly Manifest[], kind: string, name: string): Manifest => {
  const found = manifests.find((m) => m.kind === kind && m.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
};
