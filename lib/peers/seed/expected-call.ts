import type { EventEmitter } from "node:events";
import { type ServerWritableStream, status } from "@grpc/grpc-js";
import { type ConnectRequest, Lightblock } from "../../../proto/generated/lightpeer.ts";
import type { Block, ExpectedPeer } from "../lightpeer.ts";
import { toWire } from "../client/wire.ts";

/** A call that is answered with blocks as they go over the wire. */
export type ConnectCall = ServerWritableStream<ConnectRequest, Buffer>;

/** Made once for all peers that get the same block, which are many at about the same time. */
const onTheWire = new WeakMap<Block, Buffer>();

function encoded(block: Block): Buffer {
  const { buffer, byteOffset, byteLength } =
    onTheWire.get(block) ?? Lightblock.encode(toWire(block)).finish();
  const bytes = Buffer.from(buffer, byteOffset, byteLength);
  onTheWire.set(block, bytes);
  return bytes;
}

/** So long a call that klight has ended may take to take in what is under way to it, ms; then it is cut. */
const GRACE_MS = 1_000;

/** So much may be on its way to a peer before more is made ready, bytes. */
const UNDER_WAY_BYTES = 256 * 1_024;

/** A peer that klight's seed expects, and its one call. */
export class ExpectedCall implements ExpectedPeer {
  readonly arrived: Promise<"arrived">;
  readonly #first: Block;
  readonly #stopped: Promise<void>;
  #stop: () => void = () => {};
  #call: ConnectCall | undefined;
  #cut: () => void = () => {};
  #isOver = false;
  #arrive: (arrived: "arrived") => void = () => {};

  constructor(first: Block) {
    this.#first = first;
    this.#stopped = new Promise((resolve) => {
      this.#stop = resolve;
    });
    this.arrived = new Promise((resolve) => {
      this.#arrive = resolve;
    });
  }

  /** The peer is here; `cut` ends its connection. False: it has been before, or is not to come any more. */
  admit(call: ConnectCall, cut: () => void): boolean {
    if (this.#call !== undefined || this.#isOver) return false;
    this.#call = call;
    this.#cut = cut;
    const events: EventEmitter = call;
    // Also once the end has been sent: then there is nothing left to cut.
    events.once("cancelled", () => {
      this.#isOver = true;
      this.#cut = () => {};
      this.#stop();
    });
    call.write(encoded(this.#first));
    this.#arrive("arrived");
    return true;
  }

  /**
   * A block is made ready when those before it have been taken in, but for a little: a long history is not copied, and
   * who does not read shows.
   */
  async send(blocks: Iterable<Block>): Promise<void> {
    let written: Promise<unknown> = Promise.resolve();
    let underWay = 0;
    for (const block of blocks) {
      const call = this.#call;
      if (this.#isOver || call === undefined) return;
      const bytes = encoded(block);
      written = new Promise<void>((resolve) => {
        call.write(bytes, () => {
          resolve();
        });
      });
      underWay += bytes.byteLength;
      if (underWay < UNDER_WAY_BYTES) continue;
      await Promise.race([written, this.#stopped]);
      underWay = 0;
    }
    await Promise.race([written, this.#stopped]);
  }

  finish(): void {
    if (this.#end()) this.#call?.end();
  }

  refuse(): void {
    if (this.#end()) {
      const details = "klight's seed has given this re-form up";
      (this.#call as EventEmitter | undefined)?.emit("error", { code: status.ABORTED, details });
    }
    // Who does not read is not told either, and would keep what is under way to it in memory for good.
    setTimeout(() => {
      this.#cut();
    }, GRACE_MS).unref();
  }

  /** False: it was over already. */
  #end(): boolean {
    if (this.#isOver) return false;
    this.#isOver = true;
    // Whoever still sends stops.
    this.#stop();
    return true;
  }
}
