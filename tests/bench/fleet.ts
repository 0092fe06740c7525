import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { startGrpcPeer } from "../harness/lightpeer/grpc-peer.ts";
import type { Reply } from "../harness/lightpeer/status.ts";
import { systemTimers } from "../harness/timers.ts";
import { type Stage, type StagePod, startStage } from "../harness/stage.ts";

/**
 * A peer that never begins its own health checks. Here all peers share one process, where the checks of 50 of them,
 * each of all others, are more work than what is measured.
 */
export const startCalmPeer = (): Promise<PeerHost> =>
  startGrpcPeer({ firstRoundMs: 2 ** 31 - 1, host: nextHost() });

let hosts = 0;

/** Pods have an address each, and klight asks for all pods at one. Where the system has one loopback address they share it. */
const nextHost = (): string => {
  if (process.platform !== "linux") return "127.0.0.1";
  hosts += 1;
  return `127.${1 + (hosts >> 8)}.${hosts & 255}.${1 + (process.pid % 250)}`;
};

/** A stage on which nobody posts events but the measurement, with the timeouts that the function has by default. */
export const startCalmStage = async (env: Readonly<Record<string, string>> = {}): Promise<Stage> => {
  // Whatever peers here listen at, they call from one and the same address.
  const seed = { KLIGHT_SEED_CALLERS: "any" };
  const usual = { KLIGHT_JOIN_TIMEOUT_MS: "", KLIGHT_STORE_TIMEOUT_MS: "", LOG_LEVEL: "info", ...seed };
  const stage = await startStage({ env: { ...usual, ...env } });
  await stage.source.stop();
  return stage;
};

/** Pods of one network with a fresh peer each, all running. */
export const addPods = async (stage: Stage, network: string, count: number): Promise<StagePod[]> => {
  const peers: PeerHost[] = [];
  for (let index = 0; index < count; index += 1) peers.push(await startCalmPeer());
  return addPodsOf(stage, network, peers);
};

/** Pods of one network with these peers, all running. */
export const addPodsOf = async (
  stage: Stage,
  network: string,
  peers: readonly PeerHost[],
): Promise<StagePod[]> => {
  const pods: StagePod[] = [];
  for (const [index, peer] of peers.entries()) {
    const pod = await stage.addPod({ name: `${network}-${index}`, network, peer });
    stage.start(pod);
    pods.push(pod);
  }
  return pods;
};

/** A network may be re-formed at will three times a minute; its log, which klight counts them in, forgets them. */
export const forgetReforms = async ({ redis }: Stage, network: string): Promise<void> => {
  await redis?.command("DEL", `klight:{${network}}:log`);
};

const within = async (ms: number, call: (ctx: Context) => Promise<Reply>): Promise<void> => {
  const ctx = Context.within(systemTimers, ms);
  const reply = await call(ctx);
  ctx.release();
  if (reply.tag === "failed") throw new Error(`a peer answered ${reply.code}: ${reply.message}`);
};

const dialer = grpcDialer();

/** Peers joined by hand: each through the one before it, one after the other. */
export const joinByHand = async (peers: readonly PeerHost[]): Promise<void> => {
  for (const [index, { address }] of peers.entries()) {
    const contact = peers[index - 1]?.address;
    if (contact !== undefined) await within(30_000, (ctx) => dialer.dial(address).joinNetwork(ctx, contact));
  }
};

/** Stores so many entries, one after the other. */
export const storeAt = async ({ address }: PeerHost, count: number): Promise<void> => {
  for (let index = 0; index < count; index += 1) {
    await within(3_000, (ctx) => dialer.dial(address).persist(ctx, Buffer.from(`entry ${index}`)));
  }
};

/** How peers that should be one network came into it. */
export interface Joining {
  /** At one of them; more than one of a peer breaks a network. */
  readonly plain: number;
  /** At klight's seed, as often as the network was re-formed. */
  readonly atSeed: number;
  readonly problems: readonly string[];
}

export const joiningOf = (network: string, peers: readonly PeerHost[]): Joining => {
  const addresses = new Set(peers.map(({ address }) => address));
  const plainOf = ({ joins }: PeerHost): number =>
    joins.filter(({ contact }) => addresses.has(contact)).length;
  const plain = peers.reduce((sum, peer) => sum + plainOf(peer), 0);
  // The seed also asks each peer who it is, by a join that it turns away.
  const atSeed = peers.reduce(
    (sum, { joins }) =>
      sum + joins.filter(({ contact, end }) => !addresses.has(contact) && end?.tag === "ok").length,
    0,
  );
  const twice = peers.filter((peer) => plainOf(peer) > 1).length;
  const apart = peers.filter(({ state }) => state.network.length !== peers.length).length;
  return {
    plain,
    atSeed,
    problems: [
      ...(twice === 0 ? [] : [`${network}: ${twice} of ${peers.length} peers joined more than once`]),
      ...(apart === 0 ? [] : [`${network}: ${apart} of ${peers.length} peers do not list all`]),
    ],
  };
};
