/**
 * Calm lightpeers as a process of their own, as many as its argument says. It tells its parent of them at first and
 * after each thing that it is asked to do, and ends with it.
 */
import { startCalmPeer } from "./fleet.ts";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import type { Asked, PeerFacts } from "./peers-elsewhere.ts";

const peers: PeerHost[] = [];
for (let index = 0; index < Number(process.argv[2]); index += 1) peers.push(await startCalmPeer());

const facts = (): PeerFacts[] =>
  peers.map(({ address, lives, status, state, joins }) => ({ address, lives, status, state, joins }));

process.once("disconnect", () => process.exit(0));
const answer = async ({ what, at }: Asked): Promise<void> => {
  if (what !== "look") await peers[at]?.[what]();
  process.send?.(facts());
};
process.on("message", (asked: Asked) => void answer(asked));
process.send?.(facts());
