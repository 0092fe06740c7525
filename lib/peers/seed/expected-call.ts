import { type EventEmitter, once } from "node:events";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import type { ConnectRequest, Lightblock } from "../../../proto/generated/lightpeer.ts";
import type { Block, ExpectedPeer } from "../lightpeer.ts";
import { toWire } from "../client/wire.ts";

type Call = ServerWritableStream<ConnectRequest, Lightblock>;

/** A peer that klight's seed expects, and its one call. */
export class ExpectedCall implements ExpectedPeer {
  readonly arrived: Promise<"arrived">;
  readonly #first: Block;
  readonly #cut = new AbortController();
  #call: Call | undefined;
  #isOver = false;
  #come: (came: "arrived") => void = () => {};

  constructor(first: Block) {
    this.#first = first;
    this.arrived = new Promise((resolve) => {
      this.#come = resolve;
    });
  }

  /** The peer is here. False: it has been before, or is not to come any more. */
  admit(call: Call): boolean {
    if (this.#call !== undefined || this.#isOver) return false;
    this.#call = call;
    const events: EventEmitter = call;
    events.once("cancelled", () => {
      this.#isOver = true;
      this.#cut.abort();
    });
    call.write(toWire(this.#first));
    this.#come("arrived");
    return true;
  }

  /** A block is made ready when the ones before it have been sent on: a long history is not copied. */
  async send(blocks: readonly Block[]): Promise<void> {
    for (const block of blocks) {
      if (this.#isOver || this.#call === undefined) return;
      if (this.#call.write(toWire(block))) continue;
      await once(this.#call, "drain", { signal: this.#cut.signal }).catch(() => undefined);
    }
  }

  finish(): void {
    if (this.#close()) this.#call?.end();
  }

  refuse(): void {
    if (!this.#close()) return;
    const details = "klight's seed has given this re-form up";
    (this.#call as EventEmitter | undefined)?.emit("error", { code: status.ABORTED, details });
  }

  /** False: it was over already. */
  #close(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    // Whoever still sends stops.
    this.#cut.abort();
    return true;
  }
}
