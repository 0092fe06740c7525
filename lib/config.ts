import {
  bytes,
  isRedisUrl,
  isUrl,
  list,
  number,
  oneOf,
  redisUrl,
  text,
  url,
  type Variable,
} from "./variables.ts";

/** Every variable that klight reads, with its meaning. docs/configuration.md is made from this. */
export const variables = {
  PORT: number(0, 65_535, { about: "Port of the HTTP server. Knative sets it.", fallback: "8080" }),
  LOG_LEVEL: oneOf(["debug", "info", "warn", "error", "silent"], {
    about: "The least severe log line that is written.",
    fallback: "info",
  }),
  KLIGHT_STORE: oneOf(["upstash", "redis", "memory"], {
    about:
      "Where stacks are kept. `upstash`: a Redis that is asked by Upstash's REST protocol. `redis`: Redis or Valkey by its own protocol. `memory` is for the demo and for tests; refused on Knative.",
    fallback: "upstash",
  }),
  REDIS_URL: text(redisUrl, isRedisUrl, {
    about:
      "Where Redis is, for `redis`; all but the host may be left out. In user and password everything but letters, digits and -._~ is written as %20.",
    secret: true,
  }),
  REDIS_CA_FILE: text(/\S/u, "the path of a file", {
    about: "PEM file of whoever signed Redis' certificate, if not one that Node trusts.",
  }),
  REDIS_SENTINELS: list(/^(?:\[[\da-f:.]+\]|[\w.-]+)(?::\d{1,5})?$/iu, "HOST:PORT of Sentinels", {
    about: "Sentinels to ask where Redis is. The host in `REDIS_URL` is then the name by which they know it.",
  }),
  REDIS_SENTINEL_PASSWORD: text(/^\S+$/u, "a password without spaces", {
    about: "Password of those Sentinels.",
    secret: true,
  }),
  UPSTASH_REDIS_REST_URL: text(url, isUrl, { about: "Address of the REST port, for `upstash`." }),
  UPSTASH_REDIS_REST_TOKEN: text(/^\S+$/u, "a token without spaces", {
    about: "Token of that REST port.",
    secret: true,
  }),
  KLIGHT_STORE_TIMEOUT_MS: number(50, 60_000, {
    about: "How long one request to Redis may take, in ms. It is tried three times.",
    fallback: "2000",
  }),
  KLIGHT_KEY_PREFIX: text(/^[\w:.-]{1,40}$/u, "1 to 40 letters, digits, or : . - _", {
    about: "What all keys in Redis begin with. Two klights on one Redis need two.",
    fallback: "klight:",
  }),
  KUBECONFIG: text(/\S/u, "the path of a file", {
    about: "File that leads to the API server. Without it: the service account of klight's own pod.",
  }),
  KUBERNETES_SERVICE_HOST: text(/^\S+$/u, "a host or an address", {
    about: "Kubernetes sets it, and with it says where the API server is.",
  }),
  KUBERNETES_SERVICE_PORT: number(1, 65_535, { about: "Likewise.", fallback: "443" }),
  KLIGHT_API_TIMEOUT_MS: number(50, 60_000, {
    about: "How long one request to the API server, or to an issuer of tokens, may take, in ms.",
    fallback: "5000",
  }),
  KLIGHT_NAMESPACES: list(/^[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?$/u, "names of namespaces", {
    about: "Namespaces that klight looks after. Empty: all that it may see.",
  }),
  KLIGHT_SCOPE: oneOf(["namespace", "cluster"], {
    about:
      "`namespace`: one network id in two namespaces is two networks. `cluster`: it is one, for all tenants.",
    fallback: "namespace",
  }),
  KLIGHT_DEFAULT_PORT: number(1, 65_535, {
    about: "Port of a lightpeer whose pod names none.",
    fallback: "9081",
  }),
  KLIGHT_JOIN: oneOf(["auto", "plain", "reform"], {
    about:
      "`auto`: a join is a re-form where an application stores, else plain. `plain`: always plain. `reform`: always a re-form.",
    fallback: "auto",
  }),
  KLIGHT_REFORM: oneOf(["on", "off"], {
    about: "`off`: networks are never re-formed; what needs it is held with a Warning.",
    fallback: "on",
  }),
  KLIGHT_SEED_PORT: number(0, 65_535, {
    about: "Port at which peers reach klight while a network is re-formed. 0: a free one, for tests.",
    fallback: "9082",
  }),
  KLIGHT_SEED_ADDRESS: text(/^\S+$/u, "a host or an address, perhaps with a port", {
    about: "Where peers reach that port, if not at the pod's own address.",
  }),
  KLIGHT_SEED_CALLERS: oneOf(["address", "any"], {
    about:
      "`address`: at that port a peer is served only from the address at which klight has called it. `any`: whoever names a peer that klight has called; where addresses are translated between pods.",
    fallback: "address",
  }),
  KLIGHT_HISTORY_LIMIT: bytes({
    about: "The largest history that is re-formed, in bytes: it is held in memory once. Over it: a hold.",
    fallback: "64Mi",
  }),
  KLIGHT_PROBE_TIMEOUT_MS: number(50, 30_000, {
    about: "How long a peer may take to answer a health check or a question, in ms.",
    fallback: "1000",
  }),
  KLIGHT_JOIN_TIMEOUT_MS: number(1_000, 120_000, {
    about: "Deadline of one JoinNetwork, in ms. A step that dies in one keeps its network for so long.",
    fallback: "30000",
  }),
  KLIGHT_WAIT_MS: number(0, 60_000, {
    about: "How long a step waits for its turn at a network, in ms, before it answers 503.",
    fallback: "5000",
  }),
  KLIGHT_SWEEP_MS: number(1_000, 280_000, {
    about:
      "How long a sweep takes at most, in ms, of which one network gets a sixth. What it did not come to is where the next one begins.",
    fallback: "60000",
  }),
  KLIGHT_BATCH_LIMIT: number(1, 10_000, {
    about: "How many events one batch may have. Over it: 413, and none of them is taken.",
    fallback: "100",
  }),
  KLIGHT_READ_TOKEN: text(/^\S{8,}$/u, "at least 8 characters without spaces", {
    about:
      "If set, page and JSON need it as a bearer token. So do re-form requests, unless callers are checked (KLIGHT_OIDC_ISSUER).",
    secret: true,
  }),
  KLIGHT_OIDC_ISSUER: text(url, isUrl, {
    about:
      "If set, events and re-form requests need a token (JWT) of this issuer. For Knative: the issuer of the cluster's service accounts.",
  }),
  KLIGHT_OIDC_AUDIENCE: text(/^\S+$/u, "a text without spaces", {
    about:
      "Whom those tokens must be meant for. For Knative: `serving.knative.dev/service/NAMESPACE/NAME` of the function.",
  }),
  KLIGHT_OIDC_SUBJECTS: list(/^[^\s*]+\*?$|^\*$/u, "subjects of tokens, perhaps with a * at the end", {
    about:
      "Who may send those tokens, as in `system:serviceaccount:NAMESPACE:*`. Empty: the service accounts of the NAMESPACE in the audience. `*`: everybody who has a good token.",
  }),
  KLIGHT_OIDC_JWKS_URL: text(url, isUrl, {
    about:
      "Where the issuer's keys are. Not set: at the API server if it is the issuer, else where the issuer's discovery document says.",
  }),
  OTEL_EXPORTER_OTLP_ENDPOINT: text(url, isUrl, {
    about: "Where traces and metrics are sent. Not set: there are none, and nothing is loaded for them.",
  }),
  OTEL_EXPORTER_OTLP_PROTOCOL: oneOf(["http/protobuf"], {
    about: "How they are sent: OTLP over HTTP, by default to port 4318 of a collector.",
    fallback: "http/protobuf",
  }),
  OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: oneOf(["delta", "cumulative", "lowmemory"], {
    about:
      "`delta`: what was counted since the last export. `cumulative`: since the start, a series for each instance.",
    fallback: "delta",
  }),
  OTEL_METRIC_EXPORT_INTERVAL: number(1_000, 600_000, {
    about: "How often metrics are sent, in ms. What is counted after the last time is sent at the end.",
    fallback: "60000",
  }),
  OTEL_TRACES_EXPORTER: oneOf(["otlp", "none"], { about: "`none`: no traces.", fallback: "otlp" }),
  OTEL_METRICS_EXPORTER: oneOf(["otlp", "none"], { about: "`none`: no metrics.", fallback: "otlp" }),
  OTEL_SDK_DISABLED: oneOf(["true", "false"], { about: "`true`: neither of them.", fallback: "false" }),
  K_SERVICE: text(/\S/u, "the name of a service", { about: "Knative sets it. Told to whoever traces." }),
  K_REVISION: text(/\S/u, "the name of a revision", { about: "Knative sets it. Told to whoever traces." }),
} satisfies Record<string, Variable>;

type Variables = typeof variables;
export type Config = { readonly [Name in keyof Variables]: ReturnType<Variables[Name]["schema"]["parse"]> };

export type ConfigReading =
  /** `warnings`: why there is no telemetry though somebody asks for it; empty: nothing is in its way. */
  | { readonly tag: "config"; readonly config: Config; readonly warnings: readonly string[] }
  /** Every problem, with name, received value (secrets masked) and what would be right. */
  | { readonly tag: "invalid"; readonly problems: readonly string[] };

type Environment = Readonly<Record<string, string | undefined>>;

/** Reads the environment, once, and reports all that is wrong with it at once. An empty variable counts as not set. */
export function readConfig(env: Environment = process.env): ConfigReading {
  const problems: string[] = [];
  const warnings: string[] = [];
  const entries = Object.entries<Variable>(variables).map(([name, variable]) => {
    const received = env[name] === "" ? undefined : env[name];
    const parsed = variable.schema.safeParse(received);
    if (parsed.success) return [name, parsed.data] as const;
    const problem = `${name}=${shownValue(variable, received)}: must be ${variable.mustBe}`;
    if (!isForAll(name)) problems.push(problem);
    else warnings.push(problem);
    return [name, isForAll(name) ? variable.schema.parse(undefined) : undefined] as const;
  });
  if (warnings.length > 0) entries.push(["OTEL_SDK_DISABLED", "true"]);
  problems.push(...unknownNames(env));
  // Each entry has been made by the schema of its own name.
  const config = Object.fromEntries(entries) as unknown as Config;
  problems.push(...variableContradictions(config, env));
  return problems.length > 0 ? { tag: "invalid", problems } : { tag: "config", config, warnings };
}

/**
 * Clusters set these for all that runs in them. What klight cannot do of it, as gRPC or another exporter, is no reason
 * to stand still: it goes without.
 */
const isForAll = (name: string): boolean => name.startsWith("OTEL_");

const shownValue = ({ secret }: Variable, received: string | undefined): string =>
  secret ? "(secret)" : JSON.stringify(received ?? "");

/** A misspelt name would otherwise be a setting that silently does nothing. */
const unknownNames = (env: Environment): readonly string[] =>
  Object.keys(env)
    .filter((name) => name.startsWith("KLIGHT_") && !(name in variables) && !isServiceLink(name))
    .map((name) => `${name}: is not a variable of klight`);

/** Kubernetes puts the addresses of services into the environment: a service `klight` gives KLIGHT_SERVICE_HOST. */
const isServiceLink = (name: string): boolean =>
  /_(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT|PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)$/u.test(
    name,
  );

/** What each store cannot be asked without. */
export const storeNeeds: ReadonlyMap<string, readonly (keyof Variables)[]> = new Map<
  string,
  readonly (keyof Variables)[]
>([
  ["upstash", ["UPSTASH_REDIS_REST_URL", "UPSTASH_REDIS_REST_TOKEN"]],
  ["redis", ["REDIS_URL"]],
]);

function variableContradictions(config: Config, env: Environment): readonly string[] {
  const problems: string[] = [];
  const store = config.KLIGHT_STORE;
  for (const name of storeNeeds.get(store) ?? []) {
    if (!env[name]) problems.push(`${name}="": must be ${variables[name].mustBe}, for KLIGHT_STORE=${store}`);
  }
  if (config.KLIGHT_STORE === "memory" && env["K_SERVICE"]) {
    problems.push(
      'KLIGHT_STORE="memory": must be upstash or redis on Knative: what an instance holds is gone when it stops',
    );
  }
  return [...problems, ...oidcContradictions(env)];
}

/** Half of it would be a check that somebody believes is there. */
function oidcContradictions(env: Environment): readonly string[] {
  const pair = ["KLIGHT_OIDC_ISSUER", "KLIGHT_OIDC_AUDIENCE"] as const;
  const rest = ["KLIGHT_OIDC_SUBJECTS", "KLIGHT_OIDC_JWKS_URL"] as const;
  const given = [...pair, ...rest].filter((name) => env[name]);
  if (given.length === 0) return [];
  const problems = pair
    .filter((name) => !env[name])
    .map((name) => `${name}="": must be set, for ${given.join(" and ")}`);
  const { KLIGHT_OIDC_AUDIENCE: audience, KLIGHT_OIDC_SUBJECTS: subjects } = env;
  if (audience && !subjects && namespaceOf(audience) === undefined) {
    problems.push(`KLIGHT_OIDC_SUBJECTS="": must be set, for an audience that names no namespace`);
  }
  return problems;
}

/** Of an audience as Knative makes it, `serving.knative.dev/service/NAMESPACE/NAME`. */
export const namespaceOf = (audience: string): string | undefined =>
  /^serving\.knative\.dev\/service\/([a-z0-9-]+)\/[a-z0-9-]+$/u.exec(audience)?.[1];
