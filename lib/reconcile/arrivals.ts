import type { Deps } from "../deps.ts";
import { identify } from "./identity.ts";
import type { Step } from "./move.ts";
import type { Joiner } from "./observation.ts";
import type { Held } from "../outcome.ts";
import { isMember } from "./plan.ts";
import { wasElsewhere } from "../pod/network-before.ts";
import type { Pod } from "../pod/pod.ts";
import type { Contact } from "../store/contacts.ts";

/** A peer that comes in by a re-form. */
export type Arrival = Pick<Joiner, "pod" | "peer">;

interface Arrivals {
  readonly arrivals: readonly Arrival[];
  /** Why the joiner stays out: what answers at its address may be somebody else. */
  readonly stranger: Held | undefined;
}

/** Who comes in besides the members: the joiner of this step, and whoever else waits for this re-form and answers. */
export async function arrivalsOf(step: Step, members: readonly Contact[]): Promise<Arrivals> {
  const { deps, lease, seen } = step;
  const { joiner } = seen;
  const waiting = seen.pods.filter(
    (pod) => waitsForReform(step, members, pod) && isOther(step, members, pod),
  );
  const own = joiner?.probe === "serving" && !isMember(seen, joiner) ? joiner : undefined;
  const [arrivals, identity] = await Promise.all([
    Promise.all(waiting.map((pod) => arrivalOf(deps, lease.network, pod))),
    own && !own.isIdentified ? identify(deps, lease.network, own) : undefined,
  ]);
  if (identity?.tag === "unsure") return { arrivals: arrivals.flat(), stranger: identity.outcome };
  return { arrivals: [...arrivals.flat(), ...(own ? [own] : [])], stranger: undefined };
}

/**
 * The one of a step that died, and members whose address has changed. When the last member goes to another network,
 * everybody who waits: what it holds stays with them. Not who is in another network still: a step of its own takes it out
 * of there first, under that network's lease, and what is sent to it before may reach the others there.
 */
function waitsForReform(
  { target, lease, record, seen }: Step,
  members: readonly Contact[],
  pod: Pod,
): boolean {
  const isLast = target.leaver !== undefined && members.length === 0;
  return (
    (isLast && !wasElsewhere(pod, lease.network)) ||
    `${pod.namespace}/${pod.name}` === record.intent?.pod ||
    seen.readdressed.some(({ uid }) => uid === pod.uid)
  );
}

/** It is neither the joiner, nor the leaver, which a list that is behind shows here still, nor in. */
const isOther = ({ target, seen }: Step, members: readonly Contact[], { uid, incarnation }: Pod): boolean =>
  uid !== seen.joiner?.pod.uid &&
  uid !== target.leaver?.uid &&
  !members.some((member) => member.incarnation === incarnation);

async function arrivalOf(deps: Deps, network: string, pod: Pod): Promise<readonly Arrival[]> {
  if (pod.admission.tag !== "peer") return [];
  const { peer } = pod.admission;
  const probe = await deps.lightpeer.probe(peer.address, deps.settings.probeTimeoutMs);
  if (probe !== "serving") return [];
  const { tag } = await identify(deps, network, { pod, peer });
  return tag === "peer" ? [{ pod, peer }] : [];
}
