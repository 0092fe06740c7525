import { BlockList, isIPv6 } from "node:net";
import * as z from "zod";
import { parseAddress } from "../../../lib/peers/address.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { readPods } from "../pods.ts";
import { type CheckResult, type CheckPlace, unknown, well, wrong } from "./finding.ts";
import { listOf, metadata, type Reading, readObject } from "./cluster-objects.ts";

const requirement = z.object({
  key: z.string(),
  operator: z.string(),
  values: z.array(z.string()).nullish(),
});
const selector = z.object({
  matchLabels: z.record(z.string(), z.string()).nullish(),
  matchExpressions: z.array(requirement).nullish(),
});
type Selector = z.infer<typeof selector>;

const side = z.object({
  podSelector: selector.nullish(),
  namespaceSelector: selector.nullish(),
  ipBlock: z.object({ cidr: z.string(), except: z.array(z.string()).nullish() }).nullish(),
});
const policyPort = z.object({
  port: z.union([z.number(), z.string()]).nullish(),
  endPort: z.number().nullish(),
  protocol: z.string().nullish(),
});
const ports = z.array(policyPort).nullish();
const policy = z.object({
  metadata,
  spec: z.object({
    podSelector: selector.nullish(),
    policyTypes: z.array(z.string()).nullish(),
    ingress: z.array(z.object({ ports, from: z.array(side).nullish() })).nullish(),
    egress: z.array(z.object({ ports, to: z.array(side).nullish() })).nullish(),
  }),
});
type Policy = z.infer<typeof policy>;

type Labels = Readonly<Record<string, string>>;

/** One end of a connection, as policies see it. */
interface PolicyEnd {
  readonly namespace: string;
  readonly namespaceLabels: Labels;
  readonly podLabels: Labels;
  /** Undefined: not known, so that a block of addresses is taken as let through. */
  readonly ip?: string | undefined;
}

const SEED_PORT = 9082;

/**
 * Do NetworkPolicies let klight reach the peers, and the peers klight's seed? One labelled pod of each namespace stands
 * for all of it. klight's own address is not known while it is at zero, so an ipBlock is taken as letting it through.
 */
export async function checkPolicies(
  { kube, namespace }: CheckPlace,
  seedPort = SEED_PORT,
): Promise<readonly CheckResult[]> {
  const what = "Ways to the peers and back";
  const pods = await readPods(kube, undefined);
  const [first, ...others] = [...new Map(pods.map((pod) => [pod.namespace, pod])).values()];
  if (first === undefined) return [well(what, "there is no labelled pod yet")];
  const own = await readSide({ kube, namespace }, namespace);
  if (own.tag === "unread") return [unknown(what, own.message)];
  const klight = { ...own.value, podLabels: { "serving.knative.dev/service": "klight" } };
  const results = [first, ...others].map(async (pod): Promise<readonly CheckResult[]> => {
    const [peers, labels] = await Promise.all([
      readSide({ kube, namespace }, pod.namespace),
      labelsOf({ kube, namespace }, pod),
    ]);
    if (peers.tag === "unread") return [unknown(`${what} in ${pod.namespace}`, peers.message)];
    const { host: ip, port: peerPort } = parseAddress(pod.address ?? "") ?? {};
    const peer = { ...peers.value, podLabels: labels, ip };
    return waysBetween(klight, peer, { peerPort, seedPort, pod });
  });
  return (await Promise.all(results)).flat();
}

interface Side extends Omit<PolicyEnd, "podLabels" | "ip"> {
  readonly policies: readonly Policy[];
}

async function readSide(
  { kube }: CheckPlace,
  namespace: string,
): Promise<
  { readonly tag: "found"; readonly value: Side } | { readonly tag: "unread"; readonly message: string }
> {
  const [policies, itself] = await Promise.all([
    readObject(kube, `/apis/networking.k8s.io/v1/namespaces/${namespace}/networkpolicies`, listOf(policy)),
    readObject(kube, `/api/v1/namespaces/${namespace}`, z.object({ metadata })),
  ]);
  if (policies.tag === "unread") return policies;
  const found = valueOf(policies) ?? [];
  const own = valueOf(itself)?.metadata.labels ?? {};
  // Every namespace has this label since Kubernetes 1.22, also where it cannot be read.
  const namespaceLabels = { "kubernetes.io/metadata.name": namespace, ...own };
  return { tag: "found", value: { namespace, namespaceLabels, policies: found } };
}

const valueOf = <Value>(reading: Reading<Value>): Value | undefined =>
  reading.tag === "found" ? reading.value : undefined;

async function labelsOf({ kube }: CheckPlace, { namespace, name }: Pod): Promise<Labels> {
  const pod = await readObject(kube, `/api/v1/namespaces/${namespace}/pods/${name}`, z.object({ metadata }));
  return valueOf(pod)?.metadata.labels ?? {};
}

function waysBetween(
  klight: Side & PolicyEnd,
  peer: Side & PolicyEnd,
  {
    peerPort,
    seedPort,
    pod,
  }: { readonly peerPort: number | undefined; readonly seedPort: number; readonly pod: Pod },
): readonly CheckResult[] {
  const ways = [
    { from: klight, to: peer, port: peerPort, name: `klight to the peers in ${pod.namespace}` },
    { from: peer, to: klight, port: seedPort, name: `peers in ${pod.namespace} to klight's seed` },
    { from: peer, to: peer, port: peerPort, name: `peers to each other in ${pod.namespace}` },
  ];
  return ways.map(({ from, to, port: number, name }) => {
    if (number === undefined) return unknown(name, `the port of ${pod.name} is not known`);
    const out = closedBy(from, to, { direction: "egress", number });
    const into = closedBy(to, from, { direction: "ingress", number });
    const closed = [...out, ...into];
    if (closed.length === 0) return well(name, `port ${number} is open to them`);
    const cure = `Let port ${number} through in one of them; docs/security.md has an example.`;
    return wrong(name, `port ${number} is closed by the NetworkPolicies ${closed.join(", ")}`, cure);
  });
}

/** Policies that select `own` and of which none lets `other` through; empty: it may pass. */
function closedBy(
  own: Side & PolicyEnd,
  other: PolicyEnd,
  { direction, number }: { readonly direction: "ingress" | "egress"; readonly number: number },
): readonly string[] {
  const selecting = own.policies.filter(
    ({ spec }) => matches(spec.podSelector, own.podLabels) && isFor(spec, direction),
  );
  const isOpen = selecting.some(({ metadata: { namespace = own.namespace }, spec }) =>
    rulesOf(spec, direction).some(
      ({ sides, ports: those }) =>
        hasPort(those, number) &&
        (sides.length === 0 || sides.some((each) => isSide(each, other, namespace ?? own.namespace))),
    ),
  );
  return isOpen ? [] : selecting.map(({ metadata: { name } }) => `${own.namespace}/${name}`);
}

/** Without policyTypes a policy is for what comes in, and for what goes out if it has rules for that. */
function isFor({ policyTypes, egress }: Policy["spec"], direction: "ingress" | "egress"): boolean {
  const types = policyTypes ?? ["Ingress", ...(egress ? ["Egress"] : [])];
  return types.includes(direction === "ingress" ? "Ingress" : "Egress");
}

const rulesOf = ({ ingress, egress }: Policy["spec"], direction: "ingress" | "egress") =>
  direction === "ingress"
    ? (ingress ?? []).map(({ ports: those, from }) => ({ ports: those ?? [], sides: from ?? [] }))
    : (egress ?? []).map(({ ports: those, to }) => ({ ports: those ?? [], sides: to ?? [] }));

/** A port by its name may be any. */
const hasPort = (those: readonly z.infer<typeof policyPort>[], number: number): boolean =>
  those.length === 0 ||
  those.some(({ port: from, endPort, protocol }) => {
    if ((protocol ?? "TCP") !== "TCP") return false;
    if (typeof from !== "number") return true;
    return number >= from && number <= (endPort ?? from);
  });

function isSide(
  { podSelector, namespaceSelector, ipBlock }: z.infer<typeof side>,
  other: PolicyEnd,
  namespace: string,
): boolean {
  if (ipBlock) return other.ip === undefined || isInBlock(ipBlock, other.ip);
  const inNamespace = namespaceSelector
    ? matches(namespaceSelector, other.namespaceLabels)
    : other.namespace === namespace;
  return inNamespace && (!podSelector || matches(podSelector, other.podLabels));
}

/** An empty selector takes all. */
function matches(wanted: Selector | null | undefined, labels: Labels): boolean {
  const equal = Object.entries(wanted?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return equal && (wanted?.matchExpressions ?? []).every((each) => holds(each, labels));
}

function holds({ key, operator, values }: z.infer<typeof requirement>, labels: Labels): boolean {
  const value = labels[key];
  switch (operator) {
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "In":
      return value !== undefined && (values ?? []).includes(value);
    case "NotIn":
      return value === undefined || !(values ?? []).includes(value);
    default:
      return false;
  }
}

function isInBlock({ cidr, except }: NonNullable<z.infer<typeof side>["ipBlock"]>, ip: string): boolean {
  const isIn = (block: string): boolean => {
    const [network = "", prefix] = block.split("/");
    const blocks = new BlockList();
    blocks.addSubnet(network, Number(prefix), isIPv6(network) ? "ipv6" : "ipv4");
    return blocks.check(ip, isIPv6(ip) ? "ipv6" : "ipv4");
  };
  return isIn(cidr) && !(except ?? []).some(isIn);
}
