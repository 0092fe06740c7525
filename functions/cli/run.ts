import { CommanderError } from "commander";
import { actionsAtCluster } from "./at-cluster.ts";
import { actionsAtServer } from "./at-server.ts";
import { type Actions, commandLine, type Options, type Terminal } from "./command-line.ts";
import { completions, shells } from "./complete.ts";
import { type CliAnswer, CommandFailed, EXIT, type ExitCode } from "./answer.ts";
import { openKube } from "./kube.ts";

/** Who runs it. */
export interface Invocation {
  /** `klight`, or `kubectl klight` as kubectl's plugin. */
  readonly name: string;
  readonly version: string;
  /** `--watch` ends with it. */
  readonly signal?: AbortSignal;
}

/** Runs one command; resolves to its exit code. */
export async function runCli(
  args: readonly string[],
  terminal: Terminal,
  invocation: Invocation,
): Promise<number> {
  let code: ExitCode = EXIT.well;
  const show = async (options: Options, ask: () => Promise<CliAnswer>): Promise<void> => {
    code = await print(terminal, options, { ask, signal: invocation.signal });
  };
  const actions: Actions = {
    why: (options, pod) => show(options, () => ways(options).why(options, pod)),
    networks: (options) => show(options, () => ways(options).networks(options)),
    reform: (options, network) =>
      show({ ...options, watch: false }, () => ways(options).reform(options, network)),
    check: (options) => show(options, () => actionsAtCluster.check(options)),
    completion: (shell) => {
      terminal.out(shells[shell] ?? "");
    },
  };
  const program = commandLine(invocation, terminal, actions);
  try {
    if (args[0] === "__complete") {
      const found = await completions(program, args.slice(1), () => openKube({ timeoutMs: COMPLETE_MS }));
      terminal.out(found.map((each) => `${each}\n`).join(""));
    } else await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.well : EXIT.usage;
    if (!(error instanceof CommandFailed)) throw error;
    terminal.err(`klight: ${error.message}\n`);
    return error.code;
  }
  return code;
}

/** Whoever presses the tabulator does not wait for long. */
const COMPLETE_MS = 2_000;

const ways = ({ server }: Options): typeof actionsAtCluster | typeof actionsAtServer =>
  server === undefined ? actionsAtCluster : actionsAtServer;

const WATCH_MS = 2_000;

/** Prints the answer; with `--watch` again whenever it has changed. */
async function print(
  { out }: Terminal,
  { output, watch }: Options,
  { ask, signal }: { readonly ask: () => Promise<CliAnswer>; readonly signal: AbortSignal | undefined },
): Promise<ExitCode> {
  let last: string | undefined;
  for (;;) {
    const answer = await ask();
    const text = output === "json" ? `${JSON.stringify(answer.json, undefined, 2)}\n` : answer.words;
    const now = output === "json" ? JSON.stringify(withoutTimes(answer.json)) : text.replaceAll(AGE, "");
    if (now !== last) out(last === undefined ? text : `\n${text}`);
    if (!watch) return answer.code;
    last = now;
    await pause(WATCH_MS, signal);
    if (signal?.aborted) return answer.code;
  }
}

/** Ages grow by themselves; that alone is no change. */
const AGE = /\b\d+ (?:s|min|h|d)\b/gu;
const withoutTimes = (json: unknown): unknown => ({ ...(json as object), at: undefined });

async function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const end = (): void => {
    resolve(undefined);
  };
  const timer = setTimeout(end, ms);
  signal?.addEventListener("abort", end, { once: true });
  try {
    await promise;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", end);
  }
}
