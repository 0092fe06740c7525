import { createRequire } from "node:module";
import { z } from "zod";
import type { Manifest } from "./manifests.kustomization.ts";

const load = createRequire(import.meta.url);

const modelSchema = z.custom<{ readonly prototype: { readonly validate: (this: unknown) => void } }>(
  (value) => typeof value === "function",
);

/** By the end of a kind's group. */
const libraries = [
  ["knative.dev", "@kubernetes-models/knative"],
  ["monitoring.coreos.com", "@kubernetes-models/prometheus-operator"],
] as const;

const modelOf = ({ apiVersion, kind }: Manifest): z.infer<typeof modelSchema> => {
  const [group] = apiVersion.split("/");
  const library =
    libraries.find(([end]) => group === end || group?.endsWith(`.${end}`))?.[1] ?? "kubernetes-models";
  return modelSchema.parse((load(`${library}/${apiVersion}/${kind}`) as Record<string, unknown>)[kind]);
};

/**
 * A view of a value that notes what is read of it. The schemas pass over keys that they do not know, and these are the
 * keys that they never read: a typing error that an API server would refuse, or drop without a word.
 */
const watched = (value: unknown, path: string, unread: (() => string[])[]): unknown => {
  if (value === null || typeof value !== "object") return value;
  const read = new Set<string | symbol>();
  let listed = Array.isArray(value);
  const inner: Record<string, unknown> = Object.fromEntries(
    Object.entries(value).map(([key, child]) => [key, watched(child, `${path}/${key}`, unread)]),
  );
  unread.push(() =>
    listed
      ? []
      : Object.keys(value)
          .filter((key) => !read.has(key))
          .map((key) => `${path}/${key}`),
  );
  return new Proxy(Array.isArray(value) ? Object.assign([], inner) : inner, {
    get: (target, key): unknown => {
      read.add(key);
      return Reflect.get(target, key);
    },
    ownKeys: (target) => {
      // A map with keys of any name (labels, data): the schema looks at each.
      listed = true;
      return Reflect.ownKeys(target);
    },
  });
};

/** The schemas are those of Knative 1.10. What has come since, and is checked where it is used: */
const newer: Readonly<Record<string, readonly string[]>> = {
  Trigger: ["/spec/filters", "/spec/delivery/timeout", "/spec/subscriber/audience"],
  ApiServerSource: ["/spec/sink/audience", "/spec/namespaceSelector/matchLabels"],
  PingSource: ["/spec/sink/audience"],
};

/** What is wrong with a manifest by its kind's schema; empty when it is right. */
export const problemsOf = (manifest: Manifest): string[] => {
  const unread: (() => string[])[] = [];
  const view = watched(manifest, "", unread);
  try {
    modelOf(manifest).prototype.validate.call(view);
  } catch (error) {
    return [error instanceof Error ? error.message : String(error)];
  }
  return unread
    .flatMap((keys) => keys())
    .filter((key) => !newer[manifest.kind]?.some((known) => key.startsWith(known)))
    .map((key) => `${key} is not a field of ${manifest.kind}`);
};
