/** What the pod's own condition `klight.dev/joined` says, parsed; parts that it does not name are absent. */
export interface Joined {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
  readonly network?: string;
  readonly incarnation?: string;
  /** Where it was when that was written. */
  readonly address?: string;
  /** The network that this life of the peer was in last, where that is another one. */
  readonly was?: string;
  /** A network that ended when this life of the peer left it: what was stored there is with this peer alone. */
  readonly carries?: string;
  readonly via?: string;
  readonly generation?: number;
  /** The last request for a re-form by this pod's annotation that is answered. */
  readonly reform?: string;
}

/** The condition `klight.dev/joined` of a pod, as klight writes it. */
export interface JoinedCondition {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

/** The name by which the API server keeps what klight has written. */
export const FIELD_MANAGER = "klight";

/** The type of the pod condition that klight writes; usable as a readiness gate. */
export const JOINED_CONDITION = "klight.dev/joined";

/**
 * The annotation by which whoever may patch pods asks for a re-form of the pod's network, as `kubectl rollout restart`
 * asks for a restart: each new value is a request, and is done once.
 */
export const REFORM_ANNOTATION = "klight.dev/reform";

/**
 * A condition has no fields of its own for what klight must find again, so they stand at the end of the message:
 * `SENTENCE (network default/net-a; incarnation containerd://1f; address 10.0.0.7:9081; via rec-b; generation 2)`.
 */
export const formatJoined = (joined: {
  readonly status: "True" | "False";
  readonly reason: string;
  /** One sentence for people. */
  readonly message: string;
  readonly network?: string;
  readonly incarnation: string;
  readonly address?: string;
  readonly was?: string;
  readonly carries?: string | undefined;
  readonly via?: string;
  readonly generation?: number;
  /** The last request of {@link REFORM_ANNOTATION} that is answered. */
  readonly reform?: string;
}): JoinedCondition => {
  const { status, reason, message, network, incarnation, address, was, carries, via, generation, reform } =
    joined;
  const parts = Object.entries({ network, incarnation, address, was, carries, via, generation, reform })
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${escapedValue(String(value))}`);
  return { status, reason, message: `${message} (${parts.join("; ")})` };
};

/**
 * Reads what {@link formatJoined} wrote; `message` is the sentence alone. Whatever else somebody wrote there is read
 * as far as it goes: parts that are not there or not known are absent. Undefined: neither True nor False.
 */
export function parseJoined(condition: {
  readonly status: string;
  readonly reason?: string | null | undefined;
  readonly message?: string | null | undefined;
}): Joined | undefined {
  const { status } = condition;
  if (status !== "True" && status !== "False") return undefined;
  const reason = condition.reason ?? "";
  const message = condition.message ?? "";
  const [, sentence, tail] = /^(.*) \(([^()]*)\)$/su.exec(message) ?? [];
  const parts = messageParts(tail ?? "");
  if (sentence === undefined || Object.keys(parts).length === 0) return { status, reason, message };
  return { status, reason, message: sentence, ...parts };
}

type MessageParts = Pick<
  Joined,
  "network" | "incarnation" | "address" | "was" | "carries" | "via" | "generation" | "reform"
>;

function messageParts(tail: string): MessageParts {
  const said = tail.split("; ").flatMap((part) => {
    const [, key, value] =
      /^(network|incarnation|address|was|carries|via|generation|reform) (.*)$/su.exec(part) ?? [];
    return key === undefined || value === undefined ? [] : [[key, unescaped(value)] as const];
  });
  const { generation, ...texts }: Record<string, string> = Object.fromEntries(said);
  return { ...texts, ...(/^\d+$/u.test(generation ?? "") && { generation: Number(generation) }) };
}

/** A runtime may put anything into a containerID; what the message's own punctuation is must not stand in a value. */
const escapedValue = (value: string): string =>
  value.replace(/[%;()\s]/gu, (character) =>
    encodeURIComponent(character).replace("(", "%28").replace(")", "%29"),
  );

function unescaped(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
