import type { Block } from "../../../lib/peers/lightpeer.ts";
import { failed, ok, type Reply } from "./status.ts";

/** The head of a peer, and every block that it ever stored, found by id like the files of the Go peer. */
export class Chain {
  #head: Block = { id: "", payload: new Uint8Array(), prevId: "", kind: "network" };
  readonly #blocks = new Map<string, Block>();

  get head(): Block {
    return this.#head;
  }

  /** Keeps a block that need not be in the chain. One with an id that is there already takes its place. */
  store(block: Block): void {
    this.#blocks.set(block.id, block);
  }

  moveTo(head: Block): void {
    this.#head = head;
  }

  append(block: Block): void {
    this.store(block);
    this.#head = block;
  }

  /** Hands over the blocks from the head to the first one. */
  read(take: (block: Block) => void): Reply {
    take(this.#head);
    let left = this.#blocks.size;
    for (let id = this.#head.prevId; id !== "";) {
      const block = this.#blocks.get(id);
      if (!block) return failed("UNKNOWN", `failed to read block: open ${id}: no such file or directory`);
      // The Go peer would stream a chain that links back to itself without end.
      if (left-- === 0) return failed("INTERNAL", `the chain links back to itself at ${id}`);
      take(block);
      id = block.prevId;
    }
    return ok;
  }
}
