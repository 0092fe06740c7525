import { status } from "@grpc/grpc-js";
import { writePeerList } from "../peer-list.ts";
import type { Answer, CallFailure } from "./call.ts";
import { isNotOnTop } from "./join-errors.ts";
import type { Block, Freshness } from "../lightpeer.ts";

/** So often the same process may be asked; from then on it is called `chained`, which costs a re-form, not a network. */
export const QUESTIONS = 16;

/** What NotifyNewBlock says. Only the opening question may be repeated when its connection breaks. */
type Ask = (block: Block, opening: boolean) => Promise<Answer<unknown>>;

/**
 * Asks "are you fresh?" by blocks that only a process without a chain takes. A process that was asked before, also by
 * a klight that died over it, has `klight-fresh-N` as its newest block and takes the one that links to it.
 *
 * Names are never used twice in one chain: a chain that comes back to itself would be streamed for ever. So the last
 * name is not known, and every one is tried: those that link to odd ones at once, then those that link to even ones.
 * Within a group no block links to another, so at most one is taken, in whatever order they arrive. A question whose
 * answer was lost may have been taken: asking from the start again finds its block, repeating it would not.
 */
export async function askFresh(address: string, ask: Ask): Promise<Freshness> {
  const first = await group(address, [0], ask);
  if (first !== "chained") return first;
  const numbers = Array.from({ length: QUESTIONS }, (_, index) => index + 1);
  const odd = await group(
    address,
    numbers.filter((number) => number % 2 === 1),
    ask,
  );
  if (odd !== "chained") return odd;
  return group(
    address,
    numbers.filter((number) => number % 2 === 0),
    ask,
  );
}

/** One taken: fresh. `chained` only if every single one was refused for its parent. */
async function group(address: string, numbers: readonly number[], ask: Ask): Promise<Freshness> {
  const answers = await Promise.all(numbers.map((number) => ask(question(address, number), number === 0)));
  const failures = answers.filter((answer) => answer.tag === "failed");
  if (failures.length < answers.length) return "fresh";
  const others = failures.filter((failed) => !isNotOnTop(failed));
  if (others.length === 0) return "chained";
  return others.every(isUnimplemented) ? "unimplemented" : "silent";
}

const isUnimplemented = ({ code }: CallFailure): boolean => code === status.UNIMPLEMENTED;

/** A NETWORK block that lists just the peer itself, as it does without it. */
const question = (address: string, asked: number): Block => ({
  id: `klight-fresh-${asked + 1}`,
  prevId: asked === 0 ? "" : `klight-fresh-${asked}`,
  kind: "network",
  payload: writePeerList([address]),
});
