import { Command, InvalidArgumentError, Option } from "commander";
import { isNamespace, isNetworkId, isPodName } from "../../lib/pod/names.ts";
import type { PodName } from "../../lib/outcome.ts";

/** Where the command line writes. */
export interface Terminal {
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** What every command takes. */
export interface Options {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly allNamespaces?: boolean;
  readonly output?: "json" | "wide";
  readonly watch?: boolean;
  /** Seconds. */
  readonly timeout: number;
  readonly server?: string;
  readonly token?: string;
}

/** A name from the command line; its namespace is absent where it is not said there. */
export interface Named {
  readonly namespace?: string;
  readonly name: string;
}

/** What is run for each command; resolves to nothing, and tells the exit code by itself. */
export interface Actions {
  readonly why: (options: Options, pod: Named) => Promise<void>;
  readonly networks: (options: Options) => Promise<void>;
  readonly reform: (options: Options, network: Named) => Promise<void>;
  readonly check: (options: Options) => Promise<void>;
  readonly completion: (shell: string) => void;
}

const HELP = `
It reads pods, their conditions and Events by your kubeconfig, and needs neither klight's function nor its store.
With --server it asks the function for what only that knows: what the store has, and what was decided.

Exit codes: 0 the pod is in, it was done, or nothing is wrong; 1 the pod is not in, it was not done, something is wrong, or
a network needs help; 2 the command is wrong; 3 it cannot be told; 4 you may not.

Examples:
  $ kubectl klight why shop/orders-3
  $ kubectl klight networks -A
  $ kubectl klight networks -A -o json | jq '.networks[] | select(.level == "help")'
  $ kubectl klight reform shop/orders
  $ kubectl klight check
  $ klight why shop/orders-3 --server https://klight.example.com`;

/** `name`: what it was called as, for the usage. */
export function commandLine(
  { name, version }: { readonly name: string; readonly version: string },
  { out, err }: Terminal,
  actions: Actions,
): Command {
  const program = withOptions(new Command(name).version(version, "-V, --version", "print the version"))
    .description("Why is a pod in its network or not, and what helps.")
    .addHelpText("after", HELP)
    .showHelpAfterError(`(${name} --help tells how)`)
    .configureOutput({ writeOut: out, writeErr: err })
    .exitOverride();
  const options = (): Options => program.opts<Options>();
  program
    .command("why")
    .description("why a pod is in its network or not, and what helps")
    .argument("<POD>", "NAMESPACE/POD, or POD of the namespace of -n", podNamed)
    .action((pod: Named) => actions.why(options(), pod));
  program
    .command("networks")
    .description("all networks, who is in, who is not, and why")
    .action(() => actions.networks(options()));
  program
    .command("reform")
    .description("re-form a network in place: one history and one list for all that live")
    .argument(
      "<NETWORK>",
      "NAMESPACE/ID, or ID of the namespace of -n; with KLIGHT_SCOPE=cluster just ID",
      networkNamed,
    )
    .action((network: Named) => actions.reform(options(), network));
  program
    .command("check")
    .description("what keeps klight from its work in this cluster; -n: where klight is, klight by default")
    .action(() => actions.check(options()));
  program
    .command("completion")
    .description("print what makes a shell complete klight's commands, pods and networks")
    .addArgument(program.createArgument("<SHELL>", "bash, zsh or fish").choices(["bash", "zsh", "fish"]))
    .action((shell: string) => {
      actions.completion(shell);
    });
  return program;
}

const withOptions = (command: Command): Command =>
  command
    .option("--kubeconfig <file>", "the kubeconfig; else KUBECONFIG, else ~/.kube/config")
    .option("--context <name>", "a context of the kubeconfig; else its current one")
    .addOption(
      new Option("-n, --namespace <name>", "the namespace; else that of the context").argParser(
        namespaceNamed,
      ),
    )
    .option("-A, --all-namespaces", "all namespaces")
    .addOption(
      new Option("-o, --output <format>", "for programs, or a row for each pod").choices(["json", "wide"]),
    )
    .option("-w, --watch", "print again whenever something has changed, until it is stopped")
    .addOption(
      new Option("--timeout <seconds>", "how long to wait for an answer").default(30).argParser(seconds),
    )
    .addOption(
      new Option("--server <url>", "ask klight's function here instead of the cluster")
        .env("KLIGHT_SERVER")
        .argParser(httpUrl),
    )
    .addOption(
      new Option(
        "--token <token>",
        "with --server: the read token; to re-form, where callers are checked, theirs",
      ).env("KLIGHT_READ_TOKEN"),
    );

function httpUrl(value: string): string {
  const { protocol } = URL.parse(value) ?? {};
  if (protocol !== "http:" && protocol !== "https:") {
    throw new InvalidArgumentError("It must begin with http:// or https://.");
  }
  return value;
}

function seconds(value: string): number {
  const number = Number(value);
  if (!(number > 0 && number <= 3_600))
    throw new InvalidArgumentError("It must be more than 0 and at most 3600 seconds.");
  return number;
}

function namespaceNamed(value: string): string {
  if (!isNamespace(value)) throw new InvalidArgumentError("It must be the name of a namespace, as shop.");
  return value;
}

function podNamed(value: string): Named {
  const [name = "", namespace, ...more] = value.split("/").toReversed();
  if (more.length > 0 || !isPodName(name) || (namespace !== undefined && !isNamespace(namespace))) {
    throw new InvalidArgumentError("It must be NAMESPACE/POD, as in shop/orders-3, or POD.");
  }
  return { name, ...(namespace !== undefined && { namespace }) };
}

function networkNamed(value: string): Named {
  const [name = "", namespace, ...more] = value.split("/").toReversed();
  if (more.length > 0 || !isNetworkId(name) || (namespace !== undefined && !isNamespace(namespace))) {
    throw new InvalidArgumentError("It must be NAMESPACE/ID, as in shop/orders, or ID.");
  }
  return { name, ...(namespace !== undefined && { namespace }) };
}

/** The pod that is meant, in the namespace that was said with it, else by -n, else by the context. */
export const podMeant = (pod: Named, options: Options, namespace: string): PodName => ({
  namespace: pod.namespace ?? options.namespace ?? namespace,
  name: pod.name,
});
