import { joinedInThisLife } from "../../lib/pod/pod.ts";
import { replyTo } from "../../functions/http/reply.ts";
import { podChanged } from "../../lib/reconcile/pod-changed.ts";
import { reformAsked } from "../../lib/reconcile/reform-asked.ts";
import { sweep } from "../../lib/reconcile/sweep.ts";
import { createMemoryContacts } from "../../lib/store/memory.ts";
import type { Deps, Settings } from "../../lib/deps.ts";
import type { Outcome } from "../../lib/outcome.ts";
import { Wire } from "./wire.ts";
import { VirtualClock } from "../harness/virtual-clock.ts";
import { ApiObjects, keyOf, type WatchEvent } from "./api-objects.ts";
import { ApiServer } from "./api-server.ts";
import { runApplication } from "./application.ts";
import { type Handled, Delivery } from "./delivery.ts";
import { FunctionService, type Tamper } from "./function-service.ts";
import { Kubelet, type SimPod } from "./kubelet.ts";
import { NAMESPACE } from "./pod-status.ts";
import { Random } from "./random.ts";
import type { Setting } from "./schedule.ts";
import { Store } from "./store.ts";
import { Witness } from "./witness.ts";

/** A sweep starts nothing new after so long, ms. */
const SWEEP_MS = 60_000;

/** So long after the start applications store, ms: longer than faults begin. */
const STORING_MS = 15_000;

/** From a look at the pods to what comes of it, ms. */
const LOOK_MS = 2_000;

const NETWORKS = ["a", "b"] as const;

const settingsOf = ({ joinMode }: Setting): Settings => ({
  joinMode,
  reform: "on",
  historyLimit: 64 * 1_024 * 1_024,
  probeTimeoutMs: 1_000,
  joinTimeoutMs: 30_000,
  waitMs: 5_000,
});

/** A cluster with klight in it. */
export class World {
  readonly clock = new VirtualClock();
  readonly witness: Witness;
  readonly kubelet: Kubelet;
  readonly store: Store;
  readonly api: ApiServer;
  readonly service: FunctionService;
  readonly delivery: Delivery;
  readonly wire: Wire;
  readonly objects: ApiObjects;
  readonly #random: Random;
  readonly #setting: Setting;

  constructor(setting: Setting, tamper: Tamper = (deps) => deps) {
    const random = new Random(setting.seed);
    const { clock } = this;
    this.#random = random.fork("world");
    this.#setting = setting;
    this.wire = new Wire(clock, random.fork("wire"));
    this.objects = new ApiObjects(() => clock.now());
    this.witness = new Witness(
      { timers: clock, wire: this.wire },
      () => this.kubelet.pods,
      () => this.store.flushedAt,
    );
    const { wire, objects, witness } = this;
    this.kubelet = new Kubelet(
      { time: clock, wire, objects, random: random.fork("kubelet") },
      {
        onDeath: (pod) => {
          witness.dying(pod);
        },
        onRelabel: (pod) => {
          witness.relabelled(pod);
        },
        onHungAway: (pod) => {
          witness.outOfReach(pod, "it went away and hung");
        },
        onMove: (pod) => {
          witness.outOfReach(pod, "nobody reaches its peer by its name any more");
        },
        onJoin: (process, join) => {
          witness.sawJoin(process, join);
        },
        onForgot: (process, entries) => {
          witness.forgot(process, entries);
        },
        onGained: (process, entries) => {
          witness.gained(process, entries);
        },
      },
    );
    this.store = new Store(createMemoryContacts(clock), {
      time: clock,
      random: random.fork("store"),
      onDropped: (network, contacts, how) => {
        witness.dropped(network, contacts, how);
      },
      onFounded: (network, contact) => {
        const others = this.kubelet.present.filter(
          (pod) => `${NAMESPACE}/${pod.network}` === network && pod.uid !== contact.uid,
        );
        // A list may be behind; what it cannot show nobody can know.
        const { staleUntil, staleMs } = this.api;
        const forMs = clock.now() < staleUntil + LOOK_MS ? staleMs + LOOK_MS : LOOK_MS;
        const inIt = others.filter((pod) => this.#saysJoined(pod, forMs));
        witness.founded(network, { contact, beside: inIt.map(({ name }) => name) });
      },
    });
    if (setting.through === "source") witness.troubled(NETWORKS);
    objects.watch(({ object }) => {
      const pod = this.kubelet.pods.find(({ uid }) => uid === object.metadata.uid);
      if (pod && joinedInThisLife(objects.parsed(object))) witness.saysIn(pod);
    });
    this.api = new ApiServer(clock, random.fork("api"), objects);
    const { store, api } = this;
    const settings = settingsOf(setting);
    const around = { clock, wire, witness, store, api, settings, tamper, random: random.fork("function") };
    this.service = new FunctionService(around, setting.instances);
    this.delivery = new Delivery(
      objects,
      { clock, random: random.fork("delivery"), mode: { through: setting.through } },
      (event) => this.#deliver(event),
    );
  }

  /** Pods that should be in a network, as they are now. */
  members(network: string): readonly SimPod[] {
    return this.kubelet.present.filter(
      (pod) => pod.network === network && pod.labelled && pod.state === "running" && pod.process?.isRunning,
    );
  }

  start(): void {
    const { pods, gapMs, storing } = this.#setting;
    for (const [index, count] of pods.entries()) {
      for (let pod = 0; pod < count; pod += 1) {
        this.clock.after(pod * gapMs + index, () => this.kubelet.create(networkName(index)));
      }
    }
    for (const { network, everyMs } of storing) {
      void runApplication(
        { network: networkName(network), from: 500, until: STORING_MS, everyMs },
        {
          clock: this.clock,
          wire: this.wire,
          random: this.#random.fork(`application ${network}`),
          joined: (of) => this.members(of).filter((pod) => this.#saysJoined(pod)),
          onStored: (of, entry) => {
            this.witness.stored(of, entry);
          },
        },
      );
    }
  }

  sweep(): Promise<readonly Outcome[] | undefined> {
    return this.service.request("sweep", async (deps) => {
      const { outcomes } = await sweep(deps, SWEEP_MS);
      return outcomes;
    });
  }

  reform(network: string): Promise<readonly Outcome[] | undefined> {
    return this.service.request(`re-form of ${network}`, async (deps) => [
      await reformAsked(deps, `${NAMESPACE}/${network}`),
    ]);
  }

  /** For at least so long, ms. */
  #saysJoined({ name }: SimPod, forMs = 0): boolean {
    const object = this.objects.get(keyOf({ namespace: NAMESPACE, name }));
    if (object === undefined) return false;
    const { joinedSince = 0, ...pod } = this.objects.parsed(object);
    return joinedInThisLife(pod) && this.clock.now() - joinedSince >= forMs;
  }

  async #deliver({ change, object }: WatchEvent): Promise<Handled> {
    const { namespace, name } = object.metadata;
    const named = { namespace, name };
    const pod = this.#setting.events === "resource" ? this.objects.parsed(object) : undefined;
    const handle = async (deps: Deps): Promise<readonly Outcome[]> => [
      await podChanged(deps, { change, name: named, ...(pod && { pod }) }),
    ];
    const outcomes = await this.service.request(`${change} of ${name}`, handle);
    const statuses = outcomes?.map((outcome) => replyTo(outcome).status) ?? [503];
    if (statuses.includes(503)) return "retry";
    return statuses.includes(409) ? "later" : "taken";
  }
}

export const networkNames: readonly string[] = NETWORKS;

export const networkName = (index: number): string => NETWORKS[index % NETWORKS.length] ?? "a";
