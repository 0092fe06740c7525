import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { schemas } from "../../functions/status/schemas.ts";
import { sweepAndTell } from "../../functions/events/sweep-end.ts";
import { createKubernetesCluster } from "../../lib/cluster/kubernetes.ts";
import { held } from "../../lib/outcome.ts";
import type { SweepReport } from "../../lib/reconcile/sweep.ts";
import { plainRules, silent } from "../contract/cluster-world.ts";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import { type CommandEnded, runCommand } from "../harness/command-line.ts";
import { runningPod } from "../harness/pods.ts";
import { find, knative } from "../unit/manifests.combinations.ts";
import { buildFrom, type Manifest } from "../unit/manifests.kustomization.ts";

/** A cluster in which klight has all that it needs, as its manifests install it; a test takes something away. */
let api: ApiServer;
beforeEach(async () => {
  api = await startApiServer({ namespace: "klight" });
  for (const [path, object] of wellSet()) api.objects.byPath.set(path, object);
  const pod = { namespace: "shop", name: "orders-0" };
  api.pods.create(
    runningPod({ metadata: { ...pod, labels: { "klight.networkId": "orders", app: "orders" } } }),
  );
  api.pods.changeStatus(pod, (status) => Object.assign(status, runningPod().status));
  await sweptAgo(4 * MINUTE_MS);
});
afterEach(() => api.close());

const MINUTE_MS = 60_000;
const done: SweepReport = { outcomes: [], unfinished: [], slow: [], seen: { pods: [], views: [] } };

/** What the function tells at the end of a sweep, so long ago. */
async function sweptAgo(ms: number, report = done): Promise<void> {
  const cluster = createKubernetesCluster({
    rules: plainRules,
    kubeconfig: api.kubeconfig,
    timeoutMs: 5_000,
    log: silent,
    clock: { now: () => Date.now() - ms, sleep: () => Promise.resolve() },
  });
  await sweepAndTell(() => Promise.resolve(report), { cluster, log: silent });
}

const check = (...args: readonly string[]): Promise<CommandEnded> =>
  runCommand(["check", ...args, "--kubeconfig", api.kubeconfig]);

const READY = { conditions: [{ type: "Ready", status: "True" }] };
const ASYNC = { "messaging.knative.dev/async-handler": "true" };
const eventing = "/apis/eventing.knative.dev/v1/namespaces/klight";
const sources = "/apis/sources.knative.dev/v1/namespaces/klight";
const channels = "/apis/messaging.knative.dev/v1/namespaces/klight/inmemorychannels";
const services = "/apis/serving.knative.dev/v1/namespaces/klight/services";
const secret = "/api/v1/namespaces/klight/secrets/klight-redis";
const settings = "/api/v1/namespaces/klight/configmaps/klight";
const policiesOf = (namespace: string): string =>
  `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`;

const list = (...items: readonly object[]): object => ({ items });
const notReady = (name: string, reason: string): object => ({
  metadata: { name, namespace: "klight" },
  status: { conditions: [{ type: "Ready", status: "False", reason, message: "see there" }] },
});
const channel = (annotations: object): object => ({
  metadata: { name: "klight-kne-trigger", labels: { "eventing.knative.dev/broker": "klight" }, annotations },
  status: READY,
});

const shipped = buildFrom(knative, {
  resources: ["overlays/broker"],
  components: ["components/redis", "components/service"],
});
/** What the manifests have of a kind, as the cluster has it when it is ready. */
const ofKind = (kind: string): readonly Manifest[] =>
  shipped
    .filter((each) => each.kind === kind && each.apiVersion !== "v1")
    .map((manifest) => Object.assign({}, manifest, { status: READY }));
const [klight] = ofKind("Service");
const [trigger] = ofKind("Trigger");
const settingsWith = (data: object): object => ({ metadata: { name: "klight" }, data });

const wellSet = (): readonly (readonly [string, object])[] => [
  ...["serving", "eventing", "sources"].map(
    (group) => [`/apis/${group}.knative.dev/v1`, { groupVersion: `${group}.knative.dev/v1` }] as const,
  ),
  ...["services.serving", "brokers.eventing", "apiserversources.sources"].map(
    (kind) =>
      [
        `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${kind}.knative.dev`,
        { metadata: { name: kind, labels: { "app.kubernetes.io/version": "1.22.0" } } },
      ] as const,
  ),
  [`${eventing}/brokers`, list(...ofKind("Broker"))],
  [`${eventing}/triggers`, list(...ofKind("Trigger"))],
  [channels, list(channel(ASYNC))],
  [`${sources}/apiserversources`, list(...ofKind("ApiServerSource"))],
  [`${sources}/pingsources`, list(...ofKind("PingSource"))],
  [services, list(...ofKind("Service"))],
  [settings, find(shipped, "ConfigMap", "klight")],
  [
    secret,
    { metadata: { name: "klight-redis" }, data: { REDIS_URL: "cmVkaXM6Ly9ub25l", REDIS_PASSWORD: "cA==" } },
  ],
  [policiesOf("klight"), list(...ofKind("NetworkPolicy"))],
  [policiesOf("shop"), list()],
];

describe("klight check", () => {
  test("says of everything that it is well, exit code 0", async () => {
    const { code, out, err } = await check();
    assert.deepEqual([code, err], [0, ""]);
    assert.match(out, /^ok {7}Knative Serving: version 1\.22\.0$/mu);
    assert.doesNotMatch(out, /WRONG|unknown/u);
    assert.ok(!out.includes("cmVkaXM6Ly9ub25l"), "values of Secrets are never shown");
  });

  const egress = (...to: readonly object[]): object => ({
    metadata: { name: "only-so", namespace: "shop" },
    spec: { podSelector: {}, policyTypes: ["Egress"], egress: to },
  });
  const ingress = (namespace: string, ...from: readonly object[]): object => ({
    metadata: { name: "closed", namespace },
    spec: { podSelector: { matchLabels: {} }, ingress: from },
  });

  type Change = () => void;
  const set =
    (path: string, object: object | number): Change =>
    () => {
      api.objects.byPath.set(path, object);
    };
  const cases: readonly (readonly [string, Change, RegExp])[] = [
    [
      "Knative Eventing is not installed",
      () => api.objects.byPath.delete("/apis/eventing.knative.dev/v1"),
      /WRONG {4}Knative Eventing: the cluster has no eventing\.knative\.dev\/v1\n +What helps: Install Knative/u,
    ],
    [
      "there is no function",
      set(services, list()),
      /WRONG {4}Function: there is no Knative Service klight[^]*kn func deploy/u,
    ],
    [
      "the function is not ready",
      set(services, list({ ...klight, ...notReady("klight", "RevisionMissing") })),
      /WRONG {4}Function: Ready: RevisionMissing: see there/u,
    ],
    [
      "a Secret is missing",
      () => api.objects.byPath.delete(secret),
      /WRONG {4}Secret klight-redis: there is none[^]*--from-literal=REDIS_URL=/u,
    ],
    [
      "a key of a Secret is missing",
      set(secret, { metadata: { name: "klight-redis" }, data: {} }),
      /WRONG {4}Secret klight-redis: it lacks REDIS_URL/u,
    ],
    [
      "a Secret that one variable comes from is missing a key",
      () => {
        const secretKeyRef = { name: "tokens", key: "read" };
        const containers = [{ env: [{ name: "KLIGHT_READ_TOKEN", valueFrom: { secretKeyRef } }] }];
        const one = {
          metadata: { name: "klight" },
          status: READY,
          spec: { template: { spec: { containers } } },
        };
        api.objects.byPath.set(services, list(one));
        api.objects.byPath.set("/api/v1/namespaces/klight/secrets/tokens", { metadata: { name: "tokens" } });
      },
      /WRONG {4}Secret tokens: it lacks read\n[^]*kubectl -n klight patch secret tokens -p/u,
    ],
    [
      "another store is set than the one that the Secret is for",
      set(settings, settingsWith({ KLIGHT_STORE: "upstash" })),
      /WRONG {4}Secret klight-redis: it lacks UPSTASH_REDIS_REST_URL and UPSTASH_REDIS_REST_TOKEN/u,
    ],
    [
      "the settings are missing",
      () => api.objects.byPath.delete(settings),
      /WRONG {4}ConfigMap klight: there is none/u,
    ],
    [
      "the Broker waits for each subscriber",
      set(`${eventing}/brokers`, list({ metadata: { name: "klight" }, status: READY })),
      /WRONG {4}Broker klight, one event beside another: it lacks the annotation/u,
    ],
    [
      "the Broker's channel is older than its annotation",
      set(channels, list(channel({}))),
      /its channel is older than the annotation[^]*kubectl annotate inmemorychannel klight-kne-trigger/u,
    ],
    [
      "the Broker is not ready",
      set(`${eventing}/brokers`, list(notReady("klight", "ChannelFailure"))),
      /WRONG {4}Broker klight: Ready: ChannelFailure/u,
    ],
    [
      "no Trigger leads to a function",
      set(`${eventing}/triggers`, list()),
      /WRONG {4}Trigger: no Trigger leads/u,
    ],
    [
      "a Trigger is not ready",
      set(`${eventing}/triggers`, list({ ...trigger, ...notReady("klight", "BrokerNotReady") })),
      /WRONG {4}Trigger klight: Ready: BrokerNotReady/u,
    ],
    [
      "nothing sends pod events",
      set(`${sources}/apiserversources`, list()),
      /WRONG {4}ApiServerSource: there is none/u,
    ],
    [
      "nothing begins a sweep",
      set(`${sources}/pingsources`, list()),
      /WRONG {4}PingSource: there is none: nothing begins a sweep/u,
    ],
    [
      "klight may not write conditions",
      () => {
        api.objects.isAllowed = ({ subresource }) => subresource !== "status";
      },
      /WRONG {4}Rights of klight: it may not patch pods\/status in all namespaces/u,
    ],
    [
      "klight may not read pods in one of its namespaces",
      () => {
        const data = { KLIGHT_STORE: "redis", KLIGHT_NAMESPACES: "shop, bank" };
        api.objects.byPath.set(settings, settingsWith(data));
        api.objects.isAllowed = ({ namespace, resource }) => namespace !== "bank" || resource !== "pods";
      },
      /it may not list pods in bank, get pods in bank, patch pods\/status in bank\n/u,
    ],
    [
      "no sweep has told of its end",
      () => {
        api.objects.byPath.set(`${sources}/pingsources`, list(...ofKind("PingSource")));
        api.forgetEvents();
      },
      /WRONG {4}Last sweep: no Event tells of one; [^]*describe pingsource/u,
    ],
    [
      "peers may not call out to klight's seed",
      set(policiesOf("shop"), list(egress({ ports: [{ port: 53, protocol: "UDP" }] }))),
      /WRONG {4}peers in shop to klight's seed: port 9082 is closed by the NetworkPolicies shop\/only-so/u,
    ],
    [
      "klight may not be called at its seed by pods with this label",
      set(
        policiesOf("klight"),
        list(
          ingress("klight", {
            from: [{ namespaceSelector: {}, podSelector: { matchLabels: { app: "carts" } } }],
            ports: [{ port: 9082 }],
          }),
        ),
      ),
      /WRONG {4}peers in shop to klight's seed: .*klight\/closed/u,
    ],
    [
      "klight may not call the peers",
      set(policiesOf("shop"), list(ingress("shop", { from: [{ podSelector: {} }] }))),
      /WRONG {4}klight to the peers in shop: port 9081 is closed by the NetworkPolicies shop\/closed/u,
    ],
    [
      "the seed is at a port that is not let in",
      set(settings, settingsWith({ KLIGHT_STORE: "redis", KLIGHT_SEED_PORT: "9999" })),
      /WRONG {4}peers in shop to klight's seed: port 9999 is closed by the NetworkPolicies klight\/klight-seed/u,
    ],
  ];
  for (const [name, change, expected] of cases) {
    test(`${name}: told with its cure, exit code 1`, async () => {
      change();
      const { code, out } = await check();
      assert.match(out, expected);
      assert.equal(code, 1);
    });
  }

  const sweeps: readonly (readonly [string, number, SweepReport, number, RegExp])[] = [
    [
      "of a moment ago is well",
      0,
      done,
      0,
      /ok {7}Last sweep: [^]*0 networks, 0 pods: nothing was to be done/u,
    ],
    ["of half an hour ago is late", 30, done, 1, /WRONG {4}Last sweep: 30 min ago: 0 networks/u],
    [
      "that could not read the store is blind",
      0,
      { ...done, outcomes: [held("StoreUnavailable", "connection refused")], seen: undefined },
      1,
      /WRONG {4}Last sweep: [^]*StoreUnavailable: connection refused/u,
    ],
    [
      "that did not come to all is told with what it left",
      0,
      { ...done, unfinished: ["shop/orders"] },
      1,
      /WRONG {4}Last sweep: [^]*not finished: shop\/orders/u,
    ],
  ];
  for (const [name, minutes, report, exit, expected] of sweeps) {
    test(`the last sweep ${name}: exit code ${exit}`, async () => {
      api.forgetEvents();
      await sweptAgo(minutes * MINUTE_MS, report);
      const { code, out } = await check();
      assert.match(out, expected);
      assert.equal(code, exit);
    });
  }

  test("sweeps that come too seldom for Events to be kept cannot be told of: exit code 3", async () => {
    api.forgetEvents();
    const [ping] = ofKind("PingSource");
    const seldom = { ...ping, spec: { ...(ping?.["spec"] as object), schedule: "0 */6 * * *" } };
    api.objects.byPath.set(`${sources}/pingsources`, list(seldom));
    const { code, out } = await check();
    assert.match(out, /unknown {2}Last sweep: [^]*0 \*\/6 \* \* \*/u);
    assert.equal(code, 3);
  });

  test("what others have in klight's namespace is theirs", async () => {
    const theirs = notReady("theirs", "NotOurs");
    const add = (path: string, kind: string): void => {
      api.objects.byPath.set(path, list(...ofKind(kind), theirs));
    };
    add(`${eventing}/brokers`, "Broker");
    add(`${eventing}/triggers`, "Trigger");
    add(`${sources}/apiserversources`, "ApiServerSource");
    add(`${sources}/pingsources`, "PingSource");
    const { code, out } = await check();
    assert.deepEqual([code, /theirs/u.test(out)], [0, false], out);
  });

  test("who may not list pods is told all else: exit code 3", async () => {
    api.fail({ tag: "forbidden" }, ({ verb, resource }) => verb === "list" && resource === "pods");
    const { code, out } = await check();
    assert.equal(code, 3, out);
    assert.match(out, /unknown {2}Ways to the peers and back: not allowed to list pods/u);
    assert.match(out, /ok {7}Broker klight/u);
  });

  test("policies that let peers and klight through are well", async () => {
    const byLabel = { matchExpressions: [{ key: "klight.networkId", operator: "Exists" }] };
    api.objects.byPath.set(
      policiesOf("klight"),
      list(
        ingress("klight", {
          from: [{ namespaceSelector: {}, podSelector: byLabel }],
          ports: [{ port: 9082 }],
        }),
      ),
    );
    const home = { matchLabels: { "kubernetes.io/metadata.name": "klight" } };
    api.objects.byPath.set(
      policiesOf("shop"),
      list(
        ingress("shop", {
          from: [{ podSelector: {} }, { namespaceSelector: home }],
          ports: [{ port: 9000, endPort: 9100 }],
        }),
        egress({ to: [{ podSelector: {} }] }, { to: [{ namespaceSelector: home }], ports: [{ port: 9082 }] }),
      ),
    );
    const { code, out } = await check();
    assert.deepEqual([code, /WRONG/u.test(out)], [0, false], out);
  });

  test("what may not be read is not well and not wrong: exit code 3", async () => {
    api.objects.byPath.set(secret, 403);
    const { code, out } = await check();
    assert.equal(code, 3);
    assert.match(out, /unknown {2}Secret klight-redis: not allowed to get/u);
  });

  test("without a Broker the sources must go straight to the function, which is well", async () => {
    api.objects.byPath.set(`${eventing}/brokers`, list());
    const { code, out } = await check();
    assert.equal(code, 0, out);
  });

  test("-o json has every result, as docs/schemas says", async () => {
    api.objects.byPath.set(policiesOf("klight"), 403);
    api.objects.byPath.delete(secret);
    const { results } = schemas["cli-check"].parse(JSON.parse((await check("-o", "json")).out));
    const states = new Set(results.map(({ state }) => state));
    assert.deepEqual([results.length > 8, [...states].toSorted()], [true, ["unknown", "well", "wrong"]]);
  });
});
