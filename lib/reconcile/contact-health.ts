import type { ClusterFailure } from "../cluster/cluster.ts";
import type { Deps } from "../deps.ts";
import { type Health, healthOf, type Signs } from "./health.ts";
import type { KnownContact } from "./observation.ts";
import { podsAt } from "./whose-address.ts";
import type { PodLife } from "../outcome.ts";
import type { Probe } from "../peers/lightpeer.ts";
import type { Pod } from "../pod/pod.ts";

/** What has become of one contact. */
export interface ContactHealth extends KnownContact {
  readonly tag: "health";
  readonly health: Health;
  readonly probe: Probe;
  /** For how long it has been known not to answer, ms. */
  readonly silentMs: number;
  /** Another pod that has its address. */
  readonly taker: PodLife | undefined;
}

interface HealthFacts {
  readonly network: string;
  readonly taker: PodLife | undefined;
  readonly silentMs: number;
  /** False: it did not answer before, so it may be another process by now, and one without a chain is. */
  readonly mayBeFresh: boolean;
}

/** Asks the address of a contact, and the API server where that proves nothing. */
export async function healthOfContact(
  deps: Deps,
  { contact, pod: listed }: KnownContact,
  { network, taker: younger, silentMs, mayBeFresh }: HealthFacts,
): Promise<ContactHealth | ClusterFailure> {
  const { lightpeer, settings, clock } = deps;
  let probe = await lightpeer.probe(contact.address, settings.probeTimeoutMs);
  const isWell = younger === undefined && probe !== "refused";
  const shown = await lifeOf(deps, network, { contact, pod: isWell ? listed : undefined });
  if (shown.tag === "failed") return shown;
  const { pod, life: shownLife } = shown;
  const taken = await takerNow(deps, { contact, pod }, younger);
  if (taken.tag === "failed") return taken;
  const { taker } = taken;
  const address = addressOf(shown) ?? contact.address;
  if (address !== contact.address) probe = await lightpeer.probe(address, settings.probeTimeoutMs);
  const isAnother = !mayBeFresh && probe === "serving" && (await isFresh(deps, address));
  const life = isAnother ? "gone" : shownLife;
  const health = healthOf(contact, {
    life,
    pod,
    isTaken: taker !== undefined,
    probe,
    silentMs,
    now: clock.now(),
  });
  return { tag: "health", contact, pod, health, probe, silentMs, taker };
}

/**
 * Who else has its address: a younger contact, or any pod where it is being deleted, for its process may have ended, and
 * its address have gone on, before its pod shows that.
 */
async function takerNow(
  { cluster }: Deps,
  { contact, pod }: KnownContact,
  younger: PodLife | undefined,
): Promise<{ readonly tag: "taker"; readonly taker: PodLife | undefined } | ClusterFailure> {
  if (younger || !pod?.deleting) return { tag: "taker", taker: younger };
  const here = await podsAt(cluster, contact);
  return here.tag === "failed" ? here : { tag: "taker", taker: here.other };
}

/** Where a life that is there is found, as its pod tells; undefined: it does not. */
const addressOf = ({ life, pod }: Shown): string | undefined =>
  life === "running" ? pod?.address : undefined;

interface Shown {
  readonly tag: "life";
  readonly life: Signs["life"];
  readonly pod: Pod | undefined;
}

const isFresh = async ({ lightpeer, settings }: Deps, address: string): Promise<boolean> =>
  (await lightpeer.askFresh(address, settings.probeTimeoutMs)) === "fresh";

/**
 * A list can be behind, so what speaks against a contact is asked for by name: that it is not listed, in another life or
 * with another address. `pod`: as it is listed; undefined: not, or not to be believed.
 */
async function lifeOf(
  deps: Deps,
  network: string,
  { contact, pod }: KnownContact,
): Promise<Shown | ClusterFailure> {
  const isThisLife = (candidate: Pod | undefined): candidate is Pod =>
    candidate?.uid === contact.uid && candidate.incarnation === contact.incarnation;
  if (isThisLife(pod) && !pod.finished && pod.address === contact.address)
    return { tag: "life", life: "running", pod };
  const asked = await deps.cluster.getPod(contact);
  if (asked.tag === "failed") return asked;
  if (!isThisLife(asked.pod) || asked.pod.finished) return { tag: "life", life: "gone", pod: asked.pod };
  const life = asked.pod.network === network ? "running" : "elsewhere";
  return { tag: "life", life, pod: asked.pod };
}
