import * as z from "zod";
import { failureOf, isDone } from "../../../lib/cluster/answers.ts";
import { storeNeeds } from "../../../lib/config.ts";
import type { Kube } from "../kube.ts";
import { APPLY, type CheckResult, type CheckPlace, unknown, well, wrong } from "./finding.ts";
import { listOf, metadata, notReady, readObject, resource } from "./cluster-objects.ts";

const variable = z.object({
  name: z.string(),
  value: z.string().nullish(),
  valueFrom: z.object({ secretKeyRef: z.object({ name: z.string(), key: z.string() }).nullish() }).nullish(),
});

const reference = z.object({ name: z.string(), optional: z.boolean().nullish() }).nullish();
/** All keys of an object as variables. */
const manyVariables = z.object({ configMapRef: reference, secretRef: reference });

const podTemplate = z.object({
  template: z.object({
    spec: z.object({
      serviceAccountName: z.string().nullish(),
      containers: z.array(
        z.object({ env: z.array(variable).nullish(), envFrom: z.array(manyVariables).nullish() }),
      ),
    }),
  }),
});

/** How the function is set up: what the other checks go by. */
export interface FunctionSettings {
  readonly account: string;
  /** Variables with values that can be read; those of Secrets are not. */
  readonly values: ReadonlyMap<string, string>;
  /** Secrets, and the variables that must come from one of their keys. */
  readonly secrets: readonly { readonly name: string; readonly keys: readonly string[] }[];
}

/** The Knative Service of the function. `settings`: undefined where there is none, or it cannot be read. */
export async function checkFunction({ kube, namespace }: CheckPlace): Promise<{
  readonly results: readonly CheckResult[];
  readonly settings: FunctionSettings | undefined;
}> {
  const path = `/apis/serving.knative.dev/v1/namespaces/${namespace}/services`;
  const services = await readObject(kube, path, listOf(resource));
  const what = "Function";
  if (services.tag === "unread") return { results: [unknown(what, services.message)], settings: undefined };
  const service = (services.tag === "found" ? services.value : []).find(
    ({ metadata: { name } }) => name === "klight",
  );
  if (service === undefined) {
    const message = `there is no Knative Service klight in the namespace ${namespace}`;
    const cure = "kn func deploy, or the component service; or say where it is with -n";
    return { results: [wrong(what, message, cure)], settings: undefined };
  }
  const problem = notReady(service);
  const cure = `kubectl -n ${namespace} describe ksvc klight`;
  const results = [problem === undefined ? well(what, "it is ready") : wrong(what, problem, cure)];
  const spec = podTemplate.safeParse(service.spec);
  if (!spec.success) return { results, settings: undefined };
  const { serviceAccountName, containers } = spec.data.template.spec;
  const { found, settings } = await readSettings({ kube, namespace }, containers);
  return {
    results: [...results, ...found],
    settings: { account: serviceAccountName ?? "default", ...settings },
  };
}

type FunctionContainer = z.infer<typeof podTemplate>["template"]["spec"]["containers"][number];

/** Where the function's variables come from. Kubernetes starts nothing whose ConfigMap is not there. */
async function readSettings(
  { kube, namespace }: CheckPlace,
  containers: readonly FunctionContainer[],
): Promise<{
  readonly found: readonly CheckResult[];
  readonly settings: Pick<FunctionSettings, "values" | "secrets">;
}> {
  const variables = containers.flatMap(({ env }) => env ?? []);
  const sources = containers.flatMap(({ envFrom }) => envFrom ?? []);
  const maps = await Promise.all(
    sources.flatMap(({ configMapRef }) =>
      configMapRef ? readConfigMap({ kube, namespace }, configMapRef) : [],
    ),
  );
  const own = variables.flatMap(({ name, value }) => (value ? [[name, value] as const] : []));
  const values = new Map([...maps.flatMap(({ data }) => Object.entries(data)), ...own]);
  const references = variables.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []);
  const named = Map.groupBy(references, ({ name }) => name);
  const given = new Set([...values.keys(), ...variables.map(({ name }) => name)]);
  const missing = neededBy(values.get("KLIGHT_STORE")).filter((name) => !given.has(name));
  const whole = sources.flatMap(({ secretRef }) =>
    secretRef ? [{ name: secretRef.name, keys: missing }] : [],
  );
  const single = [...named].map(([name, those]) => ({ name, keys: those.map(({ key }) => key) }));
  return {
    found: maps.flatMap(({ result }) => result),
    settings: { values, secrets: [...whole, ...single] },
  };
}

/** What the function does not start without. */
const neededBy = (store = "upstash"): readonly string[] => storeNeeds.get(store) ?? [];

const configMap = z.object({ data: z.record(z.string(), z.string()).nullish() });

async function readConfigMap(
  { kube, namespace }: CheckPlace,
  { name, optional }: NonNullable<z.infer<typeof reference>>,
): Promise<{ readonly data: Readonly<Record<string, string>>; readonly result: CheckResult }> {
  const what = `ConfigMap ${name}`;
  const read = await readObject(kube, `/api/v1/namespaces/${namespace}/configmaps/${name}`, configMap);
  if (read.tag === "unread") return { data: {}, result: unknown(what, read.message) };
  if (read.tag === "absent" && !optional) {
    return { data: {}, result: wrong(what, "there is none", APPLY) };
  }
  const data = (read.tag === "found" && read.value.data) || {};
  const names = Object.keys(data).join(", ");
  return { data, result: well(what, names === "" ? "it changes no setting" : `it sets ${names}`) };
}

/** The Secrets that the function's variables come from, and the keys in them. Only names are read, never shown values. */
export async function checkSecrets(
  { kube, namespace }: CheckPlace,
  { secrets }: FunctionSettings,
): Promise<readonly CheckResult[]> {
  return Promise.all(
    secrets.map(async ({ name, keys }) => {
      const what = `Secret ${name}`;
      const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
      const secret = await readObject(kube, path, secretObject);
      if (secret.tag === "unread") return unknown(what, secret.message);
      const absent = `kubectl -n ${namespace} create secret generic ${name} ${keys.map((key) => `--from-literal=${key}=...`).join(" ")}`;
      if (secret.tag === "absent") return wrong(what, "there is none", absent);
      const missing = keys.filter((key) => !secret.value.includes(key));
      if (missing.length === 0)
        return well(what, `it has ${secret.value.join(" and ") || "no key, and needs none"}`);
      const added = JSON.stringify({ stringData: Object.fromEntries(missing.map((key) => [key, "..."])) });
      const cure = `kubectl -n ${namespace} patch secret ${name} -p '${added}'`;
      return wrong(what, `it lacks ${missing.join(" and ")}`, cure);
    }),
  );
}

const secretObject = z
  .object({ metadata, data: z.record(z.string(), z.unknown()).nullish() })
  .transform(({ data }) => Object.keys(data ?? {}));

const rights = [
  ["list", "pods", undefined],
  ["get", "pods", undefined],
  ["patch", "pods", "status"],
  ["create", "events", undefined],
] as const;

const review = z.object({ status: z.object({ allowed: z.boolean() }) });

/** May the function's account do what klight does, in every namespace that it looks after? */
export async function checkRights(
  { kube, namespace }: CheckPlace,
  { account, values }: FunctionSettings,
): Promise<readonly CheckResult[]> {
  const what = `Rights of ${account}`;
  const user = `system:serviceaccount:${namespace}:${account}`;
  const missing: string[] = [];
  for (const where of namespacesOf({ values }) ?? [undefined]) {
    for (const [verb, kind, subresource] of rights) {
      const asked = await mayDo(kube, user, {
        verb,
        resource: kind,
        subresource,
        namespace: where,
        version: "v1",
      });
      if (typeof asked === "string") return [unknown(what, asked)];
      const right = `${verb} ${kind}${subresource === undefined ? "" : `/${subresource}`}`;
      if (!asked) missing.push(`${right} in ${where ?? "all namespaces"}`);
    }
  }
  if (missing.length === 0) return [well(what, "it may do all that klight does")];
  return [wrong(what, `it may not ${missing.join(", ")}`, APPLY)];
}

/** The namespaces that klight looks after; undefined: all. */
export function namespacesOf({ values }: Pick<FunctionSettings, "values">): readonly string[] | undefined {
  const limited = (values.get("KLIGHT_NAMESPACES") ?? "").split(",").map((each) => each.trim());
  return limited.some((each) => each !== "") ? limited.filter((each) => each !== "") : undefined;
}

/** A text: why it cannot be told. */
async function mayDo({ send }: Kube, user: string, resourceAttributes: object): Promise<boolean | string> {
  const spec = { user, resourceAttributes };
  const json = { apiVersion: "authorization.k8s.io/v1", kind: "SubjectAccessReview", spec };
  const answer = await send({
    method: "POST",
    path: "/apis/authorization.k8s.io/v1/subjectaccessreviews",
    body: { contentType: "application/json", json },
  });
  const asked = answer.tag === "answer" && isDone(answer) ? review.safeParse(answer.body) : undefined;
  return asked?.data?.status.allowed ?? failureOf("create subjectaccessreviews", answer).message;
}
