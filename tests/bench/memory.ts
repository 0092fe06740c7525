import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";

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
