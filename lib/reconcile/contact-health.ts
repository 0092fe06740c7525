import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Deps } from "../deps.ts";
import type { Probe } from "../peers/lightpeer.ts";
import type { Peer } from "../pod/peer.ts";
import type { Pod } from "../pod/pod.ts";
import { type Evidence, judge, type Seen, type Verdict } from "./scene.ts";

/** What one round of probes starts from. */
export interface Round {
  readonly network: string;
  readonly pods: readonly Pod[];
  readonly joiner: { readonly pod: Pod; readonly peer: Peer } | undefined;
  /** Contacts that nothing is known against yet, oldest first. */
  readonly remaining: readonly Seen[];
  /** For how long contacts have been known not to answer, ms by incarnation. */
  readonly hung: Readonly<Record<string, number>>;
}

/** What has become of a contact, and what its address said. */
export interface Judged {
  readonly tag: "judged";
  readonly verdict: Verdict;
  /** Undefined: not asked, since somebody else has its address. */
  readonly probe: Probe | undefined;
}

/** Finds out what has become of one contact. */
export async function verdictOf(deps: Deps, round: Round, member: Seen): Promise<Judged | ClusterFailure> {
  if (addressTaken(round, member)) return { tag: "judged", verdict: "replaced", probe: undefined };
  const { contact } = member;
  const probe = await deps.lightpeer.probe(contact.address, deps.settings.probeTimeoutMs);
  const found = await lifeOf(deps, round, member, probe);
  if ("tag" in found) return found;
  const silentMs = round.hung[contact.incarnation] ?? 0;
  const verdict = judge({ ...found, probe, silentMs, now: deps.clock.now() });
  return { tag: "judged", verdict, probe };
}

/** An address belongs to one process: whoever came later has it. */
function addressTaken({ joiner, remaining }: Round, { contact }: Seen): boolean {
  const younger = remaining.slice(remaining.findIndex((member) => member.contact === contact) + 1);
  const others = [...younger.map((member) => member.contact), ...(joiner ? [joiner.peer] : [])];
  return others.some(
    (other) =>
      other.address === contact.address &&
      (other.uid !== contact.uid || other.incarnation !== contact.incarnation),
  );
}

/** A list can be behind: what it does not show is asked for by name before a contact that answers is dropped. */
async function lifeOf(
  deps: Deps,
  round: Round,
  { contact, pod }: Seen,
  probe: Probe,
): Promise<Pick<Evidence, "life" | "pod"> | ClusterFailure> {
  const isThisLife = (candidate: Pod | undefined): candidate is Pod =>
    candidate?.uid === contact.uid && candidate.incarnation === contact.incarnation;
  if (isThisLife(pod)) return { life: "same", pod };
  if (probe === "refused") return { life: "gone", pod };
  const asked = await deps.cluster.getPod(contact);
  if (asked.tag === "failed") return asked;
  const now = asked.pod;
  if (!isThisLife(now)) return { life: "gone", pod: now };
  return { life: now.network === round.network ? "same" : "elsewhere", pod: now };
}
