import type { PeerCalls, PeerHost } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";

/** The entries of a peer, as they come and go with its chain. */
export class WatchedChain {
  host: PeerHost | undefined;
  /** Calls of klight's under way there that change it. */
  changing = 0;
  /** Guests that it is taking in while it stands alone. */
  firstGuests = 0;
  #calls: PeerCalls | undefined;
  /** Id of the newest block when the chain was looked at last, and all entries in it. */
  #head = "";
  #entries = new Set<string>();

  get head(): string {
    return this.#head;
  }

  get entries(): ReadonlySet<string> {
    return this.#entries;
  }

  /** A new process, which knows nothing; calls at the one before it never end. */
  begin(calls: PeerCalls): void {
    this.changing = 0;
    this.firstGuests = 0;
    this.#calls = calls;
    this.#head = "";
    this.#entries = new Set();
  }

  /** Takes in what has come; tells what was there and is not any more. */
  look(): ReadonlySet<string> {
    const { host } = this;
    if (host === undefined || this.#calls === undefined) return new Set();
    const { head } = host.state;
    if (head.id === this.#head) return new Set();
    const isGrown = head.prevId === this.#head;
    this.#head = head.id;
    if (isGrown) {
      if (head.kind === "client") this.#entries.add(textOf(head.payload));
      return new Set();
    }
    const before = this.#entries;
    this.#entries = entriesOf(this.#calls);
    return new Set([...before].filter((entry) => !this.#entries.has(entry)));
  }
}

const textOf = (payload: Uint8Array): string => Buffer.from(payload).toString();

/** Past the network, and whatever the process is doing: the double reads its chain before it first waits. */
function entriesOf(calls: PeerCalls): Set<string> {
  const entries = new Set<string>();
  void calls.query(new Context(), (payload) => entries.add(textOf(payload)));
  return entries;
}
