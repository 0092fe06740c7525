import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { type ApiServer, startApiServer } from "../harness/api-server/api-server.ts";
import { type CommandEnded, runCommand } from "../harness/command-line.ts";
import { runningPod } from "../harness/pods.ts";

/** A cluster in which klight has all that it needs; a test takes something away. */
let api: ApiServer;
beforeEach(async () => {
  api = await startApiServer();
  for (const [path, object] of wellSet()) api.objects.byPath.set(path, object);
  const pod = { namespace: "shop", name: "orders-0" };
  api.pods.create(
    runningPod({ metadata: { ...pod, labels: { "klight.networkId": "orders", app: "orders" } } }),
  );
  api.pods.changeStatus(pod, (status) => Object.assign(status, runningPod().status));
});
afterEach(() => api.close());

const check = (...args: readonly string[]): Promise<CommandEnded> =>
  runCommand(["check", ...args, "--kubeconfig", api.kubeconfig]);

const READY = { conditions: [{ type: "Ready", status: "True" }] };
const ASYNC = { "messaging.knative.dev/async-handler": "true" };
const eventing = "/apis/eventing.knative.dev/v1/namespaces/klight";
const sources = "/apis/sources.knative.dev/v1/namespaces/klight";
const channels = "/apis/messaging.knative.dev/v1/namespaces/klight/inmemorychannels";
const services = "/apis/serving.knative.dev/v1/namespaces/klight/services";
const secret = "/api/v1/namespaces/klight/secrets/klight-redis";
const policiesOf = (namespace: string): string =>
  `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`;

const list = (...items: readonly object[]): object => ({ items });
const named = (name: string, more: object = {}): object => ({
  metadata: { name, namespace: "klight", ...more },
  status: READY,
});
const notReady = (name: string, reason: string): object => ({
  metadata: { name, namespace: "klight" },
  status: { conditions: [{ type: "Ready", status: "False", reason, message: "see there" }] },
});
const channel = (annotations: object): object =>
  named("klight-kne-trigger", { labels: { "eventing.knative.dev/broker": "klight" }, annotations });
const trigger = { ...named("klight"), spec: { subscriber: { ref: { kind: "Service", name: "klight" } } } };
const fromSecret = (key: string): object => ({
  name: key,
  valueFrom: { secretKeyRef: { name: "klight-redis", key } },
});
const klight = (env: readonly object[]): object => ({
  ...named("klight"),
  spec: { template: { spec: { serviceAccountName: "klight", containers: [{ env }] } } },
});

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
  [`${eventing}/brokers`, list(named("klight", { annotations: ASYNC }))],
  [`${eventing}/triggers`, list(trigger)],
  [channels, list(channel(ASYNC))],
  [`${sources}/apiserversources`, list(named("klight"))],
  [`${sources}/pingsources`, list(named("klight-sweep"))],
  [services, list(klight([fromSecret("REDIS_URL")]))],
  [secret, { metadata: { name: "klight-redis" }, data: { REDIS_URL: "cmVkaXM6Ly9ub25l" } }],
  [policiesOf("klight"), list()],
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
      set(services, list({ ...klight([]), ...notReady("klight", "RevisionMissing") })),
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
      "the Broker waits for each subscriber",
      set(`${eventing}/brokers`, list(named("klight"))),
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
        const env = [{ name: "KLIGHT_NAMESPACES", value: "shop, bank" }];
        api.objects.byPath.set(services, list(klight(env)));
        api.objects.isAllowed = ({ namespace, resource }) => namespace !== "bank" || resource !== "pods";
      },
      /it may not list pods in bank, get pods in bank, patch pods\/status in bank\n/u,
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
  ];
  for (const [name, change, expected] of cases) {
    test(`${name}: told with its cure, exit code 1`, async () => {
      change();
      const { code, out } = await check();
      assert.match(out, expected);
      assert.equal(code, 1);
    });
  }

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

  test("-o json has every result", async () => {
    const { results } = JSON.parse((await check("-o", "json")).out) as {
      readonly results: readonly { readonly state: string }[];
    };
    assert.ok(results.length > 8 && results.every(({ state }) => state === "well"));
  });
});
