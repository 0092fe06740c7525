import { listPods, getPod, unknownSize } from "../../lib/cluster/read-pods.ts";
import type { ClusterFailure } from "../../lib/cluster/cluster.ts";
import type { PodName } from "../../lib/outcome.ts";
import type { Joined } from "../../lib/pod/condition.ts";
import { parseAddress } from "../../lib/peers/address.ts";
import { whereOf } from "../../lib/pod/network-key.ts";
import { type Pod, type PodRules, joinedInThisLife } from "../../lib/pod/pod.ts";
import { inOrder } from "../status/in-order.ts";
import { notIn, whyNotIn } from "../status/not-in.ts";
import { addressShared, explained, type Finding, podKey, type Trouble } from "../status/trouble.ts";
import { CommandFailed, EXIT } from "./answer.ts";
import type { Kube } from "./kube.ts";

/** What klight has told of a pod, read from the pod alone: the function may be at zero and the store away. */
export interface PodReport extends Trouble {
  /** `NAMESPACE/NAME`. */
  readonly pod: string;
  /** Key of the network of its label; null: it has no label, or an empty one. */
  readonly network: string | null;
  /** As the pod's condition says: the store is not asked. */
  readonly verdict: "in" | "not in";
  /** `host:port`; null: no IP yet, or a bad port. */
  readonly address: string | null;
  /** The lightpeer's container; null: it cannot be told. */
  readonly container: string | null;
  /** This life of the lightpeer: the container's id, else the pod's uid. */
  readonly incarnation: string;
  /** Name of the pod that it was joined through; null for a founder, after a re-form, and while it is not in. */
  readonly via: string | null;
}

export interface NetworkReport {
  /** `NAMESPACE/ID`, or `ID` with `KLIGHT_SCOPE=cluster`. */
  readonly network: string;
  /** `help`: somebody should look; `wait`: a pod is on its way in; `well`: nothing is missing. */
  readonly level: "help" | "wait" | "well";
  readonly in: readonly PodReport[];
  /** Those that should be in and are not; those that need help first. */
  readonly notIn: readonly PodReport[];
}

/** A pod that cannot be looked at is no answer. */
const blind = ({ kind, message }: ClusterFailure): CommandFailed =>
  kind === "forbidden"
    ? new CommandFailed(EXIT.denied, message)
    : new CommandFailed(EXIT.unknown, `${message}\n${TRY_KUBECTL}`);

/** Where the cluster does not answer as it should, klight is not the first to look at. */
export const TRY_KUBECTL =
  "kubectl cluster-info tells whether your kubeconfig leads there; --kubeconfig and --context name another.";

/** What klight would read from pods; the address of a pod with no port of its own is a guess where the default was changed. */
const rulesFor = (scope: PodRules["scope"]): PodRules => ({ scope, namespaces: [], defaultPort: 9081 });

/** `namespace` undefined: all. Throws CommandFailed. */
export async function readPods({ send }: Kube, namespace: string | undefined): Promise<readonly Pod[]> {
  const listing = { send, selector: { labelSelector: "klight.networkId" }, size: unknownSize() };
  const where = namespace === undefined ? [] : [namespace];
  const listed = await listPods({ ...listing, rules: rulesFor("namespace") }, where);
  if (listed.tag === "failed") throw blind(listed);
  // A key tells its scope, and whoever is in says its key.
  const isClusterWide = listed.pods.some(
    ({ joined }) => joined?.network !== undefined && isId(joined.network),
  );
  return isClusterWide ? listed.pods.map(inClusterScope) : listed.pods;
}

const isId = (network: string): boolean => whereOf(network).namespace === undefined;

const inClusterScope = (pod: Pod): Pod =>
  pod.network === undefined ? pod : { ...pod, network: whereOf(pod.network).networkId };

/** Undefined: there is none. Throws CommandFailed. */
export async function readOnePod({ send }: Kube, name: PodName): Promise<Pod | undefined> {
  const asked = await getPod(send, rulesFor("namespace"), name);
  if (asked.tag === "failed") throw blind(asked);
  const { pod } = asked;
  return pod?.joined?.network !== undefined && isId(pod.joined.network) ? inClusterScope(pod) : pod;
}

/** Pods with the same IP, of all namespaces; none where that cannot be asked, as with rights in one namespace alone. */
export async function readPodsAt({ send }: Kube, { address = "" }: Pod): Promise<readonly Pod[]> {
  const { host } = parseAddress(address) ?? {};
  if (host === undefined) return [];
  const selector = { fieldSelector: `status.podIP=${host}` };
  const listed = await listPods({ send, selector, size: unknownSize(), rules: rulesFor("namespace") }, []);
  return listed.tag === "pods" ? listed.pods : [];
}

/** `others`: pods that may have its address. `now`: ms since 1970. */
export function reportOf(pod: Pod, now: number, others?: readonly Pod[]): PodReport {
  const { network = null, address = null, container = null, incarnation } = pod;
  const said = joinedInThisLife(pod) && !pod.finished ? pod.joined : undefined;
  return {
    pod: podKey(pod),
    network,
    verdict: said ? "in" : "not in",
    ...explained(said ? whyIn(pod, said, others) : whyNotIn(pod, undefined), now),
    address,
    container,
    incarnation,
    via: said?.via ?? null,
  };
}

const whyIn = (pod: Pod, { reason, message }: Joined, others: readonly Pod[] = []): Finding =>
  addressShared(pod, others) ?? { ...inSince(pod), reason, message };

const inSince = ({ joinedSince }: Pod): { readonly since?: string } =>
  joinedSince === undefined ? {} : { since: new Date(joinedSince).toISOString() };

/** Networks in need first, then by name. `now`: ms since 1970. */
export function networksOf(pods: readonly Pod[], now: number): readonly NetworkReport[] {
  const placed = Map.groupBy(pods, ({ network }) => network ?? "");
  placed.delete("");
  const byAddress = Map.groupBy(pods, ({ address }) => address);
  const reportNow = (pod: Pod): PodReport => reportOf(pod, now, byAddress.get(pod.address));
  return [...placed]
    .map(([network, those]) => networkReportOf(network, { pods: those, reports: those.map(reportNow) }, now))
    .sort((a, b) => inNeed(b) - inNeed(a) || inOrder(a.network, b.network));
}

function networkReportOf(
  network: string,
  { pods, reports: those }: { readonly pods: readonly Pod[]; readonly reports: readonly PodReport[] },
  now: number,
): NetworkReport {
  const reports = those.toSorted((a, b) => inOrder(a.pod, b.pod));
  // Some pods are not meant to be in, as one that has ended.
  const meant = new Set(pods.filter((pod) => notIn(pod, undefined, now) !== undefined).map(podKey));
  const out = reports
    .filter(({ pod, verdict }) => verdict === "not in" && meant.has(pod))
    .sort((a, b) => Number(b.needsHelp) - Number(a.needsHelp));
  const members = reports.filter(({ verdict }) => verdict === "in");
  const calm = out.length > 0 ? "wait" : "well";
  return {
    network,
    level: [...members, ...out].some(({ needsHelp }) => needsHelp) ? "help" : calm,
    in: members,
    notIn: out,
  };
}

const inNeed = ({ level }: NetworkReport): number => Number(level === "help");
