/**
 * The lightpeers of one network and its application, as a process of its own; `peers-calls.ts` says what it is told.
 * Environment: CHAOS_NETWORK, CHAOS_SEED. It ends with its parent.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { type GrpcPeerHost, startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import { Lan } from "../harness/lightpeer/lan.ts";
import { whole } from "../harness/lightpeer/whole.ts";
import { seededRandom } from "../harness/random.ts";
import { Application, isOf } from "./application.ts";
import type { PeersCalls, PeersReply, PeersRequest, Proof } from "./peers-calls.ts";
import { watchLateness } from "./lateness.ts";
import { Witness } from "./witness.ts";

/** How long a call of the proof may take, ms. */
const PROOF_CALL_MS = 10_000;

const ownNetwork = process.env["CHAOS_NETWORK"] ?? "";
const hosts = new Map<string, GrpcPeerHost>();
const lan = new Lan();
const witness = new Witness((entry) => isOf(ownNetwork, entry));
const lateness = watchLateness();
const application = new Application({
  network: ownNetwork,
  random: seededRandom(Number(process.env["CHAOS_SEED"])),
  hostAt: (address) => hosts.get(address),
  wayTo: (address) => lan.wayTo(address),
  onStored: (entry, by) => {
    witness.stored(entry, by);
  },
});

const hostAt = (address: string): GrpcPeerHost => {
  const host = hosts.get(address);
  if (host === undefined) throw new Error(`there is no peer at ${address}`);
  return host;
};

const calls: PeersCalls = {
  async start(port = 0) {
    const expected = witness.expect();
    const host = await startGrpcPeer({ port, lan, seen: (each) => expected.seen(each) });
    expected.started(host);
    hosts.set(host.address, host);
    return host.address;
  },
  async kill(address) {
    const host = hostAt(address);
    witness.dying(address);
    await host.kill();
    witness.gone(address);
    hosts.delete(address);
  },
  async restart(address, downMs) {
    const host = hostAt(address);
    witness.dying(address);
    await host.kill();
    await sleep(downMs);
    await host.restart();
  },
  async hang(address) {
    hostAt(address).hang();
  },
  async wake(address) {
    hostAt(address).wake();
  },
  wall: (address, wall) => hostAt(address).setWall(wall ?? undefined),
  async joined(peers) {
    application.joined = peers;
  },
  stopStoring: () => application.stop(),
  prove,
  async lateness() {
    return lateness();
  },
};

async function prove(addresses: readonly string[]): Promise<Proof> {
  const stranger = strangerOf(addresses);
  const foreign = witness.foreign;
  const found = await whole({ dialer: grpcDialer(), addresses, timeoutMs: PROOF_CALL_MS });
  const broken = stranger ?? (found.tag === "broken" ? found.reason : undefined);
  // In a network that is not whole there is no one history to look into.
  const missing = found.tag === "whole" ? witness.missing(found.entries) : { lost: [], excused: [] };
  return {
    ...(broken !== undefined && { broken }),
    stored: { ...application.figures, acknowledged: witness.count },
    ...missing,
    foreign,
  };
}

/** Whose list is not just these. */
function strangerOf(addresses: readonly string[]): string | undefined {
  const apart = addresses.find((address) => {
    const { network } = hostAt(address).state;
    return network.length !== addresses.length || network.some((other) => !addresses.includes(other));
  });
  return apart && `${apart} lists ${hostAt(apart).state.network.join(", ")}`;
}

const answer = async ({ id, name, args }: PeersRequest): Promise<PeersReply> => {
  const call = calls[name] as (...given: readonly unknown[]) => Promise<unknown>;
  try {
    return { id, result: await call(...args) };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
};

process.once("disconnect", () => process.exit(0));
process.on("message", (message) => {
  void answer(message as PeersRequest).then((reply) => process.send?.(reply));
});
process.send?.({ id: 0 });
