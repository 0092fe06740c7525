import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { isNamespace, isNetworkId, isPodName } from "../../lib/pod/names.ts";
import type { Status } from "../status/status.ts";
import type { Why } from "../status/why.ts";
import { type Answer, ask, type Target } from "./ask.ts";
import { networksInWords, whyInWords } from "./words.ts";

/** Where the command line writes. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Exit codes: part of what scripts rely on. */
const EXIT = { well: 0, notIn: 1, usage: 2, unreachable: 3 } as const;

interface Options {
  readonly url: string;
  readonly token?: string;
  readonly timeout: number;
  readonly json?: boolean;
}

const HELP = `
Exit codes: 0 the pod is in, or it was done; 1 the pod is not in, or klight did not do it;
2 the command is wrong; 3 klight does not answer.

Examples:
  $ klight why shop/orders-3      # docs/deploy.md: "From your own machine"
  $ klight networks --json | jq '.networks[].network'
  $ klight reform shop/orders --timeout 120
  $ KLIGHT_URL=https://klight.example.com KLIGHT_READ_TOKEN=... klight networks`;

/** Runs one command; resolves to its exit code. */
export async function runCli(args: readonly string[], terminal: Terminal): Promise<number> {
  let code: number = EXIT.well;
  const program = commandLine(terminal, (result) => {
    code = result;
  });
  try {
    await program.parseAsync(args, { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.well : EXIT.usage;
  }
  return code;
}

function commandLine(terminal: Terminal, end: (code: number) => void): Command {
  const program = withOptions(new Command("klight"))
    .description("Ask klight about its networks.")
    .addHelpText("after", HELP)
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError("(klight --help tells how)")
    .exitOverride();
  program
    .command("why")
    .description("why a pod is in its network or not, and what helps")
    .argument("<NAMESPACE/POD>", "the pod", podPath)
    .action(async (path: string) => {
      end(await why(terminal, program.opts<Options>(), path));
    });
  program
    .command("networks")
    .description("all networks, their members, newest first, and who is not in")
    .action(async () => {
      end(await networks(terminal, program.opts<Options>()));
    });
  program
    .command("reform")
    .description("re-form a network in place: one history and one list for all that live")
    .argument("<NAMESPACE/ID>", "the network; its ID alone with KLIGHT_SCOPE=cluster", networkPath)
    .action(async (path: string) => {
      end(await reform(terminal, program.opts<Options>(), path));
    });
  return program;
}

const withOptions = (command: Command): Command =>
  command
    .addOption(
      new Option("--url <url>", "where klight answers")
        .env("KLIGHT_URL")
        .default("http://127.0.0.1:8080")
        .argParser(httpUrl),
    )
    .addOption(
      new Option(
        "--token <token>",
        "the read token, if klight has one; to re-form, where callers are checked, theirs",
      ).env("KLIGHT_READ_TOKEN"),
    )
    .addOption(
      new Option("--timeout <seconds>", "how long to wait for the answer").default(30).argParser(seconds),
    )
    .addOption(new Option("--json", "the answer as klight gives it, for programs"));

function httpUrl(value: string): string {
  const { protocol } = URL.parse(value) ?? {};
  if (protocol !== "http:" && protocol !== "https:") {
    throw new InvalidArgumentError("It must begin with http:// or https://.");
  }
  return value;
}

function seconds(value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 3_600)) throw new InvalidArgumentError("It must be from 0 to 3600 seconds.");
  return number;
}

function podPath(value: string): string {
  const [namespace = "", pod = "", ...more] = value.split("/");
  if (more.length > 0 || !isNamespace(namespace) || !isPodName(pod)) {
    throw new InvalidArgumentError("It must be NAMESPACE/POD, as in shop/orders-3.");
  }
  return `why/${value}`;
}

function networkPath(value: string): string {
  const [id = "", namespace, ...more] = value.split("/").toReversed();
  if (more.length > 0 || !isNetworkId(id) || (namespace !== undefined && !isNamespace(namespace))) {
    throw new InvalidArgumentError("It must be NAMESPACE/ID, as in shop/orders, or ID.");
  }
  return `networks/${value}/reform`;
}

const targetOf = ({ url, token, timeout }: Options): Target => ({
  url,
  timeoutMs: timeout * 1_000,
  ...(token !== undefined && { token }),
});

const asJson = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

async function why(terminal: Terminal, options: Options, path: string): Promise<number> {
  const answer = await ask(targetOf(options), path);
  if (answer.tag !== "answer") return failed(terminal, answer);
  // The other side of the same build; a test holds the two together.
  const told = answer.body as Why;
  terminal.out(options.json ? asJson(told) : whyInWords(told));
  return told.verdict === "in" ? EXIT.well : EXIT.notIn;
}

async function networks(terminal: Terminal, options: Options): Promise<number> {
  const answer = await ask(targetOf(options), "networks");
  if (answer.tag !== "answer") return failed(terminal, answer);
  terminal.out(options.json ? asJson(answer.body) : networksInWords(answer.body as Status));
  return EXIT.well;
}

async function reform(terminal: Terminal, options: Options, path: string): Promise<number> {
  const answer = await ask(targetOf(options), path, "POST");
  if (answer.tag !== "answer") return failed(terminal, answer);
  const outcome = answer.outcome ?? "";
  terminal.out(options.json ? asJson({ outcome, ...(answer.body as object) }) : `${outcome}\n`);
  return outcome.startsWith("reformed") ? EXIT.well : EXIT.notIn;
}

function failed(terminal: Terminal, answer: Exclude<Answer, { tag: "answer" }>): number {
  terminal.err(`klight: ${answer.message}\n`);
  return answer.tag === "unreachable" ? EXIT.unreachable : EXIT.notIn;
}
