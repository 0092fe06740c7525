/** Upper bounds of a histogram's buckets, s: calls. The conventions give these for calls to a database. */
const CALL_BUCKETS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10] as const;
/** Steps, joins and re-forms: from one without a call to the longest join and the whole sweep. */
const STEP_BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120] as const;

interface Metric {
  readonly name: string;
  readonly kind: "counter" | "histogram";
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
    about: "one re-form of a network: whole afterwards, and why; or not whole",
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
} as const satisfies Record<string, Metric>;

export type MetricKey = keyof typeof metrics;

/** The attributes of one value of a metric; those that do not apply are absent. */
export type AttributesOf<Key extends MetricKey> = {
  readonly [Name in (typeof metrics)[Key]["attributes"][number]]?: string;
};
