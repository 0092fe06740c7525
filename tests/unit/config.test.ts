import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Config, readConfig, variables } from "../../lib/config.ts";

type Environment = Readonly<Record<string, string>>;

const upstash = { UPSTASH_REDIS_REST_URL: "https://example.upstash.io", UPSTASH_REDIS_REST_TOKEN: "t0ken" };

const oidc = {
  KLIGHT_OIDC_ISSUER: "https://kubernetes.default.svc",
  KLIGHT_OIDC_AUDIENCE: "serving.knative.dev/service/klight/klight",
};

const configOf = (env: Environment = {}): Config => {
  const reading = readConfig({ ...upstash, ...env });
  assert.deepEqual(reading.tag === "invalid" ? reading.problems : [], []);
  assert.ok(reading.tag === "config");
  return reading.config;
};
const problemsOf = (env: Environment): readonly string[] => {
  const reading = readConfig(env);
  return reading.tag === "invalid" ? reading.problems : [];
};

describe("the configuration", () => {
  test("needs no more than the address and token of Redis", () => {
    assert.deepEqual(configOf(), {
      ...upstash,
      PORT: 8080,
      LOG_LEVEL: "info",
      KLIGHT_STORE: "upstash",
      REDIS_URL: undefined,
      REDIS_CA_FILE: undefined,
      REDIS_SENTINELS: [],
      REDIS_SENTINEL_PASSWORD: undefined,
      KLIGHT_STORE_TIMEOUT_MS: 2000,
      KLIGHT_KEY_PREFIX: "klight:",
      KUBECONFIG: undefined,
      KUBERNETES_SERVICE_HOST: undefined,
      KUBERNETES_SERVICE_PORT: 443,
      KLIGHT_API_TIMEOUT_MS: 5000,
      KLIGHT_NAMESPACES: [],
      KLIGHT_SCOPE: "namespace",
      KLIGHT_DEFAULT_PORT: 9081,
      KLIGHT_JOIN: "auto",
      KLIGHT_REFORM: "on",
      KLIGHT_SEED_PORT: 9082,
      KLIGHT_SEED_ADDRESS: undefined,
      KLIGHT_SEED_CALLERS: "address",
      KLIGHT_HISTORY_LIMIT: 64 * 2 ** 20,
      KLIGHT_PROBE_TIMEOUT_MS: 1000,
      KLIGHT_JOIN_TIMEOUT_MS: 30_000,
      KLIGHT_WAIT_MS: 5000,
      KLIGHT_SWEEP_MS: 60_000,
      KLIGHT_BATCH_LIMIT: 100,
      KLIGHT_READ_TOKEN: undefined,
      KLIGHT_OIDC_ISSUER: undefined,
      KLIGHT_OIDC_AUDIENCE: undefined,
      KLIGHT_OIDC_SUBJECTS: [],
      KLIGHT_OIDC_JWKS_URL: undefined,
      OTEL_EXPORTER_OTLP_ENDPOINT: undefined,
      OTEL_EXPORTER_OTLP_PROTOCOL: "http/protobuf",
      OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE: "delta",
      OTEL_METRIC_EXPORT_INTERVAL: 60_000,
      OTEL_TRACES_EXPORTER: "otlp",
      OTEL_METRICS_EXPORTER: "otlp",
      OTEL_SDK_DISABLED: "false",
      K_SERVICE: undefined,
      K_REVISION: undefined,
    });
  });

  test("takes an empty variable for one that is not set", () => {
    const empty = Object.fromEntries(
      Object.keys(variables).flatMap((name) => (name in upstash ? [] : [[name, ""]])),
    );
    assert.deepEqual(configOf(empty), configOf());
  });

  const read: readonly (readonly [keyof Config, string, unknown])[] = [
    ["PORT", "0", 0],
    ["PORT", "65535", 65_535],
    ["KLIGHT_SEED_PORT", "0", 0],
    ["KLIGHT_WAIT_MS", "0", 0],
    ["KLIGHT_HISTORY_LIMIT", "67108864", 2 ** 26],
    ["KLIGHT_HISTORY_LIMIT", "64Mi", 2 ** 26],
    ["KLIGHT_HISTORY_LIMIT", "512Ki", 2 ** 19],
    ["KLIGHT_HISTORY_LIMIT", "1Gi", 2 ** 30],
    ["KLIGHT_NAMESPACES", " a, b-1 ,", ["a", "b-1"]],
    ["KLIGHT_JOIN", "reform", "reform"],
    ["KLIGHT_REFORM", "off", "off"],
    ["LOG_LEVEL", "silent", "silent"],
  ];
  for (const [name, value, expected] of read) {
    test(`reads ${name}=${value}`, () => {
      assert.deepEqual(configOf({ [name]: value })[name], expected);
    });
  }

  const wrong: readonly (readonly [string, string])[] = [
    ["PORT", "http"],
    ["PORT", "65536"],
    ["PORT", "-1"],
    ["PORT", "80.5"],
    ["PORT", "1e3"],
    ["PORT", " 80"],
    ["KLIGHT_DEFAULT_PORT", "0"],
    ["KLIGHT_STORE", "valkey"],
    ["REDIS_SENTINELS", "sentinel-0:26379 sentinel-1"],
    ["KLIGHT_SCOPE", "all"],
    ["KLIGHT_JOIN", "fast"],
    ["KLIGHT_REFORM", "true"],
    ["KLIGHT_HISTORY_LIMIT", "64MB"],
    ["KLIGHT_HISTORY_LIMIT", "0"],
    ["KLIGHT_NAMESPACES", "a,B"],
    ["KLIGHT_KEY_PREFIX", "a b"],
    ["KLIGHT_KEY_PREFIX", "{a}:"],
    ["KLIGHT_PROBE_TIMEOUT_MS", "1s"],
    ["LOG_LEVEL", "verbose"],
    ["KLIGHT_OIDC_ISSUER", "kubernetes.default.svc"],
    ["KLIGHT_OIDC_JWKS_URL", "file:///keys"],
    ["KLIGHT_OIDC_SUBJECTS", "system:serviceaccount:*:klight"],
    ["KLIGHT_OIDC_SUBJECTS", "a b"],
    ["UPSTASH_REDIS_REST_URL", "redis://localhost:6379"],
  ];
  for (const [name, value] of wrong) {
    test(`refuses ${name}=${value}, with the value and what would be right`, () => {
      const problems = problemsOf({
        ...upstash,
        ...(name.startsWith("KLIGHT_OIDC_") && oidc),
        [name]: value,
      });
      assert.equal(problems.length, 1);
      assert.ok(problems[0]?.startsWith(`${name}=${JSON.stringify(value)}: must be `), problems[0]);
    });
  }

  const redis = { KLIGHT_STORE: "redis" };
  for (const good of [
    "redis://klight-redis",
    "redis://:p4ss@10.0.0.1:6379",
    "rediss://klight:p%40ss%2Fw@[fd00::1]:6380/3",
    "redis://h/",
  ]) {
    test(`takes REDIS_URL=${good}`, () => {
      assert.deepEqual(problemsOf({ ...redis, REDIS_URL: good }), []);
    });
  }
  for (const bad of [
    "http://h",
    "redis://",
    "redis://u:p/w@h",
    "redis://h/one",
    "redis://h:6379?db=1",
    "redis://:%zz@h",
  ]) {
    test(`refuses REDIS_URL=${bad}, without showing it`, () => {
      assert.deepEqual(problemsOf({ ...redis, REDIS_URL: bad }), [
        "REDIS_URL=(secret): must be redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS",
      ]);
    });
  }
  test("wants REDIS_URL for the store redis, and then nothing of Upstash", () => {
    assert.deepEqual(problemsOf(redis), [
      'REDIS_URL="": must be redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS, for KLIGHT_STORE=redis',
    ]);
  });

  test("names every problem at once", () => {
    const problems = problemsOf({
      PORT: "x",
      KLIGHT_SCOPE: "y",
      KLIGHT_WAIT: "1",
    });
    assert.deepEqual(
      new Set(problems.map((problem) => /^[A-Z_]+/u.exec(problem)?.[0])),
      new Set(["KLIGHT_SCOPE", "KLIGHT_WAIT", "PORT", "UPSTASH_REDIS_REST_TOKEN", "UPSTASH_REDIS_REST_URL"]),
    );
  });

  test("never shows a secret, however wrong it is", () => {
    const secrets = Object.entries(variables).flatMap(([name, variable]) =>
      "secret" in variable ? [name] : [],
    );
    assert.deepEqual(
      new Set(secrets),
      new Set(["UPSTASH_REDIS_REST_TOKEN", "REDIS_URL", "REDIS_SENTINEL_PASSWORD", "KLIGHT_READ_TOKEN"]),
    );
    for (const name of secrets) {
      const problems = problemsOf({ ...upstash, [name]: "hush hush" });
      assert.equal(problems.length, 1);
      assert.doesNotMatch(problems.join(), /hush/u);
    }
  });

  test("refuses a misspelt name, and not what Kubernetes puts there for a Service", () => {
    assert.deepEqual(problemsOf({ ...upstash, KLIGHT_REFROM: "off" }), [
      "KLIGHT_REFROM: is not a variable of klight",
    ]);
    const links = { KLIGHT_SERVICE_HOST: "10.0.0.1", KLIGHT_REDIS_PORT: "tcp://10.0.0.1:80" };
    assert.deepEqual(configOf(links), configOf());
  });

  test("takes the issuer and the audience of callers together, and says which one is missing", () => {
    const subjects = { KLIGHT_OIDC_SUBJECTS: "system:serviceaccount:klight:*, a" };
    const config = configOf({ ...oidc, ...subjects });
    assert.deepEqual(config.KLIGHT_OIDC_SUBJECTS, ["system:serviceaccount:klight:*", "a"]);
    const problemsWith = (env: Environment): readonly string[] => problemsOf({ ...upstash, ...env });
    const { KLIGHT_OIDC_ISSUER, KLIGHT_OIDC_AUDIENCE } = oidc;
    assert.deepEqual(problemsWith({ KLIGHT_OIDC_ISSUER }), [
      'KLIGHT_OIDC_AUDIENCE="": must be set, for KLIGHT_OIDC_ISSUER',
    ]);
    assert.deepEqual(problemsWith({ KLIGHT_OIDC_AUDIENCE }), [
      'KLIGHT_OIDC_ISSUER="": must be set, for KLIGHT_OIDC_AUDIENCE',
    ]);
    assert.deepEqual(problemsWith({ ...subjects, KLIGHT_OIDC_JWKS_URL: "https://a/keys" }), [
      'KLIGHT_OIDC_ISSUER="": must be set, for KLIGHT_OIDC_SUBJECTS and KLIGHT_OIDC_JWKS_URL',
      'KLIGHT_OIDC_AUDIENCE="": must be set, for KLIGHT_OIDC_SUBJECTS and KLIGHT_OIDC_JWKS_URL',
    ]);
  });

  test("wants callers to be named where the audience names no namespace", () => {
    const audience = { KLIGHT_OIDC_AUDIENCE: "klight" };
    assert.deepEqual(problemsOf({ ...upstash, ...oidc, ...audience }), [
      'KLIGHT_OIDC_SUBJECTS="": must be set, for an audience that names no namespace',
    ]);
    const { KLIGHT_OIDC_SUBJECTS } = configOf({ ...oidc, ...audience, KLIGHT_OIDC_SUBJECTS: "*" });
    assert.deepEqual(KLIGHT_OIDC_SUBJECTS, ["*"]);
  });

  test("lets the memory store be used anywhere but on Knative", () => {
    assert.equal(readConfig({ KLIGHT_STORE: "memory" }).tag, "config");
    const problems = problemsOf({ KLIGHT_STORE: "memory", K_SERVICE: "klight" });
    assert.equal(problems.length, 1);
    assert.match(problems.join(), /^KLIGHT_STORE="memory": must be upstash or redis on Knative/u);
  });
});
