import type { Contact } from "../../lib/store/contacts.ts";
import type { Cluster } from "../../lib/cluster/cluster.ts";
import { GIVE_UP_MS, LOOK_GOOD_MS, QUIET_MS } from "../../lib/timing.ts";
import type { Lightpeer } from "../../lib/peers/lightpeer.ts";
import type { JoinRecord } from "../harness/lightpeer/calls.ts";
import type { Timers } from "../harness/timers.ts";
import { type EntryFact, type Facts, noFacts, type StepFact } from "./facts.ts";
import { networksSince, type SimPod } from "./kubelet.ts";
import { NAMESPACE } from "./pod-status.ts";
import type { PeerProcess } from "./peer-process.ts";
import type { EntrySent } from "./seeds.ts";
import type { Wire } from "./wire.ts";

/** A call of klight's that changes peers and has not ended. */
interface Change {
  readonly step: StepFact;
  readonly what: string;
  readonly address: string;
  readonly contact: string | undefined;
  arrived: boolean;
  /** Processes, and not addresses: one may go to another pod while a call hangs. */
  readonly touched: ReadonlySet<PeerProcess>;
}

/** How long after a change of klight's a peer may forget something because of it, ms. */
const AFTERMATH_MS = 1_000;

/**
 * So long after a pod was of another network a step that saw that may act on it, ms. It asks again when all have come to the
 * seed, but its process may be stopped after that, and has the network for as long as its lease lasts.
 */
const LABEL_MEMORY_MS = 25_000;

/** A health check may be on its way to a peer that dies for so long, ms. */
const ON_ITS_WAY_MS = 50;

/** How long a peer that hung may still be taken for one that hangs, ms. */
const HUNG_MEMORY_MS = 60_000;

/** Sees what happens to the peers and writes it down; touches nothing. */
export class Witness {
  readonly facts: Facts = noFacts();
  readonly #timers: Timers;
  readonly #wire: Pick<Wire, "walls">;
  readonly #pods: () => readonly SimPod[];
  readonly #flushedAt: () => number;
  readonly #open = new Set<Change>();
  /** When a process died last at an address, ms since 1970. */
  readonly #diedAt = new Map<string, number>();
  /** When klight changed something at a peer last, or around it; ms since 1970. */
  readonly #changedAt = new WeakMap<PeerProcess, number>();
  /** Entries that a relabelled pod alone held when it was. */
  readonly #onlyWith = new Map<EntryFact, SimPod>();
  /** Networks in which something has gone wrong, and pods that have been in. */
  readonly #troubled = new Set<string>();
  readonly #in = new Set<string>();
  /** Lives that a plain join was begun for. */
  readonly #joined = new WeakMap<PeerProcess, number>();

  constructor(
    { timers, wire }: { readonly timers: Timers; readonly wire: Pick<Wire, "walls"> },
    pods: () => readonly SimPod[],
    flushedAt: () => number,
  ) {
    this.#timers = timers;
    this.#wire = wire;
    this.#pods = pods;
    this.#flushedAt = flushedAt;
  }

  step(what: string): StepFact {
    const step: StepFact = {
      id: this.facts.steps.length,
      what,
      startedAt: this.#timers.now(),
      outcomes: [],
      disturbed: "no",
      lastProbeAt: 0,
      lastReadAt: 0,
    };
    this.facts.steps.push(step);
    return step;
  }

  /** A step's instance died: its calls are cut, which takes a moment to arrive. */
  died(step: StepFact): void {
    step.disturbed = "died";
    this.#timers.after(50, () => {
      for (const change of this.#open) if (change.step === step) this.#open.delete(change);
    });
  }

  /** The same calls, seen. */
  watch(lightpeer: Lightpeer, step: StepFact): Lightpeer {
    const change = <Answer>(
      what: string,
      [address, contact]: readonly [string, string?],
      call: () => Promise<Answer>,
    ): Promise<Answer> => this.#during(this.#begin({ step, what, address, contact }), call);
    return {
      ...lightpeer,
      probe: (address, timeoutMs) => {
        step.lastProbeAt = this.#timers.now();
        return lightpeer.probe(address, timeoutMs);
      },
      join: (address, contact, ...rest) =>
        change("JoinNetwork", [address, contact], () => lightpeer.join(address, contact, ...rest)),
      visit: (address, guest, timeoutMs) =>
        change("ConnectNewPeer", [address], () => lightpeer.visit(address, guest, timeoutMs)),
      notify: (address, block, timeoutMs) =>
        change("NotifyNewBlock", [address], () => lightpeer.notify(address, block, timeoutMs)),
    };
  }

  /** The same reads, noted: what a step cannot have read, it cannot know. */
  watchReads(cluster: Cluster, step: StepFact): Cluster {
    return {
      ...cluster,
      getPod: (name) => {
        step.lastReadAt = this.#timers.now();
        return cluster.getPod(name);
      },
      listPods: (where) => {
        step.lastReadAt = this.#timers.now();
        return cluster.listPods(where);
      },
    };
  }

  /** A JoinNetwork came in at a peer. */
  sawJoin(process: PeerProcess, { contact, at }: Omit<JoinRecord, "life">): void {
    const change = [...this.#open].find(
      (open) => !open.arrived && open.address === process.address && open.contact === contact,
    );
    if (change === undefined) return;
    change.arrived = true;
    const { step } = change;
    const through = this.#processAt(contact);
    const list = through?.state.network ?? [];
    this.facts.joins.push({
      at,
      step: step.id,
      joiner: process.address,
      contact,
      plain: through !== undefined,
      listed: list.includes(process.address) && (hasChain(process) || this.#wasJoined(process)),
      hanging: list.filter((address) => this.#hungBefore(address, step.lastProbeAt)),
      dead: list.filter((address) => this.#diedJustBefore(address, step.lastProbeAt)),
      foreign: this.#isForeign(process.address, contact, step),
    });
    if (through !== undefined) this.#joined.set(process, at);
  }

  /** Has a plain join of this life been begun, as far as the store can tell? */
  #wasJoined(process: PeerProcess): boolean {
    const at = this.#joined.get(process);
    return at !== undefined && at >= this.#flushedAt();
  }

  /** Contacts were taken off a stack. */
  dropped(network: string, contacts: readonly Contact[], how: string): void {
    for (const contact of contacts) {
      const because = this.#excuse(network, contact);
      this.facts.drops.push({ at: this.#timers.now(), network, contact, how, because });
    }
  }

  /** A network has got its first contact; `beside`: pods that say for a while that they are in it, and live. */
  founded(network: string, { contact, beside }: { contact: Contact; beside: readonly string[] }): void {
    this.facts.foundings.push({ at: this.#timers.now(), network, contact, beside });
  }

  stored(network: string, entry: string): void {
    const fact: EntryFact = { network, entry, at: this.#timers.now() };
    this.facts.entries.push(fact);
    const held = this.#pods().some((pod) => holds(pod, network) && pod.process?.entries.has(entry));
    if (!held) fact.lost = "all that held it died before it was acknowledged";
  }

  /** Before a peer dies: what only it holds is lost with it. */
  dying(pod: SimPod): void {
    const now = this.#timers.now();
    const { process } = pod;
    // A life that was shorter than a look takes may never have been seen; and a hung one keeps the others waiting for
    // longer than any quiet time.
    const isOrdinary =
      process !== undefined && now - process.startedAt > 2 * QUIET_MS && !process.hungWithin(HUNG_MEMORY_MS);
    if (pod.address !== undefined && isOrdinary) this.#diedAt.set(pod.address, now);
    this.#lose(pod, [...(process?.entries ?? [])], `only ${pod.name} held it`);
  }

  /**
   * What a peer alone holds cannot be asked for: it goes to another network and hangs meanwhile, so that its network goes on
   * without it, and later nobody can tell that from what it may have got elsewhere since; or it has another address.
   */
  outOfReach(pod: SimPod, why: string): void {
    this.#lose(pod, [...(pod.process?.entries ?? [])], `only ${pod.name} held it, and ${why}`);
  }

  /** A peer has got entries: of a network that it is or was of, or of one whose peer has brought them there. */
  gained(process: PeerProcess, entries: readonly string[]): void {
    const pod = this.#pods().findLast((each) => each.process === process);
    if (pod === undefined) return;
    const labels = new Set(pod.labels.map(({ network }) => network));
    if (labels.size > 1) this.#carry(pod, entries);
    const { name, network } = pod;
    for (const entry of entries.filter((each) => !this.#mayHave(pod, each)))
      this.facts.strangers.push({ at: this.#timers.now(), entry, pod: name, network });
  }

  /** Is it an entry of a network that the pod is or was of, or that somebody has brought into its network? */
  #mayHave({ labels, network }: SimPod, entry: string): boolean {
    const [, of] = /^(\w+) \d+$/u.exec(entry) ?? [];
    // Others are of nobody: what proves in the end that a network is whole.
    if (of === undefined || labels.some((label) => label.network === of)) return true;
    return this.facts.carried.get(entry)?.has(network) ?? false;
  }

  /** Something has gone wrong in these networks, or may have. */
  troubled(networks: readonly string[]): void {
    for (const network of networks) this.#troubled.add(network);
  }

  /** A pod says that it is in. Only what others do to its network is looked at, through a Broker that delivers. */
  saysIn({ name, network, readyAt }: SimPod): void {
    if (readyAt === undefined || this.#in.has(name)) return;
    this.#in.add(name);
    if (!this.#troubled.has(network))
      this.facts.waits.push({ pod: name, network, ms: this.#timers.now() - readyAt });
  }

  /** Before all is healed: those that are not in have waited until now. */
  countWaiting(): void {
    for (const pod of this.#pods()) if (pod.state === "running") this.saysIn(pod);
  }

  /** An entry has left klight for whoever called its seed, whether it is taken in or not. */
  sent({ address, life }: Parameters<EntrySent>[0], entry: string): void {
    // A stream to a process that has died is cut, whoever has its address by now.
    if (life.status === "dead") return;
    const pod = this.#pods().findLast((each) => each.process?.life === life);
    if (pod === undefined || !this.#mayHave(pod, entry))
      this.facts.leaks.push({ at: this.#timers.now(), entry, to: pod?.name ?? address });
  }

  /** A pod is labelled for this network now: whoever is alone there takes its history along. */
  relabelled(pod: SimPod): void {
    const held = pod.process?.entries ?? new Set<string>();
    this.#carry(pod, [...held]);
    for (const fact of this.facts.entries) {
      if (held.has(fact.entry) && !this.#isHeld(fact, pod)) this.#onlyWith.set(fact, pod);
    }
  }

  #carry({ network }: SimPod, entries: readonly string[]): void {
    const { carried } = this.facts;
    for (const entry of entries) carried.set(entry, (carried.get(entry) ?? new Set()).add(network));
  }

  /** Does anybody else hold it, in its own network or in one where it was brought? */
  #isHeld(fact: EntryFact, without?: SimPod): boolean {
    const places = [fact.network, ...(this.facts.carried.get(fact.entry) ?? [])];
    return this.#pods().some((pod) => {
      if (pod === without || !pod.process?.entries.has(fact.entry)) return false;
      // What a peer has left with others is theirs to keep.
      const isKeeper = pod.labels.length === 1 || pod.network === fact.network;
      const keeps = isKeeper || this.#onlyWith.get(fact) === pod;
      return keeps && places.some((network) => holds(pod, network));
    });
  }

  /**
   * A peer's chain has changed under its entries. Lightpeers do that to each other in their clean-ups; when klight has
   * changed something there a moment ago it is for klight to have kept them.
   */
  forgot(process: PeerProcess, entries: readonly string[]): void {
    const pod = this.#podAt(process.address);
    const changing = [...this.#open].some(({ touched }) => touched.has(process));
    const changed = (this.#changedAt.get(process) ?? 0) > this.#timers.now() - AFTERMATH_MS;
    if (pod && !changing && !changed) this.#lose(pod, entries, `${pod.name} forgot it by itself`);
  }

  #lose(pod: SimPod, entries: readonly string[], why: string): void {
    if (entries.length === 0) return;
    const held = new Set(entries);
    for (const fact of this.facts.entries)
      if (held.has(fact.entry) && !this.#isHeld(fact, pod)) fact.lost ??= why;
  }

  #begin({ step, what, address, contact }: Omit<Change, "arrived" | "touched">): Change {
    const touched = new Set([
      ...this.#circle(address),
      ...(contact === undefined ? [] : this.#circle(contact)),
    ]);
    const change: Change = { step, what, address, contact, arrived: false, touched };
    for (const other of this.#open) {
      if (other.step === step) continue;
      const both = [...other.touched].find((each) => touched.has(each));
      // A store that loses everything loses the lease, and a call that was sent before cannot be taken back.
      const since = Math.min(step.startedAt, other.step.startedAt);
      if (both === undefined || this.#flushedAt() >= since) continue;
      this.facts.clashes.push({
        at: this.#timers.now(),
        first: `${what} at ${address} (${step.what})`,
        second: `${other.what} at ${other.address} (${other.step.what}) touch ${both.address}`,
      });
    }
    this.#open.add(change);
    this.#mark(change);
    return change;
  }

  async #during<Answer>(change: Change, call: () => Promise<Answer>): Promise<Answer> {
    const answer = await call();
    this.#open.delete(change);
    this.#mark(change);
    return answer;
  }

  #mark({ touched }: Change): void {
    for (const process of touched) this.#changedAt.set(process, this.#timers.now());
  }

  /** The peer and those that it lists and that list it. */
  #circle(address: string): readonly PeerProcess[] {
    const process = this.#processAt(address);
    if (process === undefined) return [];
    const listed = process.state.network.flatMap((other) => this.#processAt(other) ?? []);
    return [process, ...listed.filter(({ state }) => state.network.includes(address))];
  }

  #podAt(address: string): SimPod | undefined {
    const those = this.#pods().filter((pod) => pod.address === address && pod.state !== "gone");
    const answers = ({ isShadowed, process }: SimPod): boolean =>
      !isShadowed && process !== undefined && process.life.status !== "dead";
    return those.findLast(answers) ?? those.at(-1);
  }

  #processAt(address: string): PeerProcess | undefined {
    const process = this.#podAt(address)?.process;
    return process?.life.status === "dead" ? undefined : process;
  }

  #hungBefore(address: string, at: number): boolean {
    const { labelled = false, process } = this.#podAt(address) ?? {};
    // A new process at the address of a member that died is none, though the others may not have noticed.
    if (!labelled || process === undefined || !hasChain(process)) return false;
    return process.life.status === "hung" && (process.hungAt ?? Infinity) < at;
  }

  #diedJustBefore(address: string, at: number): boolean {
    const diedAt = this.#diedAt.get(address) ?? 0;
    const msBefore = at - diedAt;
    const isSoon = msBefore > ON_ITS_WAY_MS && msBefore < QUIET_MS - ON_ITS_WAY_MS;
    return this.#processAt(address) === undefined && isSoon;
  }

  /** A pod that never was of a network that the joiner had when it was read last. One that was may still be in it. */
  #isForeign(address: string, contact: string, { lastProbeAt, lastReadAt }: StepFact): boolean {
    const [joiner, through] = [this.#podAt(address), this.#podAt(contact)];
    if (!joiner || !through) return false;
    const isSettled = (through.process?.startedAt ?? Infinity) < lastProbeAt;
    const since = Math.max(lastReadAt, this.#timers.now() - LOOK_GOOD_MS);
    // A pod without the label tells nobody that a peer runs in it: then whoever else has its address may be meant.
    const whoMay = (pod: SimPod): readonly SimPod[] =>
      pod.labelled ? [pod] : this.#pods().filter((each) => each.address === pod.address);
    const meant = new Set(whoMay(joiner).flatMap((pod) => networksSince(pod, since)));
    const ever = whoMay(through).flatMap((pod) => networksSince(pod, 0));
    return isSettled && ever.every((network) => !meant.has(network));
  }

  /** A wall has been before it for so long that its network may go on without it, if klight reaches another one. */
  #isOutOfReach(network: string, pod: SimPod): boolean {
    const { walls } = this.#wire;
    const since = walls.get(pod.address ?? "")?.since ?? Infinity;
    const isReached = (other: SimPod): boolean =>
      `${NAMESPACE}/${other.network}` === network &&
      other.process?.isRunning === true &&
      !walls.has(other.address ?? "");
    return this.#timers.now() - since >= GIVE_UP_MS && this.#pods().some(isReached);
  }

  #excuse(network: string, { uid, incarnation }: Contact): string | undefined {
    const pod = this.#pods().find((each) => each.uid === uid);
    if (pod === undefined || pod.state !== "running") return "its pod is going or gone";
    const labels = networksSince(pod, this.#timers.now() - LABEL_MEMORY_MS);
    if (labels.some((label) => `${NAMESPACE}/${label}` !== network)) return "its pod is of another network";
    const { process } = pod;
    if (process === undefined || process.life.status === "dead") return "its process is dead";
    if (process.containerId !== incarnation) return "it is another life";
    if (process.name !== pod.address) return "it calls itself otherwise than its pod is called";
    if (process.hungWithin(HUNG_MEMORY_MS)) return "it was hanging";
    return this.#isOutOfReach(network, pod) ? "klight could not reach it for too long" : undefined;
  }
}

const hasChain = ({ state }: PeerProcess): boolean =>
  !["", "klight-fresh"].includes(state.head.id.replace(/-\d+$/u, ""));

const holds = (pod: SimPod, network: string): boolean =>
  pod.network === network &&
  pod.labelled &&
  pod.process?.name === pod.address &&
  pod.process?.life.status !== "dead";
