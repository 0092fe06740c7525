import { announceHold, announceLeftOut, announceMember, announceReform } from "./announce.ts";
import type { Cause } from "./cause.ts";
import type { Change, Contact } from "./contacts/contacts.ts";
import { giveBack } from "./lease.ts";
import { contactOf, findings, logEntry } from "./ledger.ts";
import { held, type Outcome } from "./outcome.ts";
import type { Peer } from "./peer.ts";
import type { Pod } from "./pod.ts";
import { reform, type ReformEnd } from "./reform/reform.ts";
import type { Step } from "./step.ts";

type Whole = Extract<ReformEnd, { tag: "whole" }>;

/**
 * Puts a network right by re-forming it: what was left half-done, what is broken, and who cannot come in plainly.
 * All living members take part, the joiner, and the one that a step which died was for.
 */
export async function reformNetwork(step: Step, cause: Cause): Promise<Outcome> {
  const { deps, wish, lease, record, scene } = step;
  const leaver = wish.leaver;
  const staying = scene.members
    .map(({ contact }) => contact)
    .filter(({ incarnation }) => incarnation !== leaver?.incarnation);
  const joining = await joinersOf(step, staying);
  const now = deps.clock.now();
  const joiners = joining.map(({ peer }) => contactOf(peer, null, now));
  const cast = { members: staying, joiners, leavers: leaver ? [leaver] : [], carry: wish.carry ?? true };
  const { joiner } = scene;
  const subject = { network: lease.network, ...(joiner && { pod: joiner.pod }) };
  if (staying.length + joiners.length === 0) {
    // Nobody is left: whoever comes next founds the network again.
    const late = await giveBack(deps, lease, { ...findings(scene), stack: [], hung: [], deaths: false });
    return (
      late ?? { ...subject, name: "left", reason: "Left", message: `nobody is left in ${lease.network}` }
    );
  }
  const end = await reform(deps, lease, cast, joiner && `${joiner.pod.namespace}/${joiner.pod.name}`);
  if (end.tag === "held") return stopped(step, { ...end.outcome, ...subject }, end.touched);
  const generation = record.generation + 1;
  const message = describe(end, lease.network, cause.text);
  const whole: Outcome = { ...subject, name: "reformed", reason: "Reformed", message, generation };
  const change = { ...stackOf(end), generation, newest: end.newest, log: logEntry(whole, deps.clock.now()) };
  const late = await giveBack(deps, lease, change);
  if (late) return { ...late, ...subject };
  await announceReform(deps, { pods: podsOf(step, end.list), cause, message });
  const leftOut = [...scene.lost, ...end.leftOut];
  for (const pod of podsOf(step, leftOut)) await announceLeftOut(deps, pod, lease.network);
  const arrived = joining.filter(({ peer }) =>
    end.list.some((part) => part.incarnation === peer.incarnation),
  );
  for (const { pod } of arrived) await announceMember(deps, pod, { ...whole, pod });
  const isIn = joiner === undefined || arrived.some(({ pod }) => pod === joiner.pod);
  return isIn
    ? whole
    : held("ReformFailed", `${joiner.peer.name} did not do its part: ${message}`, subject, 10);
}

/** The joiner of this step and the one of a step that died. */
async function joinersOf(
  { deps, record, scene }: Step,
  members: readonly Contact[],
): Promise<readonly { pod: Pod; peer: Peer }[]> {
  const own = scene.joiner ? [scene.joiner] : [];
  const earlier = scene.pods?.find(
    (pod) =>
      `${pod.namespace}/${pod.name}` === record.intent?.pod &&
      pod.uid !== scene.joiner?.pod.uid &&
      !members.some(({ incarnation }) => incarnation === pod.incarnation),
  );
  if (earlier?.admission.tag !== "peer") return own;
  const { peer } = earlier.admission;
  const probe = await deps.lightpeer.probe(peer.address, deps.settings.probeTimeoutMs);
  return probe === "serving" ? [{ pod: earlier, peer }, ...own] : own;
}

/** The bottom of the stack is the head of the list. */
const stackOf = ({ list }: Whole): Change => ({ stack: list.toReversed(), hung: [], deaths: false });

async function stopped(step: Step, outcome: Outcome, touched: boolean): Promise<Outcome> {
  const { deps, lease, record, scene } = step;
  const keepIntent = touched || record.intent !== undefined;
  await giveBack(deps, lease, { ...findings(scene), keepIntent, log: logEntry(outcome, deps.clock.now()) });
  if (scene.joiner) await announceHold(deps, scene.joiner.pod, outcome);
  return outcome;
}

/** Pods of these contacts, as far as they are known. */
const podsOf = ({ scene }: Step, contacts: readonly Contact[]): readonly Pod[] =>
  contacts.flatMap(({ uid }) => scene.pods?.find((pod) => pod.uid === uid) ?? []);

function describe({ list, leftOut, entries, refusedMs }: Whole, network: string, cause: string): string {
  const without = leftOut.length > 0 ? `, without ${leftOut.map(({ name }) => name).join(", ")}` : "";
  const refused = `writes were refused for ${Math.round(refusedMs)} ms`;
  return `${network} was re-formed because ${cause}: ${list.length} peers${without}, ${entries} entries, ${refused}`;
}
