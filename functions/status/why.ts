import type { Joined } from "../../lib/pod/condition.ts";
import type { Contact, Intent, LogEntry, NetworkView } from "../../lib/store/contacts.ts";
import { whereOf } from "../../lib/pod/network-key.ts";
import { podsAt } from "../../lib/reconcile/whose-address.ts";
import type { PodName } from "../../lib/outcome.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { GIVE_UP_MS } from "../../lib/timing.ts";
import { type Membership, membershipOf, type PodKnown } from "./membership.ts";
import { type ClusterReading, isoTime, type StatusDeps } from "./status.ts";
import { explained, isUnreachable, podKey, type Trouble } from "./trouble.ts";

/** What klight reads from the pod. */
interface SeenPod {
  readonly uid: string;
  /** Value of the label klight.networkId; null: no label, or an empty one. */
  readonly label: string | null;
  /** `host:port`; null: no IP yet, or a bad port. */
  readonly address: string | null;
  readonly port: number | null;
  /** The lightpeer's container; null: it cannot be told. */
  readonly container: string | null;
  /** This life of the lightpeer: the container's id, else the pod's uid. */
  readonly incarnation: string;
  readonly ready: boolean;
  /** RFC 3339; null: it is ready, or has never said. */
  readonly unreadySince: string | null;
  readonly deleting: boolean;
}

/** Its place in the network. */
interface Place {
  readonly address: string;
  readonly via: string | null;
  readonly joinedAt: string;
  readonly incarnation: string;
  /** Members that joined after it. */
  readonly newer: number;
  readonly hungMs: number | null;
}

interface AskedNetwork {
  readonly network: string;
  readonly members: number;
  readonly generation: number;
  readonly leased: boolean;
  readonly intent: Intent | null;
}

/** The answer to "why is this pod in, or why not?". */
export interface Why extends Trouble {
  readonly pod: string;
  /** RFC 3339, UTC. */
  readonly at: string;
  readonly verdict: Membership["verdict"];
  /** What must happen before klight goes on with this pod; empty: nothing. */
  readonly waitsFor: readonly string[];
  readonly cluster: ClusterReading;
  /** Null: there is no such pod, or it cannot be looked at. */
  readonly seen: SeenPod | null;
  /** What klight has written into the pod's condition `klight.dev/joined`. */
  readonly condition: (Joined & { readonly since: string | null }) | null;
  readonly network: AskedNetwork | null;
  readonly member: Place | null;
  /** What was decided about this pod, newest first. */
  readonly log: readonly LogEntry[];
}

export type WhyReading =
  | { readonly tag: "why"; readonly why: Why }
  /** Neither the API server nor the store knows a pod of this name. */
  | { readonly tag: "absent"; readonly message: string }
  | { readonly tag: "failed"; readonly message: string };

/**
 * Answers for one pod: one GET at the API server, for one that is in a LIST of its address, one or two reads of the store,
 * nothing of the peers.
 */
export async function readWhy(deps: StatusDeps, name: PodName): Promise<WhyReading> {
  const asked = await deps.cluster.getPod(name);
  const pod = asked.tag === "pod" ? asked.pod : undefined;
  const found = await viewFor(deps, name, pod);
  if (found.tag === "failed") return found;
  const { view } = found;
  const contact = view && contactNamed(view, name, pod);
  if (asked.tag === "pod" && pod === undefined && contact === undefined) {
    return { tag: "absent", message: `klight knows no pod ${podKey(name)}` };
  }
  const cluster: ClusterReading = asked.tag === "pod" ? { tag: "seen" } : asked;
  const sharers = contact && pod ? await podsBeside(deps, pod) : [];
  return { tag: "why", why: answer({ name, cluster, pod, contact, view, sharers }, deps.clock.now()) };
}

/** Another pod with its address; what cannot be listed tells nothing. */
async function podsBeside({ cluster }: StatusDeps, { uid, address = "" }: Pod): Promise<readonly Pod[]> {
  const here = await podsAt(cluster, { uid, address });
  return here.tag === "pods" && here.other ? [here.other] : [];
}

function answer(known: PodKnown, now: number): Why {
  const { name, cluster, pod } = known;
  const { verdict, finding } = membershipOf(known);
  return {
    pod: podKey(name),
    at: isoTime(now),
    verdict,
    ...explained(finding, now),
    cluster,
    seen: pod ? seenOf(pod) : null,
    condition: pod?.joined ? { ...pod.joined, since: isoTimeOrNull(pod.joinedSince) } : null,
    ...fromStore(known, verdict),
  };
}

function fromStore(
  { name, contact, view }: PodKnown,
  verdict: Why["verdict"],
): Pick<Why, "waitsFor" | "network" | "member" | "log"> {
  if (view === undefined) return { waitsFor: [], network: null, member: null, log: [] };
  return {
    waitsFor: verdict === "in" ? [] : waitsFor(view, name),
    network: askedNetwork(view),
    member: contact ? stackPlace(view, contact) : null,
    log: view.log.filter((entry) => entry.pod === podKey(name)),
  };
}

/** The network of the pod's label; of a pod without one, the network whose stack has it. */
async function viewFor(
  { contacts }: StatusDeps,
  name: PodName,
  pod: Pod | undefined,
): Promise<
  | { readonly tag: "found"; readonly view: NetworkView | undefined }
  | { readonly tag: "failed"; readonly message: string }
> {
  if (pod?.network !== undefined) {
    const read = await contacts.read([pod.network]);
    return read.tag === "failed" ? read : { tag: "found", view: read.views[0] };
  }
  const known = await contacts.networks();
  if (known.tag === "failed") return known;
  const read = await contacts.read(known.networks);
  if (read.tag === "failed") return read;
  return { tag: "found", view: read.views.find((view) => contactNamed(view, name, pod) !== undefined) };
}

const contactNamed = ({ stack }: NetworkView, name: PodName, pod: Pod | undefined): Contact | undefined =>
  stack.find(({ uid, incarnation }) => uid === pod?.uid && incarnation === pod.incarnation) ??
  stack.find((contact) => contact.namespace === name.namespace && contact.name === name.name);

/** What keeps steps of this network from going on, as far as the store knows. */
function waitsFor(view: NetworkView, name: PodName): readonly string[] {
  const { network, intent, leased, quietMs, hung, stack } = view;
  const waits: string[] = [];
  const forWhom = intent?.pod === undefined || intent.pod === podKey(name) ? "" : ` for ${intent.pod}`;
  if (leased) waits.push(`the step${forWhom} that is changing ${network} now`);
  else if (intent) {
    waits.push(`the next step or sweep, which settles a ${intent.kind}${forWhom} that was left half-done`);
  }
  if (quietMs > 0) waits.push(`the clean-up of ${network} after a member died, ${quietMs} ms more`);
  for (const { namespace, name: member, incarnation } of stack) {
    const silentMs = hung[incarnation];
    if (silentMs === undefined) continue;
    const seconds = Math.max(0, Math.ceil((GIVE_UP_MS - silentMs) / 1_000));
    waits.push(
      isUnreachable(view)
        ? `${namespace}/${member} to be reached by klight again`
        : `${namespace}/${member} to answer, or to be given up in ${seconds} s`,
    );
  }
  return waits;
}

function seenOf(pod: Pod): SeenPod {
  const { uid, network, address, incarnation, ready, unreadySince, deleting, container } = pod;
  return {
    uid,
    label: network === undefined ? null : whereOf(network).networkId,
    address: address ?? null,
    port: address === undefined ? null : Number(address.slice(address.lastIndexOf(":") + 1)),
    container: container ?? null,
    incarnation,
    ready,
    unreadySince: isoTimeOrNull(unreadySince),
    deleting,
  };
}

const isoTimeOrNull = (ms: number | undefined): string | null => (ms === undefined ? null : isoTime(ms));

const askedNetwork = ({ network, stack, generation, leased, intent }: NetworkView): AskedNetwork => ({
  network,
  members: stack.length,
  generation,
  leased,
  intent: intent ?? null,
});

const stackPlace = ({ stack, hung }: NetworkView, contact: Contact): Place => ({
  address: contact.address,
  via: contact.via,
  joinedAt: contact.joinedAt,
  incarnation: contact.incarnation,
  newer: stack.indexOf(contact),
  hungMs: hung[contact.incarnation] ?? null,
});
