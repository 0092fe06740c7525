import { status } from "@grpc/grpc-js";
import { MAX_MESSAGE_BYTES } from "../lightpeer.ts";

/** Gets a message, its own to keep. May throw: then it cannot be read. */
export type TakeMessage = (message: Buffer) => "more" | "enough";

/** A flag, whether the message is compressed, and its length. */
const PREFIX_BYTES = 5;

/** A message as gRPC sends it. */
export function framed(message: Uint8Array): Buffer {
  const frame = Buffer.alloc(PREFIX_BYTES + message.length);
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, PREFIX_BYTES);
  return frame;
}

/** A failure: what comes cannot be read, nor anything after it. */
type Next = ReturnType<TakeMessage> | { readonly code: status; readonly details: string };

/** Puts together the messages of one response, in whatever pieces they come, and hands them on. */
export class MessageReader {
  readonly #take: TakeMessage;
  #pieces: Buffer[] = [];
  #held = 0;
  /** So much has to be there before anything can be read. */
  #needed = PREFIX_BYTES;

  constructor(take: TakeMessage) {
    this.#take = take;
  }

  /** Has a message begun that is not whole yet? */
  get isCut(): boolean {
    return this.#held > 0;
  }

  read(piece: Buffer): Next {
    this.#pieces.push(piece);
    this.#held += piece.length;
    let next: Next = "more";
    while (next === "more" && this.#held >= this.#needed) next = this.#readOne();
    return next;
  }

  /** The head that is there, and its message if that is, too. */
  #readOne(): Next {
    const [first] = this.#pieces;
    const held = this.#pieces.length === 1 && first ? first : Buffer.concat(this.#pieces);
    const length = held.readUInt32BE(1);
    const end = PREFIX_BYTES + length;
    const isWhole = held.length >= end;
    if (held[0] !== 0) return { code: status.INTERNAL, details: "a message is compressed, unasked" };
    if (length > MAX_MESSAGE_BYTES)
      return { code: status.RESOURCE_EXHAUSTED, details: `a message has ${length} bytes` };
    const rest = isWhole ? held.subarray(end) : held;
    this.#pieces = [rest];
    this.#held = rest.length;
    this.#needed = isWhole ? PREFIX_BYTES : end;
    return isWhole ? this.#handOn(Buffer.from(held.subarray(PREFIX_BYTES, end))) : "more";
  }

  #handOn(message: Buffer): Next {
    try {
      return this.#take(message);
    } catch (error) {
      return { code: status.INTERNAL, details: `a message cannot be read: ${String(error)}` };
    }
  }
}
