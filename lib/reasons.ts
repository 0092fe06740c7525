/**
 * Every reason an outcome can have, with what it says and what helps. One table, so that the condition, the Event,
 * the page, the command line and docs/reasons.md say the same thing. Keys are valid reasons of a Kubernetes condition.
 */
interface Words {
  /** What is so, in one sentence, for somebody who does not know klight. */
  readonly says: string;
  /** What to do about it; "Nothing" where it mends itself. */
  readonly cure: string;
}

export const reasons = {
  ignored: {
    NotAPodEvent: {
      says: "The event is not about a pod, or of a type that klight does not take.",
      cure: "Nothing, unless it should be: look at the filter of the Trigger.",
    },
    NoLabel: {
      says: "The pod has no label klight.networkId.",
      cure: "Set the label klight.networkId to the id of the network that its peer should be in.",
    },
    EmptyNetworkId: {
      says: "The label klight.networkId is empty.",
      cure: "Set the label to the id of a network.",
    },
    OutOfScope: {
      says: "The pod's namespace is not one that this klight looks after.",
      cure: "Add the namespace to KLIGHT_NAMESPACES, or empty that variable to take all.",
    },
    NotRunning: {
      says: "The pod's phase is not Running.",
      cure: "Nothing while it starts. If it stays so: kubectl describe pod.",
    },
    NoAddress: {
      says: "The pod has no IP address yet.",
      cure: "Nothing while it starts. If it stays so: look at the pod's network plugin.",
    },
    ContainerNotReady: {
      says: "The container of the lightpeer is not ready.",
      cure: "Nothing while it starts. If it stays so: look at the container's log and its readiness probe.",
    },
    Finished: {
      says: "The pod has ended: its phase is Succeeded or Failed, as after a Job or an eviction. Its peer does not run any more.",
      cure: "Nothing: a pod that has ended is not joined, and does not count as missing.",
    },
    BeingDeleted: {
      says: "The pod is being deleted.",
      cure: "Nothing: a pod that goes is not joined.",
    },
    BadPort: {
      says: "The annotation klight.dev/port is not a port.",
      cure: "Set it to a number from 1 to 65535, or remove it.",
    },
    ContainerUnknown: {
      says: "Nobody can tell which container of the pod runs the lightpeer, so a restart of it would go unseen.",
      cure: "Name it in the pod's annotation klight.dev/container, or declare the peer's port at it.",
    },
    PodGone: {
      says: "The pod is gone, or another pod has its name.",
      cure: "Nothing: the pod that took its place has events of its own.",
    },
  },
  member: {
    AlreadyMember: {
      says: "This life of the peer is in its network already.",
      cure: "Nothing. It is never joined twice: a second join would break the network.",
    },
  },
  founded: {
    Founded: {
      says: "The peer is the first of its network and stands alone until another one joins.",
      cure: "Nothing.",
    },
  },
  joined: {
    Joined: { says: "The peer was joined through a member of its network.", cure: "Nothing." },
  },
  reformed: {
    Reformed: {
      says: "The network was re-formed in place: all living members have one history and one list.",
      cure: "Nothing.",
    },
  },
  left: {
    Left: { says: "The pod is gone and off the stack of its network.", cure: "Nothing." },
    LabelRemoved: {
      says: "The pod lost its label: its network has gone on without it, or, with KLIGHT_REFORM=off, still lists its peer.",
      cure: "Nothing if that was meant. Set the label again to have it back; with re-forming off, delete the pod.",
    },
  },
  refused: {
    RelabelRefused: {
      says: "The pod was given another network id while its peer was in a network, and re-forming is off.",
      cure: "Set the old label again, restart the pod, or set KLIGHT_REFORM=on.",
    },
    NoNetwork: {
      says: "There is no network of that name with a member that lives.",
      cure: "Look at the list of networks for the right name.",
    },
    ReformOff: {
      says: "The network was asked to be re-formed, and re-forming is off.",
      cure: "Set KLIGHT_REFORM=on.",
    },
  },
  held: {
    NetworkBusy: {
      says: "Another step is changing this network, and only one may.",
      cure: "Nothing: the event comes again. If it stays so, a step has died: its lease ends by itself.",
    },
    LeaseLost: {
      says: "The step was away for longer than its lease, and another one went on with the network.",
      cure: "Nothing: the event comes again. If it is frequent: give the function more CPU.",
    },
    StoreUnavailable: {
      says: "Redis did not answer, or answered something that klight does not know.",
      cure: "Look at the log line for the cause: address, token and state of Redis.",
    },
    ClusterUnavailable: {
      says: "The API server did not answer.",
      cure: "Nothing if it passes. Else look at the log line for the status code.",
    },
    ClusterForbidden: {
      says: "The API server does not allow klight a call that it needs.",
      cure: "Apply the RBAC manifests; the message names the verb and the resource.",
    },
    MemberHung: {
      says: "A member of the network does not answer, though its pod looks well; a join now would break the network.",
      cure: "Nothing for 30 s: then the network is re-formed without it. Restart the pod if it stays hung.",
    },
    JoinerNotServing: {
      says: "The peer of this pod does not answer its health check.",
      cure: "Nothing while it starts. If it stays so: look at the lightpeer's log, its port and NetworkPolicies.",
    },
    ContactsUnreachable: {
      says: "The peer of this pod cannot reach any member of its network, though klight can.",
      cure: "Look at NetworkPolicies between this pod and the member that the message names.",
    },
    NotQuiet: {
      says: "Members of the network went away one after the other while the step waited for it to be quiet.",
      cure: "Nothing: the event comes again. If it stays so: look why the pods of this network go away.",
    },
    LookTooOld: {
      says: "So much time passed between the look at the network and the change that it may be different by now.",
      cure: "Nothing: the event comes again. If it is frequent: look why Redis is slow, or give the function more CPU.",
    },
    LabelChanged: {
      says: "The pod got another network id, or lost it, while it was brought into its network.",
      cure: "Nothing: the event comes again, and the peer goes where the label says.",
    },
    PeerNotAnswering: {
      says: "A peer did not answer a question that must be answered before a join.",
      cure: "Nothing: the event comes again. If it stays so: look at the lightpeer's log.",
    },
    NeedsReform: {
      says: "The network or the peer can only be put right by re-forming, and re-forming is off.",
      cure: "Set KLIGHT_REFORM=on, or restart the pods that the message names.",
    },
    ReformFailed: {
      says: "The network was re-formed three times and is still not whole.",
      cure: "Look at the members that the message names; the sweep tries again.",
    },
    SeedUnreachable: {
      says: "The peers cannot reach klight at its seed address, so the network cannot be re-formed.",
      cure: "Open the port that the message names from the peers' namespace to the function (NetworkPolicy).",
    },
    HistoryTooLarge: {
      says: "The history of the network is larger than klight may hold in memory, so it cannot be re-formed.",
      cure: "Raise KLIGHT_HISTORY_LIMIT and the function's memory limit with it.",
    },
    ShuttingDown: {
      says: "This instance is shutting down.",
      cure: "Nothing: the event comes again and another instance takes it.",
    },
    NotFinished: {
      says: "The sweep ran out of time before this.",
      cure: "Nothing: the next sweep goes on.",
    },
    InternalError: {
      says: "klight met an error that it does not know.",
      cure: "Look at the log line, and tell the maintainers.",
    },
  },
} as const satisfies Record<string, Record<string, Words>>;

type Reasons = typeof reasons;

/** The reasons that an outcome of this name can have. */
export type Reason<Name extends string = keyof Reasons> = Name extends keyof Reasons
  ? Extract<keyof Reasons[Name], string>
  : never;
