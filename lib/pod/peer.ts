/** One life of a lightpeer process in a pod. */
export interface Peer {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  /** Network key: `NAMESPACE/ID`, or `ID` with `KLIGHT_SCOPE=cluster`. */
  readonly network: string;
  /** `host:port`, IPv6 in brackets: what the peer calls itself, and where it is reached. */
  readonly address: string;
  /** The containerID of the lightpeer's container; the pod's uid where there is none. */
  readonly incarnation: string;
}
