/** Upper bounds of a histogram's buckets, s: calls. The conventions give these for calls to a database. */
const CALL_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const;
/** Steps, joins and re-forms: from one without a call to the longest join and the whole sweep. */
const STEP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120] as const;

interface Metric {
  readonly name: string;
  /** A gauge tells how it stands at a time: who reads it takes the last one, and does not add them up. */
  readonly kind: "counter" | "histogram" | "gauge";
  /** UCUM, as OpenTelemetry writes it. */
  readonly unit: string;
  /** What one value is, for people. */
  readonly about: string;
  readonly attributes: readonly string[];
  readonly buckets?: readonly number[];
}

/**
 * Every metric that klight counts. Names are OpenTelemetry's where its conventions have one. No attribute names a pod or
 * a network: each would be a series of its own; spans have them.
 */
export const metrics = {
  outcomes: {
    name: "klight.outcomes",
    kind: "counter",
    unit: "{outcome}",
    about: "how steps ended; a sweep has as many outcomes as steps",
    attributes: ["klight.step.kind", "klight.outcome", "klight.reason"],
  },
  stepDuration: {
    name: "klight.step.duration",
    kind: "histogram",
    unit: "s",
    about: "from an event or request to its outcome",
    attributes: ["klight.step.kind", "klight.outcome"],
    buckets: STEP_BUCKETS,
  },
  joinDuration: {
    name: "klight.join.duration",
    kind: "histogram",
    unit: "s",
    about: "one plain JoinNetwork of a peer through a member",
    attributes: ["klight.join.end"],
    buckets: STEP_BUCKETS,
  },
  reformDuration: {
    name: "klight.reform.duration",
    kind: "histogram",
    unit: "s",
    about: "one re-form of a network: why, and whether it was whole afterwards",
    attributes: ["klight.reform.end", "klight.reform.cause"],
    buckets: STEP_BUCKETS,
  },
  refusedDuration: {
    name: "klight.reform.refused.duration",
    kind: "histogram",
    unit: "s",
    about: "how long a re-form kept a network from storing: from its first peer frozen to its last one moved",
    attributes: [],
    buckets: STEP_BUCKETS,
  },
  storeCalls: {
    name: "db.client.operation.duration",
    kind: "histogram",
    unit: "s",
    about: "calls to the store, with all that was sent again",
    attributes: ["db.system.name", "db.operation.name", "db.stored_procedure.name", "error.type"],
    buckets: CALL_BUCKETS,
  },
  clusterCalls: {
    name: "klight.cluster.call.duration",
    kind: "histogram",
    unit: "s",
    about: "calls to the API server; a list with all its pages is one",
    attributes: ["klight.cluster.call", "error.type"],
    buckets: CALL_BUCKETS,
  },
  peerCalls: {
    name: "rpc.client.call.duration",
    kind: "histogram",
    unit: "s",
    about: "calls to lightpeers",
    attributes: ["rpc.system.name", "rpc.method", "error.type"],
    buckets: CALL_BUCKETS,
  },
  coldStarts: {
    name: "faas.coldstarts",
    kind: "counter",
    unit: "{coldstart}",
    about: "instances that were started and asked for something",
    attributes: [],
  },
  networks: {
    name: "klight.networks",
    kind: "gauge",
    unit: "{network}",
    about: "networks by how they stand: `well`, `wait`, `help` for those that somebody should look at",
    attributes: ["klight.level"],
  },
  heldNetworks: {
    name: "klight.networks.held",
    kind: "gauge",
    unit: "{network}",
    about: "networks that need help themselves: held, left half-done, or with a member that does not answer",
    attributes: ["klight.reason"],
  },
  peersIn: {
    name: "klight.peers.in",
    kind: "gauge",
    unit: "{peer}",
    about: "peers that are in their network",
    attributes: [],
  },
  podsNotIn: {
    name: "klight.pods.not_in",
    kind: "gauge",
    unit: "{pod}",
    about: "pods whose peer should be in its network and is not",
    attributes: ["klight.reason"],
  },
  podsInNeed: {
    name: "klight.pods.need_help",
    kind: "gauge",
    unit: "{pod}",
    about: "those of them that have been out for longer than their reason may last",
    attributes: ["klight.reason"],
  },
  oldestNotIn: {
    name: "klight.pods.not_in.oldest",
    kind: "gauge",
    unit: "s",
    about: "for how long the pod that has been out longest is; 0: all are in",
    attributes: [],
  },
  lastSweep: {
    name: "klight.sweep.last",
    kind: "gauge",
    unit: "s",
    about:
      "when the last whole sweep ended, in seconds since 1970; whole: all could be read and no network was left out",
    attributes: [],
  },
  blind: {
    name: "klight.blind",
    kind: "gauge",
    unit: "{sweep}",
    about: "1: a sweep could not read what it needs, and all other gauges are as they were before",
    attributes: ["klight.reason"],
  },
} as const satisfies Record<string, Metric>;

export type MetricKey = keyof typeof metrics;

/** The attributes of one value of a metric; those that do not apply are absent. */
export type AttributesOf<Key extends MetricKey> = {
  readonly [Name in (typeof metrics)[Key]["attributes"][number]]?: string;
};
