import type { ChildProcess } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Path of a command of this machine. */
export const findCommand = (command: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
    .map((folder) => join(folder, command))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });

/** The same command for a child that dies with this process, however that dies, where the system can do it (Linux). */
export const tied = (
  command: string,
  args: readonly string[],
): readonly [file: string, args: readonly string[]] => {
  const tie = findCommand("setpriv");
  return tie ? [tie, ["--pdeathsig", "KILL", "--", command, ...args]] : [command, args];
};

/** Where the system cannot: at least when this process ends by itself. */
export const killAtExit = (child: ChildProcess): void => {
  const end = (): void => {
    child.kill("SIGKILL");
  };
  process.once("exit", end);
  child.once("exit", () => process.removeListener("exit", end));
};
