import { runCli } from "../../functions/cli/run.ts";

export interface CommandEnded {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a klight command in this process, with what it writes kept. */
export async function runCommand(args: readonly string[], signal?: AbortSignal): Promise<CommandEnded> {
  const written = { out: "", err: "" };
  const terminal = {
    out: (piece: string) => {
      written.out += piece;
    },
    err: (piece: string) => {
      written.err += piece;
    },
  };
  const code = await runCli(args, terminal, { name: "klight", version: "1.2.3", ...(signal && { signal }) });
  return { code, ...written };
}
