import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { PeerHost } from "../harness/lightpeer/calls.ts";

/** What a process that runs peers tells of each. */
export type PeerFacts = Pick<PeerHost, "address" | "lives" | "status" | "state" | "joins">;

/** What it is asked to do, with the peer at this place of its list. */
export interface Asked {
  readonly what: "look" | "kill" | "hang" | "wake" | "restart";
  readonly at: number;
}

/** Lightpeers in other processes: they answer in time whatever the process that measures is busy with. */
export interface PeersElsewhere {
  readonly peers: readonly PeerHost[];
  /** Brings what is known of all of them up to date. */
  look(): Promise<void>;
  close(): Promise<void>;
}

const file = fileURLToPath(new URL("peer-process.ts", import.meta.url));

export async function startPeersElsewhere(count: number, processes = 2): Promise<PeersElsewhere> {
  const hosts = await Promise.all(
    Array.from({ length: processes }, () => ProcessOfPeers.start(Math.ceil(count / processes))),
  );
  return {
    peers: hosts.flatMap(({ peers }) => peers).slice(0, count),
    look: async () => {
      await Promise.all(hosts.map((host) => host.ask({ what: "look", at: 0 })));
    },
    close: async () => {
      await Promise.all(hosts.map((host) => host.close()));
    },
  };
}

class ProcessOfPeers {
  readonly peers: readonly PeerHost[];
  readonly #child: ChildProcess;
  #facts: readonly PeerFacts[];
  #asked: Promise<unknown> = Promise.resolve();
  #closed = false;

  static async start(count: number): Promise<ProcessOfPeers> {
    const child = fork(file, [String(count)], { serialization: "advanced" });
    const [facts] = (await once(child, "message")) as [readonly PeerFacts[]];
    return new ProcessOfPeers(child, facts);
  }

  private constructor(child: ChildProcess, facts: readonly PeerFacts[]) {
    this.#child = child;
    this.#facts = facts;
    this.peers = facts.map((_, at) => this.#peer(at));
  }

  /** One after the other, so that each gets its own answer. */
  ask(asked: Asked): Promise<void> {
    const answered = this.#asked.then(async () => {
      if (this.#closed) return;
      this.#child.send(asked);
      [this.#facts] = (await once(this.#child, "message")) as [readonly PeerFacts[]];
    });
    this.#asked = answered;
    return answered;
  }

  async close(): Promise<void> {
    this.#closed = true;
    const ended = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await ended;
  }

  #peer(at: number): PeerHost {
    const facts = (): PeerFacts => {
      const found = this.#facts[at];
      if (found === undefined) throw new Error(`there is no peer ${at}`);
      return found;
    };
    return {
      get address() {
        return facts().address;
      },
      get lives() {
        return facts().lives;
      },
      get status() {
        return facts().status;
      },
      get state() {
        return facts().state;
      },
      get joins() {
        return facts().joins;
      },
      kill: () => this.ask({ what: "kill", at }),
      hang: () => void this.ask({ what: "hang", at }),
      wake: () => void this.ask({ what: "wake", at }),
      restart: () => this.ask({ what: "restart", at }),
    };
  }
}
