import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { promisify } from "node:util";
import type { FunctionProcess } from "../harness/function-process.ts";

/** Resident memory of a process, MiB. */
export const residentMib = async (pid: number | undefined): Promise<number> => {
  if (pid === undefined) throw new Error("the process was not started");
  // Reading /proc takes no time that the measured process would grow in; other systems have ps alone.
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => undefined);
  const inKib =
    status === undefined
      ? (await promisify(execFile)("ps", ["-o", "rss=", "-p", String(pid)])).stdout
      : (/^VmRSS:\s+(\d+) kB/mu.exec(status)?.[1] ?? "");
  return Number(inKib) / 1024;
};

/** What the threads of a process have computed so far, ms; where the system does not tell (it must be Linux), NaN. */
export const computedMs = async (pid: number | undefined): Promise<number> => {
  const threads = await readdir(`/proc/${pid}/task`).catch(() => undefined);
  if (threads === undefined) return Number.NaN;
  const spent = await Promise.all(
    threads.map(async (thread) => {
      const times = await readFile(`/proc/${pid}/task/${thread}/schedstat`, "utf8").catch(() => "0");
      return Number(times.split(" ")[0]) / 1e6;
    }),
  );
  return spent.reduce((sum, each) => sum + each, 0);
};

const probe = new URL("heap-probe.ts", import.meta.url).href;

/**
 * Options of Node that give a process here the memory limit that it has in its container: 512 MiB in func.yaml, of which V8
 * takes a half for old objects. On a machine with more it would let far more garbage lie before it collects any, and
 * nothing could be seen.
 */
export const asInContainer = `--max-old-space-size=256 --import ${probe}`;

/** `limits.memory` of func.yaml. */
export const LIMIT_MIB = 512;

/** Memory of a function that was started {@link asInContainer}. */
export interface MemoryWatch {
  /** What is in use after a collection, MiB, and the time that the process has computed so far, ms. */
  inUse(): Promise<{ readonly mib: number; readonly cpuMs: number }>;
  /** The largest resident memory since the watch began, MiB. */
  peak(): number;
  stop(): void;
}

const sampleMs = 100;

export const watchMemory = (watched: FunctionProcess): MemoryWatch => {
  const { pid } = watched.process;
  const waiting: ((found: { readonly mib: number; readonly cpuMs: number }) => void)[] = [];
  watched.onLine(({ msg, bytes, cpuMs }) => {
    if (msg === "heap in use") waiting.shift()?.({ mib: Number(bytes) / 2 ** 20, cpuMs: Number(cpuMs) });
  });
  let peak = 0;
  const timer = setInterval(() => {
    // It may just have ended.
    void residentMib(pid).then(
      (mib) => (peak = Math.max(peak, mib)),
      () => undefined,
    );
  }, sampleMs);
  return {
    inUse: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        watched.process.kill("SIGUSR2");
      }),
    peak: () => peak,
    stop: () => {
      clearInterval(timer);
    },
  };
};

/**
 * Gives a process the memory limit of its container, where this machine lets us: over it, the system ends the process.
 * False: it does not, and the peak says what would have been.
 */
export async function limitMemory(pid: number | undefined, mib: number): Promise<boolean> {
  const groups = [
    { folder: `/sys/fs/cgroup/memory/klight-${pid}`, limit: "memory.limit_in_bytes" },
    { folder: `/sys/fs/cgroup/klight-${pid}`, limit: "memory.max" },
  ];
  for (const { folder, limit } of groups) {
    try {
      await mkdir(folder);
      await writeFile(`${folder}/${limit}`, String(Math.floor(mib * 2 ** 20)));
      await writeFile(`${folder}/cgroup.procs`, String(pid));
      return true;
    } catch {
      // The other kind, or none.
    }
  }
  return false;
}
