import type { ClusterFailure } from "../cluster/cluster.ts";
import { type Round, verdictOf } from "./contact-health.ts";
import type { Contact, NetworkRecord } from "../store/contacts.ts";
import type { Deps } from "../deps.ts";
import { clusterHeld } from "./cluster-held.ts";
import type { Probe } from "../peers/lightpeer.ts";
import { readPods, type Subject as Whose } from "./network-pods.ts";
import { held, type Outcome } from "../outcome.ts";
import type { Scene, Seen, Verdict } from "./scene.ts";
import { shadowsOf } from "./shadows.ts";
import { QUIET_MS } from "../timing.ts";

/** Probe rounds until a network that keeps losing members is left for later. */
const ROUNDS = 4;

/** `stop`: there is nothing to do for this joiner, or nothing can be done now. */
export type Look =
  | { readonly tag: "scene"; readonly scene: Scene }
  | { readonly tag: "stop"; readonly outcome: Outcome; readonly scene?: Scene };

export interface Subject extends Whose {
  /** Addresses of peers that hung when the network went on without them, and do not any more. */
  readonly stirred?: readonly string[];
  /** Addresses of such peers that the joiner brings along: it may be waiting for them. */
  readonly shadows?: readonly string[];
}

/**
 * Reads again all that a step decides on: pods, then the health of all contacts and the joiner at once. A death is
 * waited out before the last probe, for its network is cleaning up; nothing should pass between that probe and a join.
 * After every wait the pods are read anew: an address may have gone to another pod meanwhile.
 */
export async function look(deps: Deps, subject: Subject, record: NetworkRecord): Promise<Look> {
  const { network, stirred } = subject;
  if (record.quietMs > 0) await deps.clock.sleep(record.quietMs);
  let dead: readonly Contact[] = [];
  let back: readonly Contact[] = [];
  let known: readonly Contact[] | undefined = record.stack.length > 0 ? record.stack : undefined;
  for (let left = ROUNDS; ; left -= 1) {
    const seen = await lookOnce(deps, subject, { known, hung: record.hung });
    if ("outcome" in seen) return { tag: "stop", outcome: seen.outcome };
    const { died, alive, ...found } = seen;
    dead = dead.concat(died);
    const restored = record.stack.length === 0 && dead.length + alive.length > 0;
    const shadows = shadowsFor(subject, record);
    const replaced = [...found.replaced, ...back];
    const scene: Scene = { ...found, replaced, shadows, stirred: stirred !== undefined, dead, restored };
    if (!isCleaningUp(seen, left === ROUNDS ? record.hung : {})) return { tag: "scene", scene };
    if (left === 0) {
      const message = `members of ${network} go away one after the other, ${died[0]?.name} last`;
      return { tag: "stop", outcome: held("NotQuiet", message, { network }), scene };
    }
    await deps.clock.sleep(QUIET_MS);
    const again = await backAgain(deps, dead);
    back = back.concat(again);
    dead = dead.filter((contact) => !again.includes(contact));
    known = alive.toReversed();
  }
}

/** How long somebody who has come back to the address of a dead contact may take to answer, ms. */
const BACK_MS = 250;

/** A process may be back before the others have noticed its death: they keep it on their lists, and it is another. */
async function backAgain(
  { lightpeer, settings }: Deps,
  dead: readonly Contact[],
): Promise<readonly Contact[]> {
  if (settings.reform === "off") return [];
  const probes = await Promise.all(dead.map(({ address }) => lightpeer.probe(address, BACK_MS)));
  const isAlive = new Set<Probe | undefined>(["serving", "not-serving"]);
  return dead.filter((_, index) => isAlive.has(probes[index]));
}

/** The network's own, and those of the network that the joiner comes from. */
const shadowsFor = ({ stirred = [], shadows = [] }: Subject, record: NetworkRecord): readonly string[] =>
  [...shadowsOf(record), ...shadows].filter((address) => !stirred.includes(address));

/**
 * After a death; or after a member hung, which kept the others from noticing one. Without either there is nothing to
 * wait out, and the last death leaves nobody who cleans up. `hung`: who was known to hang before this look.
 */
const isCleaningUp = ({ died, alive, members }: Seeing, hung: NetworkRecord["hung"]): boolean =>
  alive.length > 0 && (died.length > 0 || members.some(({ contact }) => contact.incarnation in hung));

/** What nothing is known against yet, newest first; undefined: the store has lost it. `hung` as in a record. */
interface Known {
  readonly known: readonly Contact[] | undefined;
  readonly hung: NetworkRecord["hung"];
}

/** One reading and one round of probes. `alive`: contacts that are not dead, oldest first. */
type Seeing = Omit<Scene, "dead" | "restored" | "shadows" | "stirred"> & {
  readonly died: readonly Contact[];
  readonly alive: readonly Contact[];
};

async function lookOnce(
  deps: Deps,
  subject: Subject,
  { known, hung }: Known,
): Promise<Seeing | { readonly outcome: Outcome }> {
  const { network } = subject;
  const from = deps.clock.now();
  const read = await readPods(deps, subject, known);
  if ("outcome" in read) return read;
  const probed = await probeAll(deps, { ...read, network, hung });
  if ("tag" in probed) return { outcome: clusterHeld(probed, network) };
  const { died } = probed;
  const alive = read.remaining.map(({ contact }) => contact).filter((contact) => !died.includes(contact));
  return { ...probed, pods: read.pods, alive, looked: { from, to: deps.clock.now() } };
}

type Probed = Pick<Scene, "joiner" | "members" | "hung" | "lost" | "replaced" | "moved" | "silent"> & {
  readonly died: readonly Contact[];
};

async function probeAll(deps: Deps, round: Round): Promise<Probed | ClusterFailure> {
  const { joiner, remaining } = round;
  const probing = joiner && deps.lightpeer.probe(joiner.peer.address, deps.settings.probeTimeoutMs);
  const found = await Promise.all(remaining.map((member) => verdictOf(deps, round, member)));
  const probe = await probing;
  const failure = found.find((each) => each.tag === "failed");
  if (failure !== undefined) return failure;
  const judged = found.flatMap((each) => (each.tag === "judged" ? [each] : []));
  const those = (verdict: Verdict): Seen[] =>
    remaining.filter((_, index) => judged[index]?.verdict === verdict);
  // Where nothing can be re-formed, who is replaced is waited out like the dead.
  const isOff = deps.settings.reform === "off";
  const contacts = (verdict: Verdict): Contact[] => those(verdict).map(({ contact }) => contact);
  return {
    joiner: joiner && { ...joiner, probe: probe ?? "silent" },
    members: those("living"),
    died: [...contacts("dead"), ...(isOff ? contacts("replaced") : [])],
    replaced: isOff ? [] : contacts("replaced"),
    hung: contacts("hung"),
    lost: contacts("lost"),
    moved: contacts("moved"),
    silent: remaining
      .filter((_, index) => judged[index]?.probe === "silent")
      .map(({ contact }) => contact.address),
  };
}
