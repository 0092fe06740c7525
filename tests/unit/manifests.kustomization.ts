import { readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parse, parseAllDocuments } from "yaml";
import { z } from "zod";

/** A Kubernetes object as a manifest has it. */
export type Manifest = z.infer<typeof manifestSchema>;
const manifestSchema = z.looseObject({
  apiVersion: z.string().min(1),
  kind: z.string().min(1),
  metadata: z.looseObject({
    name: z.string().min(1),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
  }),
});

const targetSchema = z.strictObject({
  group: z.string().optional(),
  kind: z.string().optional(),
  name: z.string().optional(),
  /** `KEY=VALUE`, as far as this project uses it. */
  labelSelector: z
    .string()
    .regex(/^[^=!,]+=[^=!,]+$/)
    .optional(),
});

/** The fields of a kustomization that this project uses; any other one is an error, not something passed over. */
const kustomizationSchema = z.strictObject({
  apiVersion: z.enum(["kustomize.config.k8s.io/v1beta1", "kustomize.config.k8s.io/v1alpha1"]),
  kind: z.enum(["Kustomization", "Component"]),
  namespace: z.string().optional(),
  labels: z.array(z.strictObject({ pairs: z.record(z.string(), z.string()) })).default([]),
  resources: z.array(z.string()).default([]),
  components: z.array(z.string()).default([]),
  patches: z
    .array(
      z.union([
        z.strictObject({ target: targetSchema, path: z.string() }),
        z.strictObject({ target: targetSchema, patch: z.string() }),
        z.strictObject({ path: z.string() }),
        z.strictObject({ patch: z.string() }),
      ]),
    )
    .default([]),
  images: z.array(z.strictObject({ name: z.string(), newName: z.string(), newTag: z.string() })).default([]),
});
export type Kustomization = z.infer<typeof kustomizationSchema>;

const operationsSchema = z.array(
  z.discriminatedUnion("op", [
    z.strictObject({ op: z.literal("add"), path: z.string(), value: z.unknown() }),
    z.strictObject({ op: z.literal("replace"), path: z.string(), value: z.unknown() }),
    z.strictObject({ op: z.literal("remove"), path: z.string() }),
  ]),
);
type Operations = z.infer<typeof operationsSchema>;

const mapping = z.record(z.string(), z.unknown());
type Mapping = z.infer<typeof mapping>;
const isMapping = (value: unknown): value is Mapping =>
  mapping.safeParse(value).success && !Array.isArray(value);

const text = (file: string): string => readFileSync(file, "utf8");

export const readKustomization = (directory: string): Kustomization =>
  kustomizationSchema.parse(parse(text(join(directory, "kustomization.yaml"))));

export const readManifests = (file: string): Manifest[] =>
  parseAllDocuments(text(file), { uniqueKeys: true }).map((document) => {
    const [error] = [...document.errors, ...document.warnings];
    if (error !== undefined) throw new Error(`${file}: ${error.message}`);
    return manifestSchema.parse(document.toJS());
  });

/** Every file that the kustomizations below a directory name, with each kustomization itself. */
export const filesOf = (directory: string): string[] => {
  const kustomization = readKustomization(directory);
  const named = [
    ...kustomization.resources,
    ...kustomization.components,
    ...kustomization.patches.flatMap((patch) => ("path" in patch ? [patch.path] : [])),
  ].map((path) => join(directory, path));
  return [
    join(directory, "kustomization.yaml"),
    ...named.flatMap((path) => (statSync(path).isDirectory() ? filesOf(path) : [path])),
  ];
};

const clusterKinds = new Set(["Namespace", "ClusterRole", "ClusterRoleBinding"]);

const toNamespace = (manifest: Manifest, namespace: string): void => {
  if (manifest.kind === "Namespace") manifest.metadata.name = namespace;
  if (!clusterKinds.has(manifest.kind)) manifest.metadata.namespace = namespace;
  if (!manifest.kind.endsWith("RoleBinding")) return;
  // A subject written without a namespace follows its account (one written with it would not), and every account here
  // is in the build.
  manifest["subjects"] = z
    .array(mapping)
    .parse(manifest["subjects"])
    .map((subject) => Object.assign(subject, { namespace }));
};

const sameObject = (manifest: Manifest, patch: Manifest): boolean =>
  manifest.kind === patch.kind &&
  manifest.apiVersion === patch.apiVersion &&
  manifest.metadata.name === patch.metadata.name;

const merge = (into: Mapping, patch: Mapping): void => {
  for (const [key, value] of Object.entries(patch)) {
    const there = into[key];
    if (Array.isArray(value))
      throw new Error(`a list in a merge patch (${key}): its rules differ from kind to kind`);
    if (isMapping(value) && isMapping(there)) merge(there, value);
    else into[key] = value;
  }
};

const applyOperations = (manifest: Manifest, operations: Operations): void => {
  for (const operation of operations) {
    const steps = operation.path
      .split("/")
      .slice(1)
      .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
    const last = steps.pop() ?? "";
    let at: Mapping = manifest;
    for (const step of steps) {
      const next: unknown = at[step];
      if (next === null || typeof next !== "object")
        throw new Error(`${operation.path}: there is no ${step}`);
      at = next as Mapping;
    }
    if (last in at === (operation.op === "add"))
      throw new Error(
        `cannot ${operation.op} ${operation.path} in ${manifest.kind} ${manifest.metadata.name}`,
      );
    if (operation.op === "remove") delete at[last];
    else at[last] = structuredClone(operation.value);
  }
};

const one = (
  manifests: readonly Manifest[],
  matches: (manifest: Manifest) => boolean,
  what: string,
): Manifest => {
  const [found, ...more] = manifests.filter(matches);
  if (found === undefined || more.length > 0)
    throw new Error(`${what} matches ${found ? more.length + 1 : 0} objects`);
  return found;
};

const isTarget = (
  target: z.infer<typeof targetSchema>,
  { apiVersion, kind, metadata }: Manifest,
): boolean => {
  const [key = "", value] = target.labelSelector?.split("=") ?? [];
  return (
    (target.group === undefined || apiVersion.startsWith(`${target.group}/`)) &&
    (target.kind === undefined || kind === target.kind) &&
    (target.name === undefined || metadata.name === target.name) &&
    (value === undefined || metadata.labels?.[key] === value)
  );
};

const patched = (
  manifests: Manifest[],
  patch: Kustomization["patches"][number],
  directory: string,
): Manifest[] => {
  if ("target" in patch) {
    const written = "path" in patch ? text(join(directory, patch.path)) : patch.patch;
    // The real one takes what begins like JSON for JSON, and does not try YAML then.
    const operations = operationsSchema.parse(
      written.startsWith("[") ? (JSON.parse(written) as unknown) : parse(written),
    );
    // None at all is no error, as in the real one.
    for (const manifest of manifests)
      if (isTarget(patch.target, manifest)) applyOperations(manifest, operations);
    return manifests;
  }
  const { $patch: directive, ...content } = mapping.parse(
    parse("path" in patch ? text(join(directory, patch.path)) : patch.patch),
  );
  const parsed = manifestSchema.parse(content);
  const target = one(
    manifests,
    (m) => sameObject(m, parsed),
    `the patch of ${parsed.kind} ${parsed.metadata.name}`,
  );
  if (directive === "delete") return manifests.filter((m) => m !== target);
  if (directive !== undefined) throw new Error(`an unknown patch directive in ${directory}`);
  merge(target, parsed);
  return manifests;
};

const withImages = (value: unknown, images: Kustomization["images"]): void => {
  if (value === null || typeof value !== "object") return;
  const object = value as Mapping;
  const image = images.find(({ name }) => name === object["image"]);
  if (image) object["image"] = `${image.newName}:${image.newTag}`;
  for (const inner of Object.values(object)) withImages(inner, images);
};

/** Applies a kustomization to what stands before it: for a component that is all of its parent's, else nothing. */
const apply = (kustomization: Kustomization, directory: string, before: Manifest[]): Manifest[] => {
  let manifests = [...before];
  for (const resource of kustomization.resources) {
    const path = resolve(directory, resource);
    manifests.push(...(statSync(path).isDirectory() ? build(path) : readManifests(path)));
  }
  for (const component of kustomization.components) {
    const path = resolve(directory, component);
    const inner = readKustomization(path);
    if (inner.kind !== "Component") throw new Error(`${relative(".", path)} is not a component`);
    manifests = apply(inner, path, manifests);
  }
  for (const patch of kustomization.patches) manifests = patched(manifests, patch, directory);
  for (const manifest of manifests) {
    if (kustomization.namespace !== undefined) toNamespace(manifest, kustomization.namespace);
    for (const { pairs } of kustomization.labels)
      manifest.metadata.labels = Object.assign({}, manifest.metadata.labels, pairs);
    withImages(manifest, kustomization.images);
  }
  return manifests;
};

/** What `kustomize build` makes of a directory, as far as this project's kustomizations go. */
export const build = (directory: string): Manifest[] => apply(readKustomization(directory), directory, []);

/** The same for a kustomization that is not on disk; its paths are relative to `directory`. */
export const buildFrom = (directory: string, kustomization: Partial<Kustomization>): Manifest[] =>
  apply(
    kustomizationSchema.parse({
      apiVersion: "kustomize.config.k8s.io/v1beta1",
      kind: "Kustomization",
      ...kustomization,
    }),
    directory,
    [],
  );
