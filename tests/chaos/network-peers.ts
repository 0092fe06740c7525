import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { killAtExit, tied } from "../harness/tied-process.ts";
import type { PeersCalls, PeersReply, PeersRequest } from "./peers-calls.ts";

/**
 * A process of its own for the peers of one network: on few cores, forty peers in one event loop would be late with
 * their answers, and healthy ones would look hung.
 */
export class PeersProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (reply: PeersReply) => void>();
  #asked = 0;
  #isClosing = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.on("message", (message) => {
      const reply = message as PeersReply;
      this.#waiting.get(reply.id)?.(reply);
      this.#waiting.delete(reply.id);
    });
    child.once("exit", (code, signal) => {
      for (const [id, end] of this.#waiting)
        end({ id, error: `the peers' process ended (${code ?? signal})` });
      this.#waiting.clear();
    });
  }

  /** `env` as the process reads it. */
  static async open(env: {
    readonly CHAOS_NETWORK: string;
    readonly CHAOS_SEED: string;
  }): Promise<PeersProcess> {
    const file = fileURLToPath(new URL("./peers-process.ts", import.meta.url));
    const [command, args] = tied(process.execPath, [file]);
    const stdio = ["ignore", "inherit", "inherit", "ipc"] as const;
    // In a group of its own: Ctrl-C is for the driver, which ends its children in their order.
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      stdio: [...stdio],
      detached: true,
    });
    killAtExit(child);
    await once(child, "message");
    return new PeersProcess(child);
  }

  ask<Name extends keyof PeersCalls>(
    name: Name,
    ...args: Parameters<PeersCalls[Name]>
  ): ReturnType<PeersCalls[Name]> {
    const id = (this.#asked += 1);
    const answer = new Promise<unknown>((resolve, reject) => {
      this.#waiting.set(id, ({ result, error }) => {
        if (error === undefined || this.#isClosing) resolve(result);
        else reject(new Error(`${name}: ${error}`));
      });
      const request: PeersRequest = { id, name, args };
      if (this.#child.connected) this.#child.send(request);
      else this.#waiting.get(id)?.({ id, error: "the peers' process has ended" });
    });
    return answer as ReturnType<PeersCalls[Name]>;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
