import type { Cluster, ClusterFailure, ConditionWritten, Written } from "../../lib/cluster/cluster.ts";
import type { Pod } from "../../lib/pod/pod.ts";
import { JOINED_CONDITION, type JoinedCondition } from "../../lib/pod/condition.ts";
import { type ApiObjects, keyOf } from "./api-objects.ts";
import type { Random } from "./random.ts";
import type { VirtualClock } from "../harness/virtual-clock.ts";

/** The client gives up on a server that is away after so long, ms. */
const TIMEOUT_MS = 1_000;

const away: ClusterFailure = { tag: "failed", kind: "unavailable", message: "the API server is away" };

/** The API server as klight's client sees it. GET reads what is so; LIST may come from a cache that is behind. */
export class ApiServer {
  /** Until then every call fails, and lists are this old until then; ms since 1970. */
  awayUntil = 0;
  staleUntil = 0;
  staleMs = 0;
  /** So many replies to writes are lost after they were done. */
  repliesLost = 0;
  readonly #time: VirtualClock;
  readonly #random: Random;
  readonly #objects: ApiObjects;

  constructor(time: VirtualClock, random: Random, objects: ApiObjects) {
    this.#time = time;
    this.#random = random;
    this.#objects = objects;
  }

  heal(): void {
    this.awayUntil = 0;
    this.staleUntil = 0;
    this.repliesLost = 0;
  }

  client(): Cluster {
    return {
      listPods: (where) => this.#ask<Awaited<ReturnType<Cluster["listPods"]>>>(() => this.#list(where)),
      getPod: (name) =>
        this.#ask<Awaited<ReturnType<Cluster["getPod"]>>>(() => {
          const object = this.#objects.get(keyOf(name));
          return { tag: "pod", pod: object && this.#objects.parsed(object) };
        }),
      setCondition: (pod, condition) => this.#write(() => this.#setCondition(pod, condition)),
      recordEvent: () => this.#write<Written>(() => ({ tag: "written" })),
    };
  }

  async #ask<Answer>(answer: () => Answer): Promise<Answer | ClusterFailure> {
    await this.#time.sleep(this.#latency());
    if (this.#time.now() < this.awayUntil) {
      await this.#time.sleep(TIMEOUT_MS);
      return away;
    }
    const answered = answer();
    await this.#time.sleep(this.#latency());
    return answered;
  }

  #write<Answer>(change: () => Answer): Promise<Answer | ClusterFailure> {
    return this.#ask<Answer | ClusterFailure>(() => {
      const answer = change();
      if (this.repliesLost <= 0) return answer;
      this.repliesLost -= 1;
      return away;
    });
  }

  #list(where: Parameters<Cluster["listPods"]>[0]): {
    readonly tag: "pods";
    readonly pods: readonly Pod[];
  } {
    const now = this.#time.now();
    // Who else has an address is asked without a resourceVersion: the API server answers with what is so.
    const isBehind = where.ip === undefined && now < this.staleUntil;
    const at = isBehind ? now - this.staleMs : now;
    const those = this.#objects.list(at).filter(({ metadata, status }) => {
      if (where.ip !== undefined) return status.podIP === where.ip;
      const { networkId, mentioning } = where;
      const label = metadata.labels["klight.networkId"];
      const isMeant = networkId === undefined || label === networkId;
      const said = JSON.stringify([label, status.conditions]);
      return label !== undefined && isMeant && said.includes(mentioning ?? "");
    });
    return { tag: "pods", pods: those.map((object) => this.#objects.parsed(object)) };
  }

  #setCondition(
    { namespace, name, uid }: { namespace: string; name: string; uid: string },
    { status, reason, message }: JoinedCondition,
  ): ConditionWritten {
    const object = this.#objects.get(keyOf({ namespace, name }));
    if (object?.metadata.uid !== uid) return { tag: "written" };
    const others = object.status.conditions.filter(({ type }) => type !== JOINED_CONDITION);
    const lastTransitionTime = new Date(this.#time.now()).toISOString();
    const condition = { type: JOINED_CONDITION, status, reason, message, lastTransitionTime };
    const patched = { ...object, status: { ...object.status, conditions: [...others, condition] } };
    this.#objects.write(patched);
    return { tag: "written", pod: this.#objects.parsed(patched) };
  }

  #latency(): number {
    return this.#random.chance(0.03) ? this.#random.between(20, 200) : this.#random.between(0.5, 3);
  }
}
