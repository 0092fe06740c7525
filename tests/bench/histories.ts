import { randomBytes } from "node:crypto";
import type { PeerHost } from "../harness/lightpeer/calls.ts";
import { Context } from "../harness/lightpeer/context.ts";
import { grpcDialer } from "../harness/lightpeer/grpc-dialer.ts";
import { systemTimers } from "../harness/timers.ts";
import { addPodsOf, forgetReforms, startCalmStage } from "./fleet.ts";
import { asInContainer, LIMIT_MIB, limitMemory, residentMib, watchMemory } from "./memory.ts";
import { startPeersElsewhere } from "./peers-elsewhere.ts";
import { posterTo, stateOf, timed } from "./posting.ts";
import { median, ms, type Report, round } from "./report.ts";

interface Case {
  readonly peers: number;
  readonly mib: number;
}

/** Near the largest history that the default setting lets through, and many peers with one that is not small. */
const cases: readonly Case[] = [
  { peers: 3, mib: 60 },
  { peers: 8, mib: 40 },
];
const RUNS = 10;
const ENTRY_BYTES = 1_000_000;

/** Large histories are handed over, each time, by a function with the memory that it is deployed with. */
export async function measureHistories(): Promise<Report> {
  const rows: [string, string][] = [];
  const figures: object[] = [];
  const problems: string[] = [];
  for (const each of cases) {
    const { took, peakMib, limited, failed } = await measureCase(each);
    const name = `${each.peers} peers, ${each.mib} MiB in entries of 1 MB`;
    const whole = RUNS - failed.length;
    rows.push([
      name,
      `${whole} of ${RUNS} re-formed, ${ms(median(took))} (longest ${ms(Math.max(...took))}), peak ${peakMib} MiB${limited ? `, under a limit of ${LIMIT_MIB} MiB` : ""}`,
    ]);
    figures.push({ ...each, runs: RUNS, whole, ms: took.map((one) => round(one)), peakMib, limited });
    problems.push(...failed.map((why) => `${name}: ${why}`));
    if (peakMib > LIMIT_MIB) problems.push(`${name}: ${peakMib} MiB are more than func.yaml allows`);
  }
  return {
    title: `Re-forming networks with large histories, ${RUNS} times each`,
    rows,
    figures: { cases: figures },
    problems,
  };
}

interface Found {
  readonly took: readonly number[];
  readonly peakMib: number;
  readonly limited: boolean;
  readonly failed: readonly string[];
}

async function measureCase({ peers: count, mib }: Case): Promise<Found> {
  const elsewhere = await startPeersElsewhere(count, 1);
  const stage = await startCalmStage({ NODE_OPTIONS: asInContainer });
  const poster = posterTo(stage);
  const [watched] = stage.functions;
  if (watched === undefined) throw new Error("a function was started");
  const watch = watchMemory(watched);
  const { pid } = watched.process;
  // What it has already is not counted in its new group.
  const limited = await limitMemory(pid, LIMIT_MIB - (await residentMib(pid)));
  try {
    const [first] = elsewhere.peers;
    if (first === undefined) throw new Error("a peer was asked for");
    for (const pod of await addPodsOf(stage, "large", elsewhere.peers)) {
      await poster.deliver(stateOf(stage, pod));
    }
    const entries = Math.floor((mib * 2 ** 20) / ENTRY_BYTES);
    await store(first, entries);
    const took: number[] = [];
    const failed: string[] = [];
    for (let run = 0; run < RUNS; run += 1) {
      await forgetReforms(stage, "default/large");
      const { ms: one, result } = await timed(() => poster.ask("/networks/default/large/reform"));
      took.push(one);
      if (!result.outcome.startsWith("reformed;") || !result.outcome.includes(` ${entries} entries`)) {
        failed.push(`${result.status} ${result.outcome}`);
      }
    }
    await elsewhere.look();
    const heads = new Set(elsewhere.peers.map(({ state }) => state.head.id)).size;
    if (heads !== 1) failed.push(`there are ${heads} heads`);
    return { took, peakMib: round(watch.peak()), limited, failed };
  } finally {
    watch.stop();
    poster.close();
    await elsewhere.close();
    await stage.close();
  }
}

async function store({ address }: PeerHost, entries: number): Promise<void> {
  for (let index = 0; index < entries; index += 1) {
    const ctx = Context.within(systemTimers, 10_000);
    const reply = await grpcDialer().dial(address).persist(ctx, randomBytes(ENTRY_BYTES));
    ctx.release();
    if (reply.tag === "failed") throw new Error(`a peer answered ${reply.code}: ${reply.message}`);
  }
}
