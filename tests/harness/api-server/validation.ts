import { type IPod, Pod } from "kubernetes-models/v1/Pod";
import { z } from "zod";
import type { Container } from "../pods.ts";
import { invalid, type Refusal } from "./status.ts";

type Causes = NonNullable<Refusal["causes"]>;

const namePart = /^[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/u;
const dnsLabel = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/u;
const dnsSubdomain = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/u;

/** `prefix/name` or `name`: keys of labels and annotations, types of conditions. */
function isQualifiedName(key: string): boolean {
  const [name = "", prefix, ...more] = key.split("/").toReversed();
  return more.length === 0 && namePart.test(name) && (prefix === undefined || dnsSubdomain.test(prefix));
}

export const isLabelValue = (value: string): boolean => value === "" || namePart.test(value);

/** At most 15 lower-case letters, digits and single hyphens, with a letter somewhere: `klightPort` is none. */
const isPortName = (name: string): boolean => /^(?=.{1,15}$)(?=.*[a-z])[a-z0-9]+(-[a-z0-9]+)*$/u.test(name);

type Check = readonly [isFine: boolean, field: string, message: string];

const metadataChecks = ({
  name = "",
  labels = {},
  annotations = {},
}: NonNullable<IPod["metadata"]>): Check[] => [
  [dnsSubdomain.test(name), "metadata.name", "must be a lowercase RFC 1123 subdomain"],
  ...Object.entries(labels).flatMap(([key, value]): Check[] => [
    [isQualifiedName(key), "metadata.labels", `name part of "${key}" must be a qualified name`],
    [isLabelValue(value), "metadata.labels", `"${value}" must be no more than 63 characters`],
  ]),
  ...Object.keys(annotations).map((key): Check => {
    return [isQualifiedName(key), "metadata.annotations", `"${key}" must be a qualified name`];
  }),
];

const containerChecks = (
  list: "containers" | "initContainers",
  containers: readonly Partial<Container>[] = [],
): Check[] =>
  containers.flatMap(({ name, image, ports = [] }, at): Check[] => [
    [Boolean(name), `spec.${list}[${at}].name`, "Required value"],
    [Boolean(image), `spec.${list}[${at}].image`, "Required value"],
    ...ports.map(({ name: port }, portAt): Check => {
      const field = `spec.${list}[${at}].ports[${portAt}].name`;
      return [port === undefined || isPortName(port), field, `"${port}" must be an IANA_SVC_NAME`];
    }),
  ]);

/** Everything that the API server would refuse in this pod, of what the tests could write. */
const podCauses = ({ metadata, spec }: IPod): Causes =>
  [
    ...metadataChecks(metadata ?? {}),
    [(spec?.containers.length ?? 0) > 0, "spec.containers", "Required value"] as const,
    ...containerChecks("containers", spec?.containers),
    ...containerChecks("initContainers", spec?.initContainers),
  ].flatMap(([isFine, field, message]) => (isFine ? [] : [{ field, message }]));

/** What a pod to be stored is refused for; undefined: nothing. Its status is not looked at: others write that. */
export function refusalOfPod(manifest: IPod): Refusal | undefined {
  const name = manifest.metadata?.name ?? "";
  const causes = podCauses(manifest);
  if (causes.length > 0) return invalid("Pod", name, causes);
  try {
    const { metadata, spec } = manifest;
    new Pod({ ...(metadata && { metadata }), ...(spec && { spec }) }).validate();
    return undefined;
  } catch (error) {
    return invalid("Pod", name, [{ field: "spec", message: (error as Error).message }]);
  }
}

const time = z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/u, "not a time of meta/v1");
const name = z.string().regex(dnsSubdomain);

/** The patch of a pod's status that the double takes: just the conditions, and nothing that it does not know. */
export const statusPatch = z.strictObject({
  metadata: z.strictObject({ uid: z.string().min(1).optional() }).optional(),
  status: z.strictObject({
    conditions: z.array(
      z.strictObject({
        type: z.string().refine(isQualifiedName, "not a qualified name"),
        status: z.enum(["True", "False", "Unknown"]).optional(),
        reason: z.string().nullable().optional(),
        message: z.string().nullable().optional(),
        lastTransitionTime: time.nullable().optional(),
        lastProbeTime: time.nullable().optional(),
        observedGeneration: z.int().optional(),
      }),
    ),
  }),
});

/** The patch of a pod's annotations that the double takes; null takes one away. */
export const annotationsPatch = z.strictObject({
  metadata: z.strictObject({
    uid: z.string().optional(),
    annotations: z.record(z.string(), z.string().nullable()).optional(),
  }),
});

/** A core/v1 Event. */
export const eventObject = z.strictObject({
  apiVersion: z.literal("v1"),
  kind: z.literal("Event"),
  metadata: z.strictObject({
    name: name.optional(),
    // The server puts five characters behind it.
    generateName: z
      .string()
      .regex(/^[a-z0-9][-.a-z0-9]*$/u)
      .max(254)
      .optional(),
    namespace: z.string().regex(dnsLabel).optional(),
  }),
  // Of the kinds that klight tells something about. A pod has lives, so it is named with its uid.
  involvedObject: z.discriminatedUnion("kind", [
    z.strictObject({
      apiVersion: z.literal("v1"),
      kind: z.literal("Pod"),
      namespace: z.string().regex(dnsLabel),
      name,
      uid: z.string().min(1),
    }),
    z.strictObject({
      apiVersion: z.literal("serving.knative.dev/v1"),
      kind: z.literal("Service"),
      namespace: z.string().regex(dnsLabel),
      name,
    }),
  ]),
  type: z.enum(["Normal", "Warning"]),
  reason: z.string().regex(/^[A-Z][A-Za-z]{0,127}$/u),
  message: z.string().min(1).max(1024),
  source: z.strictObject({ component: z.string().min(1), host: z.string().optional() }),
  reportingComponent: z.string().refine(isQualifiedName).optional(),
  reportingInstance: z.string().max(128).optional(),
  firstTimestamp: time,
  lastTimestamp: time,
  count: z.int().min(1),
});

export type EventObject = z.output<typeof eventObject>;

/** What is not known or not of its type in an object, as paths; empty: nothing. */
export const strictProblems = (error: z.ZodError): Causes =>
  error.issues.flatMap((issue) => {
    const field = z.core.toDotPath(issue.path);
    if (issue.code !== "unrecognized_keys") return [{ field, message: issue.message }];
    return issue.keys.map((key) => ({
      field: field === "" ? key : `${field}.${key}`,
      message: "unknown field",
    }));
  });

/** What becomes of fields that are not known. */
export type FieldValidation = "Ignore" | "Warn" | "Strict";

/** Reads what was sent; unless it is Strict, fields that are not known are as if they had not been. */
export function readObject<Output>(
  schema: z.ZodType<Output>,
  sent: unknown,
  fields: FieldValidation,
): z.ZodSafeParseResult<Output> {
  const read = schema.safeParse(sent);
  const unknown = read.error?.issues.filter((issue) => issue.code === "unrecognized_keys") ?? [];
  if (fields === "Strict" || unknown.length === 0) return read;
  const known = structuredClone(sent);
  for (const { path, keys } of unknown) {
    let at = known as Record<PropertyKey, unknown>;
    for (const key of path) at = at[key] as Record<PropertyKey, unknown>;
    for (const key of keys) delete at[key];
  }
  return schema.safeParse(known);
}
