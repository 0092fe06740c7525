import { reasons } from "./reasons.ts";

/** What a reason says and what helps. */
export interface Words {
  readonly says: string;
  readonly cure: string;
}

/** Reasons that are not those of an outcome: klight writes or shows them beside it. */
export const otherReasons = {
  /** Of the condition `klight.dev/joined`. */
  condition: {
    LeftOut: {
      says: "The peer was in its network, did not answer for too long, and the network has gone on without it.",
      cure: "Nothing: it is brought back when it answers. Restart the pod if it stays hung.",
    },
    MovedOut: {
      says: "The pod got another network id, and the network of its old one has gone on without it.",
      cure: "Nothing: its event or the next sweep brings it into its new network.",
    },
  },
  /** Of Kubernetes Events that are about the network and not about one pod. */
  event: {
    NetworkBroken: {
      says: "The members of the network stood apart, so that it would not have stored any more. It is re-formed.",
      cure: "Nothing, if NetworkReformed follows. Else ask klight why at one of its pods.",
    },
    NetworkReformed: {
      says: "The network was re-formed in place; the message tells the cause, who was left out and how long writes were refused.",
      cure: "Nothing. If it is frequent: look at the cause that the message names.",
    },
  },
  /** Of callers whose token is checked, before anything is done. */
  caller: {
    TokenMissing: {
      says: "The request has no bearer token, and callers are checked.",
      cure: "Turn on Knative's authentication-oidc, and say the audience in the Trigger or the sources (component oidc).",
    },
    TokenMalformed: {
      says: "The bearer token is not a JWT, or lacks what every token of an issuer has.",
      cure: "Send a token of the issuer; one of `kubectl create token` will do.",
    },
    TokenExpired: {
      says: "The time of the token is over.",
      cure: "Send a new one. If Knative sent it: compare the clocks of the nodes.",
    },
    TokenNotYetValid: {
      says: "The time of the token has not begun.",
      cure: "Compare the clocks of the nodes: they are more than a minute apart.",
    },
    TokenWrongIssuer: {
      says: "The token is of another issuer.",
      cure: "Set KLIGHT_OIDC_ISSUER to what the cluster's discovery document says; the message has both.",
    },
    TokenWrongAudience: {
      says: "The token is meant for somebody else.",
      cure: "Make KLIGHT_OIDC_AUDIENCE and the audience in the Trigger or the sources the same; the message has both.",
    },
    TokenBadSignature: {
      says: "The token was not signed with a key of the issuer.",
      cure: "Look whose token it is. It is either forged or of another cluster that calls its issuer the same.",
    },
    SubjectNotAllowed: {
      says: "The token is good, and its subject is not one that may call.",
      cure: "Add the subject to KLIGHT_OIDC_SUBJECTS; without that variable it is the function's own namespace that may.",
    },
    KeysUnavailable: {
      says: "The keys of the issuer cannot be read now, or the key of this token is new.",
      cure: "Nothing, if it passes: the event comes again. If it stays so: see whether klight reaches the address in the message.",
    },
  },
  /** Found by looking at the pod and the store, on the page and in the answer to `why`. */
  found: {
    UnderWay: {
      says: "A step is bringing the peer into its network right now.",
      cure: "Nothing: look again in a few seconds.",
    },
    NotSeenYet: {
      says: "The pod could be joined, and no event of it has led to a step yet.",
      cure: "Nothing: its event or the next sweep does it. If it stays so: look at the ApiServerSource, the Trigger and its dead letters.",
    },
    OffTheStack: {
      says: "The pod's condition says that its peer is in, and the store does not know it.",
      cure: "Nothing: the next sweep puts it back. If it is frequent: look why Redis loses data.",
    },
    StillElsewhere: {
      says: "The pod has a new network id, and its peer is still in the network of the old one.",
      cure: "Nothing: its event or the next sweep moves it. Wait, or set the old label again.",
    },
    OnTheStack: {
      says: "The peer is a contact of its network.",
      cure: "Nothing.",
    },
    PodUnseen: {
      says: "The peer is on no stack, and klight runs without an API server that could tell more of its pod.",
      cure: "Look at the name and the namespace, and at the events that klight was sent.",
    },
  },
} as const satisfies Record<string, Record<string, Words>>;

const all = new Map<string, Words>(
  [...Object.values(reasons), ...Object.values(otherReasons)].flatMap((group) => Object.entries(group)),
);

/** The words of a reason, wherever it is said; undefined: klight does not say it. */
export const wordsOf = (reason: string): Words | undefined => all.get(reason);

/** Does it pass without anybody doing anything? The cure of such a reason begins with "Nothing". */
export const mendsItself = ({ cure }: Words): boolean => cure.startsWith("Nothing");
