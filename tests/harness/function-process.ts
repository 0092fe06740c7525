import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { killAtExit, tied } from "./tied-process.ts";

const root = resolve(import.meta.dirname, "../..");
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
  readonly scripts: { readonly start: string };
};
const [, ...started] = scripts.start.split(" ");

/** What Node is told before the file, as the image runs it. */
export const nodeOptions: readonly string[] = started.slice(0, -1);

const bundle = join(root, started.at(-1) ?? "");

export interface Ended {
  /** Exit status; null: a signal ended it. */
  readonly code: number | null;
  readonly stdout: readonly string[];
  readonly stderr: string;
}

export interface FunctionProcess {
  readonly process: ChildProcess;
  /** Resolves with the fields of the first log line with this message; rejects where the process ends before it. */
  logged(message: string): Promise<Readonly<Record<string, unknown>>>;
  /** Tells every log line from now on. */
  onLine(take: (fields: Readonly<Record<string, unknown>>) => void): void;
  readonly ended: Promise<Ended>;
}

/** Starts the built function with this environment and no other. */
export function startFunction(env: Readonly<Record<string, string>>, file = bundle): FunctionProcess {
  const [command, args] = tied(process.execPath, [...nodeOptions, file]);
  const child = spawn(command, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  killAtExit(child);
  const stdout: string[] = [];
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (part: string) => (stderr += part));
  createInterface({ input: child.stdout }).on("line", (line) => {
    stdout.push(line);
    child.emit("line", line);
  });
  let closed = false;
  const ended = once(child, "close").then(([code]): Ended => {
    closed = true;
    child.emit("line");
    return { code: code as number | null, stdout, stderr };
  });
  return {
    process: child,
    ended,
    onLine(take) {
      child.on("line", (line?: string) => {
        if (line !== undefined) take(JSON.parse(line) as Readonly<Record<string, unknown>>);
      });
    },
    async logged(message) {
      for (;;) {
        const line = stdout
          .map((each) => JSON.parse(each) as Readonly<Record<string, unknown>>)
          .find(({ msg }) => msg === message);
        if (line) return line;
        if (closed) throw new Error(`the function ended without saying "${message}": ${stderr}`);
        await once(child, "line");
      }
    },
  };
}
