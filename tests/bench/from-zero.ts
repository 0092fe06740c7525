import { startStage, type Stage, type StagePod } from "../harness/stage.ts";
import { asStarted, bareHttp, bundle, plainPackages, startCold, uncachedBundle } from "./cold.ts";
import { addPodsOf } from "./fleet.ts";
import { startPeersElsewhere } from "./peers-elsewhere.ts";
import { computedMs } from "./memory.ts";
import { posterTo, stateOf } from "./posting.ts";
import { median, ms, type Report, round, times } from "./report.ts";

const runs = 15;

/** Of a process that a pod's event wakes, ms since it was started. */
interface Woken {
  /** Its first answer. */
  readonly ready: number;
  /** The answer that the pod's peer has founded its network. */
  readonly founded: number;
  /** What the process has computed until then, which does not grow on a busy machine. */
  readonly cpu: number;
  /** How long it then takes for one pod more, in a network of its own. */
  readonly next: number;
}

type Answered = Pick<Woken, "ready" | "cpu">;

type Candidate = "klight" | "uncached";

const others = { packages: plainPackages, http: bareHttp } as const;

/** A pod's event wakes klight from zero: how long until its peer has founded a network, against Node's own start. */
export async function measureFromZero(): Promise<Report> {
  const elsewhere = await startPeersElsewhere(runs * 4, 1);
  const stage = await startStage({ functions: 0 });
  await stage.source.stop();
  const uncached = await uncachedBundle();
  const candidates: Readonly<Record<Candidate, string>> = { klight: bundle, uncached: uncached.file };
  try {
    const alone = elsewhere.peers.map((peer, index) => addPodsOf(stage, `zero-${index}`, [peer]));
    const pods = (await Promise.all(alone)).flat();
    const found: Record<Candidate, Woken[]> = { klight: [], uncached: [] };
    const ready: Record<keyof typeof others, Answered[]> = { packages: [], http: [] };
    // By turns, so that a busy moment of the machine is no candidate's alone.
    for (let run = 0; run < runs; run += 1) {
      for (const which of ["klight", "uncached"] as const)
        found[which].push(await wake(stage, pods.splice(0, 2), candidates[which]));
      for (const which of ["packages", "http"] as const) ready[which].push(await answerOf(others[which]));
    }
    return reportOf(found, ready);
  } finally {
    await uncached.remove();
    await elsewhere.close();
    await stage.close();
  }
}

async function wake(stage: Stage, [first, second]: readonly StagePod[], file: string): Promise<Woken> {
  const { redis } = stage;
  if (first === undefined || second === undefined || redis === undefined) throw new Error("a pod is missing");
  const cold = await startCold(asStarted(file), {
    KUBECONFIG: stage.api.kubeconfig,
    UPSTASH_REDIS_REST_URL: redis.url,
    UPSTASH_REDIS_REST_TOKEN: redis.token,
    KLIGHT_SEED_PORT: "0",
    KLIGHT_SEED_ADDRESS: "127.0.0.1",
  });
  const poster = posterTo(stage, `http://127.0.0.1:${cold.port}`);
  try {
    const ready = cold.age();
    await founds(poster, stage, first);
    const founded = cold.age();
    const cpu = await computedMs(cold.process.pid);
    await founds(poster, stage, second);
    return { ready, founded, cpu, next: cold.age() - founded };
  } finally {
    poster.close();
    await cold.end();
  }
}

async function founds(poster: ReturnType<typeof posterTo>, stage: Stage, pod: StagePod): Promise<void> {
  const { outcome } = await poster.post(stateOf(stage, pod));
  if (!outcome.startsWith("founded")) throw new Error(`${pod.name}: the outcome was ${outcome}`);
}

async function answerOf(args: readonly string[]): Promise<Answered> {
  const cold = await startCold(args);
  const ready = cold.age();
  const cpu = await computedMs(cold.process.pid);
  await cold.end();
  return { ready, cpu };
}

function reportOf(
  found: Readonly<Record<Candidate, readonly Woken[]>>,
  ready: Readonly<Record<keyof typeof others, readonly Answered[]>>,
): Report {
  const middle = <Key extends string>(all: readonly Readonly<Record<Key, number>>[], key: Key): number =>
    round(median(all.map((each) => each[key])), 1);
  const woken = (all: readonly Woken[]): Woken => ({
    ready: middle(all, "ready"),
    founded: middle(all, "founded"),
    cpu: middle(all, "cpu"),
    next: middle(all, "next"),
  });
  const [klight, uncached] = [woken(found.klight), woken(found.uncached)];
  const answered = (all: readonly Answered[]): Answered => ({
    ready: middle(all, "ready"),
    cpu: middle(all, "cpu"),
  });
  const [packages, http] = [answered(ready.packages), answered(ready.http)];
  const toHttp = round(klight.founded / http.ready, 2);
  const uncachedToHttp = round(uncached.founded / http.ready, 2);
  const cpuToHttp = round(klight.cpu / http.cpu, 2);
  return {
    title: `From zero: process start to the first peer that has founded its network (median of ${runs})`,
    rows: [
      ["klight", ms(klight.founded)],
      ["  of that, CPU", ms(klight.cpu)],
      ["  its first answer to a health check", ms(klight.ready)],
      ["  the next peer", ms(klight.next), "15 ms"],
      ["klight without its code cache", ms(uncached.founded)],
      ["  of that, CPU", ms(uncached.cpu)],
      ["its packages, imported plainly: the first answer", ms(packages.ready)],
      ["bare node:http: the first answer", ms(http.ready)],
      ["  of that, CPU", ms(http.cpu)],
      ["klight : bare", times(toHttp), "2.0 at most"],
      ["  by CPU", times(cpuToHttp)],
      ["klight without its code cache : bare", times(uncachedToHttp)],
    ],
    figures: { runs, klight, uncached, packages, http, toHttp, uncachedToHttp, cpuToHttp },
    problems: [],
  };
}
