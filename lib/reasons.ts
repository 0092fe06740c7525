/** What is known of a reason. */
export interface ReasonFacts {
  /** What is so, in one sentence, for somebody who does not know klight. */
  readonly says: string;
  /** What to do about it. */
  readonly cure: string;
  /** It passes without anybody doing anything, as far as klight can tell. */
  readonly mendsItself: boolean;
  /** It passes within seconds, so it is in the log alone: a condition that flickers helps nobody. */
  readonly transient: boolean;
  /** How long it may last before somebody has to look, ms; 0: at once; Infinity: it is no trouble, however long. */
  readonly mayLastMs: number;
  /** What klight needs to know of pods or networks could not be read. It says nothing about the pod. */
  readonly blind?: true;
  /** Of a condition that is False: this life of the peer has been in the network that the condition names. */
  readonly wasIn?: true;
}

const MINUTE = 60_000;

const noTrouble = { mendsItself: true, transient: false, mayLastMs: Infinity } as const;
/** Somebody wanted it so; it ends when somebody wants it otherwise. */
const chosen = { mendsItself: false, transient: false, mayLastMs: Infinity } as const;
const stays = { mendsItself: false, transient: false, mayLastMs: 0 } as const;
const passing = { mendsItself: true, transient: true, mayLastMs: 10 * MINUTE } as const;
const mends = (mayLastMs: number) => ({ mendsItself: true, transient: false, mayLastMs }) as const;

/**
 * Every reason that klight gives, with all that is known of it: those of outcomes under the outcome's name, then those
 * that are said beside outcomes. One table, so that the condition, the Event, the page, the command line, metrics and
 * docs/reasons.md say the same. Names are valid reasons of a Kubernetes condition, and none is there twice.
 */
export const reasons = {
  ignored: {
    NotAPodEvent: {
      says: "The event is not about a pod, or of a type that klight does not take.",
      cure: "Nothing, unless it should be: look at the filter of the Trigger.",
      ...noTrouble,
    },
    OwnCondition: {
      says: "The event is that of klight's own condition on a pod that is held; nothing else of the pod has changed.",
      cure: "Nothing: the event that the pod was held with comes again, or the sweep looks after it.",
      ...noTrouble,
    },
    NoLabel: {
      says: "The pod has no label klight.networkId.",
      cure: "Set the label klight.networkId to the id of the network that its peer should be in.",
      ...chosen,
    },
    EmptyNetworkId: {
      says: "The label klight.networkId is empty.",
      cure: "Set the label to the id of a network.",
      ...stays,
    },
    OutOfScope: {
      says: "The pod's namespace is not one that this klight looks after.",
      cure: "Add the namespace to KLIGHT_NAMESPACES, or empty that variable to take all.",
      ...chosen,
    },
    NotRunning: {
      says: "The pod's phase is not Running.",
      cure: "Nothing while it starts. If it stays so: kubectl describe pod.",
      ...mends(10 * MINUTE),
    },
    NoAddress: {
      says: "The pod has no IP address yet.",
      cure: "Nothing while it starts. If it stays so: look at the pod's network plugin.",
      ...mends(10 * MINUTE),
    },
    ContainerNotReady: {
      says: "The container of the lightpeer is not ready.",
      cure: "Nothing while it starts. If it stays so: look at the container's log and its readiness probe.",
      ...mends(10 * MINUTE),
    },
    Finished: {
      says: "The pod has ended: its phase is Succeeded or Failed, as after a Job or an eviction. Its peer does not run any more.",
      cure: "Nothing: a pod that has ended is not joined, and does not count as missing.",
      ...noTrouble,
    },
    BeingDeleted: {
      says: "The pod is being deleted.",
      cure: "Nothing: a pod that goes is not joined.",
      ...noTrouble,
    },
    BadPort: {
      says: "The annotation klight.dev/port is not a port.",
      cure: "Set it to a number from 1 to 65535, or remove it.",
      ...stays,
    },
    ContainerUnknown: {
      says: "Nobody can tell which container of the pod runs the lightpeer, so a restart of it would go unseen.",
      cure: "Name it in the pod's annotation klight.dev/container, or declare the peer's port at it.",
      ...stays,
    },
    PodGone: {
      says: "The pod is gone, or another pod has its name.",
      cure: "Nothing: the pod that took its place has events of its own.",
      ...mends(10 * MINUTE),
    },
  },
  member: {
    AlreadyMember: {
      says: "This life of the peer is in its network already.",
      cure: "Nothing. It is never joined twice: a second join would break the network.",
      ...noTrouble,
    },
  },
  founded: {
    Founded: {
      says: "The peer is the first of its network and stands alone until another one joins.",
      cure: "Nothing.",
      ...noTrouble,
    },
  },
  joined: {
    Joined: { says: "The peer was joined through a member of its network.", cure: "Nothing.", ...noTrouble },
  },
  reformed: {
    Reformed: {
      says: "The network was re-formed in place: all living members have one history and one list.",
      cure: "Nothing.",
      ...noTrouble,
    },
  },
  left: {
    Left: { says: "The pod is gone and off the stack of its network.", cure: "Nothing.", ...noTrouble },
    LabelRemoved: {
      says: "The pod lost its label: its network has gone on without it, or, with KLIGHT_REFORM=off, still lists its peer.",
      cure: "Nothing if that was meant. Set the label again to have it back; with re-forming off, delete the pod.",
      ...noTrouble,
      wasIn: true,
    },
  },
  refused: {
    RelabelRefused: {
      says: "The pod was given another network id while its peer was in a network, and re-forming is off.",
      cure: "Set the old label again, restart the pod, or set KLIGHT_REFORM=on.",
      ...stays,
    },
    ReformedJustNow: {
      says: "The network was re-formed and found whole three times within a minute. Each re-form refuses what applications store for a moment.",
      cure: "Ask again at the time that the message names. If the network does not store: ask klight why at one of its pods.",
      ...mends(2 * MINUTE),
    },
    NoNetwork: {
      says: "There is no network of that name with a member that lives.",
      cure: "Look at the list of networks for the right name.",
      ...stays,
    },
    ReformOff: {
      says: "The network was asked to be re-formed, and re-forming is off.",
      cure: "Set KLIGHT_REFORM=on.",
      ...stays,
    },
  },
  held: {
    NetworkBusy: {
      says: "Another step is changing this network, and only one may.",
      cure: "Nothing: the event comes again. If it stays so, a step has died: its lease ends by itself.",
      ...passing,
    },
    LeaseLost: {
      says: "The step was away for longer than its lease, and another one went on with the network.",
      cure: "Nothing: the event comes again. If it is frequent: give the function more CPU.",
      ...passing,
    },
    StoreUnavailable: {
      says: "Redis did not answer, or answered something that klight does not know.",
      cure: "Look at the log line for the cause: address, token and state of Redis.",
      ...stays,
      mayLastMs: MINUTE,
      blind: true,
    },
    ClusterUnavailable: {
      says: "The API server did not answer.",
      cure: "Nothing if it passes. Else look at the log line for the status code.",
      ...mends(5 * MINUTE),
      blind: true,
    },
    ClusterForbidden: {
      says: "The API server does not allow klight a call that it needs.",
      cure: "Apply the RBAC manifests; the message names the verb and the resource.",
      ...stays,
      blind: true,
    },
    MemberHung: {
      says: "A member of the network does not answer, though its pod looks well; a join now would break the network.",
      cure: "Nothing for 30 s: then the network is re-formed without it. Restart the pod if it stays hung.",
      // It is left out by the next step or sweep after 30 s.
      ...mends(6 * MINUTE),
    },
    MemberUnreachable: {
      says: "klight gets no answer from a member that runs, as the API server says; the others may reach it. Without it the network would be split, or lost.",
      cure: "Look at NetworkPolicies and firewalls between klight and the member that the message names. Restart its pod if its peer has ended. Nothing if it passes.",
      ...mends(2 * MINUTE),
    },
    PeerNameDiffers: {
      says: "The peer calls itself otherwise than its pod is called. The others would know it by that name, so it would stand alone in its network.",
      cure: "Make the peer name itself by its pod's IP and port: look at its flags, and at pods with several networks or IPv6. Then restart its container.",
      ...stays,
    },
    AddressShared: {
      says: "Two pods that run have the same address and port, so nobody can tell whose peer answers there. Neither is touched: one that is in stays in, and is told, too.",
      cure: "Give one of them another port (annotation klight.dev/port), or take it off the host's network. If neither is on it: look at the network plugin.",
      ...stays,
    },
    JoinerNotServing: {
      says: "The peer of this pod does not answer its health check.",
      cure: "Nothing while it starts. If it stays so: look at the lightpeer's log, its port and NetworkPolicies.",
      ...mends(10 * MINUTE),
    },
    ContactsUnreachable: {
      says: "The peer of this pod cannot reach any member of its network, though klight can.",
      cure: "Look at NetworkPolicies between this pod and the member that the message names.",
      ...stays,
      mayLastMs: MINUTE,
    },
    NotQuiet: {
      says: "Members of the network went away one after the other while the step waited for it to be quiet.",
      cure: "Nothing: the event comes again. If it stays so: look why the pods of this network go away.",
      ...passing,
    },
    LookTooOld: {
      says: "The network may be another one than klight saw: too much time passed since the look, or somebody is not where it was.",
      cure: "Nothing: the event comes again. If it is frequent: look why Redis is slow, or give the function more CPU.",
      ...passing,
    },
    LabelChanged: {
      says: "The pod got another network id, or lost it, while it was brought into its network.",
      cure: "Nothing: the event comes again, and the peer goes where the label says.",
      ...passing,
    },
    PeerNotAnswering: {
      says: "A peer did not answer a question that must be answered before a join.",
      cure: "Nothing: the event comes again. If it stays so: look at the lightpeer's log.",
      ...mends(10 * MINUTE),
    },
    NeedsReform: {
      says: "The network or the peer can only be put right by re-forming, and re-forming is off.",
      cure: "Set KLIGHT_REFORM=on, or restart the pods that the message names.",
      ...stays,
    },
    ReformFailed: {
      says: "The network was re-formed three times and is still not whole.",
      cure: "Look at the members that the message names; the sweep tries again.",
      ...stays,
    },
    SeedUnreachable: {
      says: "The peers cannot reach klight at its seed address, so the network cannot be re-formed.",
      cure: "Open the port that the message names from the peers' namespace to the function (NetworkPolicy).",
      ...stays,
      mayLastMs: MINUTE,
    },
    HistoryTooLarge: {
      says: "The history of the network is larger than klight may hold in memory, so it cannot be re-formed.",
      cure: "Raise KLIGHT_HISTORY_LIMIT and the function's memory limit with it.",
      ...stays,
    },
    EntryTooLong: {
      says: "A peer holds an entry that no other peer can take: as a block it is longer than a message may be, 4 MiB.",
      cure: "Copy what the peer holds if it is needed, and restart its pod: it comes in again without the entry. Let applications store shorter ones.",
      ...stays,
    },
    HistoriesBusy: {
      says: "Other networks are being re-formed with all the memory that this instance has for histories.",
      cure: "Nothing: the event comes again. If it is frequent: raise KLIGHT_HISTORY_LIMIT and the function's memory limit with it.",
      ...passing,
    },
    ShuttingDown: {
      says: "This instance is shutting down.",
      cure: "Nothing: the event comes again and another instance takes it.",
      ...passing,
    },
    NotFinished: {
      says: "The sweep ran out of time before this.",
      cure: "Nothing: the next sweep goes on.",
      ...passing,
    },
    InternalError: {
      says: "klight met an error that it does not know.",
      cure: "Look at the log line, and tell the maintainers.",
      ...stays,
    },
  },

  /** Beside outcomes: of the condition `klight.dev/joined`. */
  condition: {
    LeftOut: {
      says: "The peer was in its network, did not answer for too long, and the network has gone on without it.",
      cure: "Nothing: it is brought back when it answers. Restart the pod if it stays hung.",
      ...mends(10 * MINUTE),
      wasIn: true,
    },
    MovedOut: {
      says: "The pod got another network id, and the network of its old one has gone on without it.",
      cure: "Nothing: its event or the next sweep brings it into its new network.",
      ...mends(10 * MINUTE),
      wasIn: true,
    },
  },
  /** Of Kubernetes Events that are about the network and not about one pod, and of those about klight itself. */
  event: {
    SweepDone: {
      says: "A sweep has read all that there is, and has come to every network.",
      cure: "Nothing.",
      ...noTrouble,
    },
    SweepCutShort: {
      says: "A sweep's time was over before it came to every network; the next one begins with those that were left.",
      cure: "Nothing, if a whole one follows soon. Else raise KLIGHT_SWEEP_MS, and look at the networks that the message names.",
      ...mends(20 * MINUTE),
    },
    SweepBlind: {
      says: "A sweep could not read the store or the API server; the message tells why.",
      cure: "Do what helps against the reason in the message.",
      ...stays,
    },
    NetworkBroken: {
      says: "The members of the network stood apart, so that it would not have stored any more. It is re-formed.",
      cure: "Nothing, if NetworkReformed follows. Else ask klight why at one of its pods.",
      ...mends(10 * MINUTE),
    },
    ReformDone: {
      says: "The re-form that the pod's annotation klight.dev/reform asked for is done.",
      cure: "Nothing.",
      ...noTrouble,
    },
    ReformRefused: {
      says: "The re-form that the pod's annotation klight.dev/reform asked for was not done; the message tells why.",
      cure: "Do what helps against the reason in the message, then set the annotation to a new value.",
      ...stays,
    },
    SeedNotReached: {
      says: "The peer was joined, and does not reach klight's seed: should its network have to be re-formed, it cannot be.",
      cure: "Open the port that the message names from the peers' namespace to the function (NetworkPolicy).",
      ...stays,
    },
    NetworkReformed: {
      says: "The network was re-formed in place; the message tells the cause, who was left out and how long writes were refused.",
      cure: "Nothing. If it is frequent: look at the cause that the message names.",
      ...noTrouble,
    },
  },
  /** Of callers whose token is checked, before anything is done. */
  caller: {
    TokenMissing: {
      says: "The request has no bearer token, and callers are checked.",
      cure: "Turn on Knative's authentication-oidc, and say the audience in the Trigger or the sources (component oidc).",
      ...stays,
    },
    TokenMalformed: {
      says: "The bearer token is not a JWT, or lacks what every token of an issuer has.",
      cure: "Send a token of the issuer; one of `kubectl create token` will do.",
      ...stays,
    },
    TokenExpired: {
      says: "The time of the token is over.",
      cure: "Send a new one. If Knative sent it: compare the clocks of the nodes.",
      ...stays,
    },
    TokenNotYetValid: {
      says: "The time of the token has not begun.",
      cure: "Compare the clocks of the nodes: they are more than a minute apart.",
      ...stays,
    },
    TokenWrongIssuer: {
      says: "The token is of another issuer.",
      cure: "Set KLIGHT_OIDC_ISSUER to what the cluster's discovery document says; the message has both.",
      ...stays,
    },
    TokenWrongAudience: {
      says: "The token is meant for somebody else.",
      cure: "Make KLIGHT_OIDC_AUDIENCE and the audience in the Trigger or the sources the same; the message has both.",
      ...stays,
    },
    TokenBadSignature: {
      says: "The token was not signed with a key of the issuer.",
      cure: "Look whose token it is. It is either forged or of another cluster that calls its issuer the same.",
      ...stays,
    },
    SubjectNotAllowed: {
      says: "The token is good, and its subject is not one that may call.",
      cure: "Add the subject to KLIGHT_OIDC_SUBJECTS; without that variable it is the function's own namespace that may.",
      ...stays,
    },
    KeysUnavailable: {
      says: "The keys of the issuer cannot be read now, or the key of this token is new.",
      cure: "Nothing, if it passes: the event comes again. If it stays so: see whether klight reaches the address in the message.",
      ...mends(5 * MINUTE),
    },
  },
  /** Found by looking at the pod and the store, on the page and in the answer to `why`. */
  found: {
    UnderWay: {
      says: "A step is bringing the peer into its network right now.",
      cure: "Nothing: look again in a few seconds.",
      ...mends(10 * MINUTE),
    },
    NotSeenYet: {
      says: "The pod could be joined, and no event of it has led to a step yet.",
      cure: "Nothing: its event or the next sweep does it. If it stays so: look at the ApiServerSource, the Trigger and its dead letters.",
      ...mends(10 * MINUTE),
    },
    OffTheStack: {
      says: "The pod's condition says that its peer is in, and the store does not know it.",
      cure: "Nothing: the next sweep puts it back. If it is frequent: look why Redis loses data.",
      ...mends(10 * MINUTE),
    },
    StillElsewhere: {
      says: "The pod has a new network id, and its peer is still in the network of the old one.",
      cure: "Nothing: its event or the next sweep moves it. Wait, or set the old label again.",
      ...mends(10 * MINUTE),
    },
    HalfDone: {
      says: "A step ended before it was done, so the network may be broken until the next one has put it right.",
      cure: "Nothing: the next step or sweep settles it by re-forming. If it stays so: see whether sweeps still come.",
      ...mends(10 * MINUTE),
    },
    OnTheStack: {
      says: "The peer is a contact of its network.",
      cure: "Nothing.",
      ...noTrouble,
    },
  },
} as const satisfies Record<string, Record<string, ReasonFacts>>;

type Reasons = typeof reasons;

/** The reasons of a group: those that an outcome of this name can have, or of what else is named. */
export type Reason<Group extends string = keyof Reasons> = Group extends keyof Reasons
  ? Extract<keyof Reasons[Group], string>
  : never;

const all: ReadonlyMap<string, ReasonFacts> = new Map(
  Object.values(reasons).flatMap(Object.entries<ReasonFacts>),
);

/** What is known of a reason, wherever it was said; undefined: klight does not say it. */
export function factsOf(reason: Reason): ReasonFacts;
export function factsOf(reason: string): ReasonFacts | undefined;
export function factsOf(reason: string): ReasonFacts | undefined {
  return all.get(reason);
}
