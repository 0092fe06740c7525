import * as z from "zod";
import { failureOf, isDone } from "../../../lib/cluster/answers.ts";
import type { Kube } from "../kube.ts";
import { type CheckResult, type CheckPlace, unknown, well, wrong } from "./finding.ts";
import { listOf, metadata, notReady, readObject, resource } from "./cluster-objects.ts";

const variable = z.object({
  name: z.string(),
  value: z.string().nullish(),
  valueFrom: z.object({ secretKeyRef: z.object({ name: z.string(), key: z.string() }).nullish() }).nullish(),
});
type EnvironmentVariable = z.infer<typeof variable>;

const podTemplate = z.object({
  template: z.object({
    spec: z.object({
      serviceAccountName: z.string().nullish(),
      containers: z.array(z.object({ env: z.array(variable).nullish() })),
    }),
  }),
});

/** How the function is set up: what the other checks go by. */
export interface FunctionSettings {
  readonly account: string;
  readonly variables: readonly EnvironmentVariable[];
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
  const variables = containers.flatMap(({ env }) => env ?? []);
  return { results, settings: { account: serviceAccountName ?? "default", variables } };
}

/** The Secrets that the function's variables come from, and the keys in them. Only names are read, never shown values. */
export async function checkSecrets(
  { kube, namespace }: CheckPlace,
  { variables }: FunctionSettings,
): Promise<readonly CheckResult[]> {
  const needed = Map.groupBy(
    variables.flatMap(({ valueFrom }) => valueFrom?.secretKeyRef ?? []),
    ({ name }) => name,
  );
  return Promise.all(
    [...needed].map(async ([name, keys]) => {
      const what = `Secret ${name}`;
      const path = `/api/v1/namespaces/${namespace}/secrets/${name}`;
      const secret = await readObject(kube, path, secretObject);
      if (secret.tag === "unread") return unknown(what, secret.message);
      const cure = `kubectl -n ${namespace} create secret generic ${name} ${keys.map(({ key }) => `--from-literal=${key}=...`).join(" ")}`;
      if (secret.tag === "absent") return wrong(what, "there is none", cure);
      const missing = keys.map(({ key }) => key).filter((key) => !secret.value.includes(key));
      if (missing.length === 0) return well(what, `it has ${keys.map(({ key }) => key).join(" and ")}`);
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
  { account, variables }: FunctionSettings,
): Promise<readonly CheckResult[]> {
  const what = `Rights of ${account}`;
  const user = `system:serviceaccount:${namespace}:${account}`;
  const missing: string[] = [];
  for (const where of namespacesOf(variables)) {
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
  const cure = "kubectl apply -k knative/base, or the component one-namespace";
  return [wrong(what, `it may not ${missing.join(", ")}`, cure)];
}

/** Undefined: all. */
function namespacesOf(variables: readonly EnvironmentVariable[]): readonly (string | undefined)[] {
  const limited = variables.find(({ name }) => name === "KLIGHT_NAMESPACES")?.value ?? "";
  return limited === "" ? [undefined] : limited.split(",").map((each) => each.trim());
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
