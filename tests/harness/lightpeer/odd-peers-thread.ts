/** Odd peers in a thread of their own: what they pour out must not make other peers late. */
import { parentPort, workerData } from "node:worker_threads";
import { type Oddity, startOddPeer } from "./odd-peer.ts";

const peers = await Promise.all((workerData as readonly Oddity[]).map((oddity) => startOddPeer(oddity)));
parentPort?.postMessage(peers.map(({ address }) => address));
