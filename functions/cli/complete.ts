import type { Command, Option } from "commander";
import { podKey } from "../status/trouble.ts";
import type { Kube } from "./kube.ts";
import { readPods } from "./pods.ts";

/**
 * What may come next on a command line, for a shell's completion. `words`: all that stands there, the last one still
 * being written. Namespaces, pods and networks come from the cluster; where it cannot be asked there is nothing to offer.
 */
export async function completions(
  program: Command,
  words: readonly string[],
  open: () => Kube,
): Promise<readonly string[]> {
  const current = words.at(-1) ?? "";
  const { command, given, namespace, option } = readWords(program, words.slice(0, -1));
  const candidates = async (): Promise<readonly string[]> => {
    if (option !== undefined) return valuesOf(option, open);
    if (current.startsWith("-")) return program.options.flatMap(({ long }) => long ?? []);
    if (command === undefined) return program.commands.map((each) => each.name());
    return given === 0 ? argumentsOf(command.name(), namespace, open) : [];
  };
  try {
    return starting(current, await candidates());
  } catch {
    return [];
  }
}

interface WordsSoFar {
  readonly command: Command | undefined;
  /** How many arguments the command has already. */
  readonly given: number;
  readonly namespace: string | undefined;
  /** Whose value comes next; undefined: no option waits for one. */
  readonly option: Option | undefined;
}

/** Options may stand anywhere, also before the command, and some have a value behind them. */
function readWords(program: Command, words: readonly string[]): WordsSoFar {
  let [given, command, namespace, option]: [number, Command?, string?, Option?] = [0];
  for (const word of words) {
    if (option !== undefined) {
      if (option.long === "--namespace") namespace = word;
      option = undefined;
    } else if (word.startsWith("-")) {
      const named = program.options.find(({ short, long }) => word === short || word === long);
      if (named?.required === true) option = named;
    } else if (command === undefined) command = program.commands.find((each) => each.name() === word);
    else given += 1;
  }
  return { command, given, namespace, option };
}

async function valuesOf({ long, argChoices }: Option, open: () => Kube): Promise<readonly string[]> {
  if (long !== "--namespace") return argChoices ?? [];
  return [...new Set((await readPods(open(), undefined)).map((pod) => pod.namespace))];
}

async function argumentsOf(
  command: string,
  namespace: string | undefined,
  open: () => Kube,
): Promise<readonly string[]> {
  // What -n says needs not to be said again.
  const prefix = namespace === undefined ? "" : `${namespace}/`;
  const short = (name: string): string => (name.startsWith(prefix) ? name.slice(prefix.length) : name);
  switch (command) {
    case "why":
      return (await readPods(open(), namespace)).map((pod) => short(podKey(pod)));
    case "reform":
      return [...new Set((await readPods(open(), namespace)).flatMap(({ network }) => network ?? []))].map(
        short,
      );
    case "completion":
      return Object.keys(shells);
    default:
      return [];
  }
}

const starting = (current: string, candidates: readonly string[]): readonly string[] =>
  candidates.filter((candidate) => candidate.startsWith(current)).sort();

/** What each shell has to run at its start; every one asks `klight __complete`. */
export const shells: Readonly<Record<string, string>> = {
  bash: `_klight() {
  mapfile -t COMPREPLY < <(klight __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o nosort -F _klight klight
`,
  zsh: `#compdef klight
_klight() {
  local -a candidates
  candidates=("\${(@f)$(klight __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  compadd -- $candidates
}
compdef _klight klight
`,
  fish: `complete -c klight -f -a '(klight __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
};
