import * as z from "zod";
import { parseAddress } from "../../../lib/peers/address.ts";
import type { Pod } from "../../../lib/pod/pod.ts";
import { CommandFailed } from "../answer.ts";
import type { Kube } from "../kube.ts";
import { readPods } from "../pods.ts";
import { type CheckResult, type CheckPlace, unknown, well, wrong } from "./finding.ts";
import { closedBy, type Labels, policy, type Side } from "./network-policy.ts";
import { listOf, metadata, type Reading, readObject } from "./cluster-objects.ts";

/** What klight's settings say of the ways. */
export interface Ways {
  readonly seedPort: number;
  /** Where its pods are; undefined: anywhere. */
  readonly namespaces: readonly string[] | undefined;
}

/**
 * Do NetworkPolicies let klight reach the peers, and the peers klight's seed? One labelled pod of each namespace stands
 * for all of it. klight's own address is not known while it is at zero, so an ipBlock is taken as letting it through.
 */
export async function checkPolicies(
  { kube, namespace }: CheckPlace,
  { seedPort, namespaces }: Ways,
): Promise<readonly CheckResult[]> {
  const what = "Ways to the peers and back";
  const pods = await labelledPods(kube, namespaces);
  if (typeof pods === "string") return [unknown(what, pods)];
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

/** A text: why they cannot be read. */
async function labelledPods(
  kube: Kube,
  namespaces: readonly string[] | undefined,
): Promise<readonly Pod[] | string> {
  try {
    return (await Promise.all((namespaces ?? [undefined]).map((each) => readPods(kube, each)))).flat();
  } catch (error) {
    if (error instanceof CommandFailed) return error.message;
    throw error;
  }
}

/** A namespace as an end of a connection; which of its pods, is not said yet. */
type AnyPodOf = Omit<Side, "podLabels" | "ip">;

async function readSide(
  { kube }: CheckPlace,
  namespace: string,
): Promise<
  { readonly tag: "found"; readonly value: AnyPodOf } | { readonly tag: "unread"; readonly message: string }
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
  klight: Side,
  peer: Side,
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
    const cure = `Let port ${number} through in one of them; docs/network-access.md says what is needed.`;
    return wrong(name, `port ${number} is closed by the NetworkPolicies ${closed.join(", ")}`, cure);
  });
}
